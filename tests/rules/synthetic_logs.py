"""Made-up training losses, as somebody may have logged them, and what happens to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.rules import judge_run

Values = npt.NDArray[np.float64]

N = 2000


def log(
    loss: Any,
    *,
    every: int = 1,
    first_step: int = 0,
    curves: Mapping[str, Any] | None = None,
    **known: Any,
) -> Run:
    """A log with one point per `every` steps; `known` is what its reader says of the values.

    Curves are given as values at the same steps, or as a Curve of their own.
    """
    made = {"train_loss": loss, **(curves or {})}
    return Run("run", "run.csv", {k: _curve(v, every, first_step) for k, v in made.items()}, provenance=known)


def _curve(values: Any, every: int, first_step: int) -> Curve:
    if isinstance(values, Curve):
        return values
    return Curve(first_step + every * np.arange(len(values)), values)


def judged(run: Run, alpha: float = 0.01) -> tuple[dict[str, Finding], dict[str, str]]:
    """The findings by code, the first of each, and the reasons of the skips by code."""
    results = list(judge_run(run, Study(name="log", runs=(run,), alpha=alpha)))
    findings = {r.code: r for r in reversed(results) if isinstance(r, Finding)}
    return findings, {r.code: r.reason for r in results if isinstance(r, Skip)}


def severities(run: Run, alpha: float = 0.01) -> dict[str, str]:
    """What is found: code -> severity."""
    return {code: finding.severity for code, finding in sorted(judged(run, alpha)[0].items())}


def wobble(n: int, seed: int, sd: float) -> Values:
    """Factors around 1: noise in proportion to the loss."""
    return np.exp(np.random.default_rng(seed).normal(0, sd, n))


def language_model(n: int = N, seed: int = 0) -> Values:
    """From 10.5 steeply down towards 2.5, with little noise."""
    return (2.5 + 8 * (1 + np.arange(n) / 30) ** -0.7) * wobble(n, seed, 0.03)


def fine_tuning(n: int = 400, seed: int = 0) -> Values:
    """Hardly a fall, and batches of very different difficulty."""
    return (1.1 + 0.4 * np.exp(-np.arange(n) / 40)) * wobble(n, seed, 0.25)


def classifier(n: int = N, seed: int = 0) -> Values:
    """From ln 10 to almost 0, the noisier the lower."""
    t = np.arange(n)
    return 2.3 * np.exp(-t / (n / 7)) * np.exp(np.random.default_rng(seed).normal(0, 1, n) * (0.05 + 0.3 * t / n))


def staircase(n: int = N, seed: int = 0) -> Values:
    """Epochs of 250 steps: the loss falls at the beginning of each, since the data were seen before."""
    t = np.arange(n)
    return (0.4 + 1.9 * 0.8 ** (t // 250) * np.exp(-t / 1500)) * wobble(n, seed, 0.06)


def cosine(n: int = N, cycle: int = 500) -> Values:
    """A learning rate with warm restarts, from 0.1 to 0.001 in each cycle."""
    return 0.001 + 0.0495 * (1 + np.cos(np.pi * (np.arange(n) % cycle) / cycle))


def warm_restarts(n: int = N, seed: int = 0, noise: float = 0.03) -> Values:
    """A loss that follows that learning rate up."""
    return (0.5 + 1.8 * np.exp(-np.arange(n) / 80) + 8 * cosine(n)) * wobble(n, seed, noise)


HEALTHY = {"language model": language_model, "fine-tuning": fine_tuning, "classifier": classifier, "epochs": staircase}


def spike(n: int = N, factor: float = 2.0, start: int = 1200, length: int = 60) -> Values:
    """Factors: `factor` at `start`, back to 1 within `length` points."""
    t = np.arange(n)
    inside = (t >= start) & (t < start + length)
    return np.where(inside, 1 + (factor - 1) * (start + length - t) / length, 1.0)


def from_step(start: int, factor: float, n: int = N) -> Values:
    """Factors: 1 until `start`, then `factor`."""
    return np.where(np.arange(n) < start, 1.0, factor)


def climbing(start: int, doubles_in: float, n: int = N) -> Values:
    """Factors: 1 until `start`, then doubling every so many points."""
    return np.exp2(np.maximum(np.arange(n) - start, 0) / doubles_in)


def with_values(values: Values, at: Any, what: float) -> Values:
    changed = values.copy()
    changed[at] = what
    return changed
