"""Training curves made up on purpose: healthy ones of many kinds, and the same with one instability put in.

A cell is a kind of curve in one variation; its `make(seed)` is a pure function. Everything is done to the logarithm
of the loss, step by step, and only then logged: every step or every 10th, as a sample or as a mean, smoothed or not.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from benchmarks.curve_parts import INSTABILITIES, NOISES, SHAPES, TRENDS, Values, smoothed

N = 3000
"""Steps of a run where the length is not what varies."""


@dataclass(frozen=True)
class Made:
    """A made-up log."""

    steps: npt.NDArray[np.int64]
    loss: Values
    grad_norm: Values
    label: str
    """As in INDEX.csv; `reported` where nobody could say what the verdict has to be."""
    onset: int | None
    """Step at which the instability begins."""


@dataclass(frozen=True)
class Cell:
    """One kind of curve in one variation."""

    kind: str
    variation: str
    label: str
    make: Callable[[int], Made]


# how it is logged: per-step log loss -> (steps, loss)

Logging = Callable[[Values], tuple[npt.NDArray[np.int64], Values]]


def _every(interval: int, mean: bool, loss: Values) -> tuple[npt.NDArray[np.int64], Values]:
    n = loss.size // interval
    kept = loss[: n * interval].reshape(n, interval)
    return np.arange(1, n + 1) * interval - 1, kept.mean(axis=1) if mean else kept[:, -1]


def _ema(beta: float, loss: Values) -> tuple[npt.NDArray[np.int64], Values]:
    return np.arange(loss.size), smoothed(loss, beta)


LOGGINGS: dict[str, tuple[Logging, int]] = {
    "every 10th": (partial(_every, 10, False), 10 * N),
    "means of 10": (partial(_every, 10, True), 10 * N),
    "every 100th": (partial(_every, 100, False), 10 * N),
    "means of 100": (partial(_every, 100, True), 10 * N),
    "EMA 0.6": (partial(_ema, 0.6), N),
    "EMA 0.9": (partial(_ema, 0.9), N),
    "EMA 0.99": (partial(_ema, 0.99), N),
}
"""name -> (how, steps of the run)."""

EASY_AND_HARD = (("language model", "gauss"), ("flat fine-tuning", "AR(0.7)"))
"""Healthy runs whose decrease hides their noise, and runs that have nothing but noise that wanders."""

PLAIN = "plain"
LENGTHS = (60, 100, 300, 1000, 10_000, 100_000)
UNSTABLE_LENGTHS = (100, 300, 1000, 10_000)


def make(
    seed: int,
    *,
    name: str,
    kind: str,
    trend: str = "language model",
    noise: str = "gauss",
    n: int = N,
    logging: str = PLAIN,
) -> Made:
    """The curve of a cell for one seed.

    Args:
        seed: of the cell's own stream of random numbers, which its name starts.
        name: of the cell.
        kind: a key of INSTABILITIES or SHAPES, or "healthy".
        trend: a key of TRENDS.
        noise: a key of NOISES.
        n: steps.
        logging: a key of LOGGINGS, or PLAIN.
    """
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    trend_of, sd = TRENDS[trend]
    y = np.log(trend_of(n, np.arange(n) / n)) + sd * NOISES[noise](random, n)
    norm = np.exp(-0.3 * np.arange(n) / n + 0.2 * random.normal(size=n))
    label, onset = "stable", None
    if kind in SHAPES:
        y = SHAPES[kind](y, random)
    elif kind in INSTABILITIES:
        label, instability = INSTABILITIES[kind]
        y, onset = instability(y, sd, random)
        norm[onset : onset + 3] *= 20
    with np.errstate(over="ignore"):
        loss = np.exp(y)
    if logging == PLAIN:
        return Made(np.arange(n), loss, norm, label, onset)
    logged, _ = LOGGINGS[logging]
    steps, values = logged(loss)
    return Made(steps, values, norm[steps], label, onset)


def cells() -> Iterator[Cell]:
    """Every cell: healthy ones by trend and noise, shape, length and logging; each instability by the same."""
    healthy = "healthy"
    for trend in TRENDS:
        for noise in NOISES:
            yield _cell(healthy, f"{trend}, {noise}", trend=trend, noise=noise)
    for shape in SHAPES:
        yield _cell(shape, "language model, gauss")
    for trend, noise in EASY_AND_HARD:
        for n in LENGTHS:
            yield _cell(healthy, f"{n} steps, {trend}, {noise}", trend=trend, noise=noise, n=n)
        for logging, (_, n) in LOGGINGS.items():
            yield _cell(healthy, f"{logging}, {trend}, {noise}", trend=trend, noise=noise, logging=logging, n=n)
    for kind in INSTABILITIES:
        for trend in TRENDS:
            yield _cell(kind, trend, trend=trend)
        for noise in list(NOISES)[1:]:
            yield _cell(kind, noise, noise=noise)
        for n in UNSTABLE_LENGTHS:
            yield _cell(kind, f"{n} steps", n=n)
        for logging, (_, n) in LOGGINGS.items():
            yield _cell(kind, logging, logging=logging, n=n)


def _cell(kind: str, variation: str, **how: object) -> Cell:
    label = INSTABILITIES[kind][0] if kind in INSTABILITIES else "stable"
    if label == "early_instability" and "logging" in how:
        label = "reported"  # a hundred steps cannot be seen in one point every ten
    return Cell(kind, variation, label, partial(make, name=f"{kind}, {variation}", kind=kind, **how))  # type: ignore[arg-type]
