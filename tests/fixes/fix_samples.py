"""Runs as the readers make them, and findings about them, for the tests of what is recommended for logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Instability, Severity
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study

NAME = "train.csv"


def log(
    n_points: int = 1000,
    *,
    norms: Iterable[float] | None = None,
    rates: Iterable[float] | None = None,
    losses: Iterable[float] | None = None,
    gap: int = 1,
    first: int = 0,
    **provenance: Any,
) -> Run:
    """A log of `n_points` points, `gap` steps apart from step `first` on; `x` and the rest go to its provenance."""

    def curve(values: Iterable[float]) -> Curve:
        value = np.array(list(values), dtype=float)
        return Curve(first + gap * np.arange(len(value)), value)

    curves = {"train_loss": curve(np.linspace(3, 1, n_points) if losses is None else losses)}
    curves |= {} if norms is None else {"grad_norm": curve(norms)}
    curves |= {} if rates is None else {"learning_rate": curve(rates)}
    return Run(NAME, NAME, curves, provenance={"x": "step", **provenance})


def study(run: Run) -> Study:
    return Study(name=run.name, runs=(run,))


def found(
    instability: Instability,
    first_step: int | None = 100,
    last_step: int | None = None,
    *,
    severity: Severity = "error",
    code: str = "LRD999",
    run: str | None = NAME,
) -> Finding:
    return Finding(
        code=code,
        name="made up",
        severity=severity,
        instability=instability,
        message="",
        observed=1.0,
        threshold=0.5,
        run=run,
        first_step=first_step,
        last_step=last_step if last_step is not None else first_step,
    )


def ramp(steps: int, peak: float, n: int) -> list[float]:
    """Learning rates of a warmup from 0, then constant."""
    return [peak * min(1.0, t / steps) for t in range(n)]
