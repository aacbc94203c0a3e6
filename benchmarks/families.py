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
import pandas as pd

Values = npt.NDArray[np.float64]
Random = np.random.Generator

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


# trends: (n, u in 0..1) -> loss, and the standard deviation of the noise of its logarithm


def _language_model(n: int, u: Values) -> Values:
    return 2.5 + 8.3 * (1 + 200 * u) ** -0.5


def _classifier(n: int, u: Values) -> Values:
    return 2.3 * np.exp(-6 * u) + 0.005


def _regression(n: int, u: Values) -> Values:
    return 10 ** (-4 * np.sqrt(u))


def _fine_tuning(n: int, u: Values) -> Values:
    return 0.8 + 0.1 * np.exp(-10 * u)


TRENDS: dict[str, tuple[Callable[[int, Values], Values], float]] = {
    "language model": (_language_model, 0.03),
    "classifier to 0": (_classifier, 0.25),
    "regression over 4 decades": (_regression, 0.15),
    "flat fine-tuning": (_fine_tuning, 0.1),
}

# noise: unit scale


def _gauss(random: Random, n: int) -> Values:
    return random.normal(size=n)


def _heavy_tails(random: Random, n: int) -> Values:
    return random.standard_t(3, n) / np.sqrt(3)


def _autocorrelated(random: Random, n: int) -> Values:
    """AR(1) with coefficient 0.7 and unit variance."""
    rho = 0.7
    white = random.normal(size=n) * np.sqrt(1 - rho**2) / (1 - rho)
    return _smoothed(white, rho)


def _skewed(random: Random, n: int) -> Values:
    return random.exponential(size=n) - np.log(2)


def _growing(random: Random, n: int) -> Values:
    """Three times as large at the end as at the start."""
    return random.normal(size=n) * np.linspace(0.6, 1.8, n)


NOISES: dict[str, Callable[[Random, int], Values]] = {
    "gauss": _gauss,
    "t3": _heavy_tails,
    "AR(0.7)": _autocorrelated,
    "skewed": _skewed,
    "growing": _growing,
}


def _smoothed(values: Values, beta: float) -> Values:
    """Exponential moving average; what is not finite never leaves it again."""
    bad = np.flatnonzero(~np.isfinite(values))
    average = pd.Series(values).ewm(alpha=1 - beta, adjust=False).mean().to_numpy(copy=True)
    if bad.size:
        average[bad[0] :] = values[bad[0]]
    return average


# instabilities: (log loss, standard deviation of its noise, random) -> log loss with it, its first step

Instability = Callable[[Values, float, Random], tuple[Values, int]]


def _middle(n: int, random: Random) -> int:
    return int(random.uniform(0.3, 0.7) * n)


def _since(n: int, onset: int) -> Values:
    """Steps since the onset, 0 before it."""
    return np.maximum(np.arange(n, dtype=float) - onset, 0)


def _non_finite(value: float, y: Values, sd: float, random: Random) -> tuple[Values, int]:
    onset = _middle(y.size, random)
    return np.where(np.arange(y.size) >= onset, value, y), onset


def _single_point(y: Values, sd: float, random: Random) -> tuple[Values, int]:
    onset = _middle(y.size, random)
    return y + np.where(np.arange(y.size) == onset, max(10 * sd, np.log(1.5)), 0.0), onset


def _recovering_spike(y: Values, sd: float, random: Random) -> tuple[Values, int]:
    """Comes back within some hundredths of the run."""
    onset, length = _middle(y.size, random), max(10.0, random.uniform(0.01, 0.03) * y.size)
    decay = np.exp(-_since(y.size, onset) / length)
    return y + np.where(np.arange(y.size) >= onset, max(6 * sd, np.log(1.5)) * decay, 0.0), onset


def _divergence(y: Values, sd: float, random: Random) -> tuple[Values, int]:
    """Climbs past the first loss and stays there."""
    onset, length = _middle(y.size, random), random.uniform(0.05, 0.2) * y.size
    top = max(y[: max(1, y.size // 100)].mean() - y[onset], 0) + np.log(1.5)
    since = _since(y.size, onset)
    return y + top * np.minimum(since / length, 1.0), onset


def _level_shift(peak: float, rest: float, floor: float, y: Values, sd: float, random: Random) -> tuple[Values, int]:
    """A jump of `peak` noises that comes down to `rest` noises (or to `floor`, if that is more) and no further."""
    onset, length = _middle(y.size, random), 0.02 * y.size
    left = max(rest * sd, floor)
    jump = left + max(peak * sd - left, left) * np.exp(-_since(y.size, onset) / length)
    return y + np.where(np.arange(y.size) >= onset, jump, 0.0), onset


def _slow_drift(y: Values, sd: float, random: Random) -> tuple[Values, int]:
    """Learning ends, and from there on the loss creeps up to the end of the run."""
    onset = _middle(y.size, random)
    trend = pd.Series(y).rolling(y.size // 10, center=True, min_periods=1).median().to_numpy()
    rest = y - trend + trend[onset] + max(6 * sd, np.log(1.5)) * _since(y.size, onset) / (y.size - onset)
    return np.where(np.arange(y.size) >= onset, rest, y), onset


def _early_rise(y: Values, sd: float, random: Random) -> tuple[Values, int]:
    """Up within the first hundred steps, back within the next few hundred, whatever the length of the run."""
    onset = int(random.uniform(5, min(100, y.size / 6)))
    since = _since(y.size, onset) / min(random.uniform(15, 60), y.size / 10)
    return y + max(6 * sd, np.log(1.5)) * since * np.exp(1 - since), onset


def _oscillation(y: Values, sd: float, random: Random) -> tuple[Values, int]:
    """Swings that grow to eight noises within a tenth of the run, and stay."""
    onset, period = _middle(y.size, random), random.uniform(4, 20)
    since = _since(y.size, onset)
    height = max(8 * sd, np.log(1.5)) * np.minimum(since / (0.1 * y.size), 1.0)
    return y + height * np.sin(2 * np.pi * since / period), onset


def _stuck_high(y: Values, sd: float, random: Random) -> tuple[Values, int]:
    """Jumps back to a tenth below the first loss and learns nothing any more."""
    onset = _middle(y.size, random)
    level = y[: max(1, y.size // 100)].mean() - 0.1
    return np.where(np.arange(y.size) >= onset, max(level, y[onset] + 6 * sd) + random.normal(0, sd, y.size), y), onset


INSTABILITIES: dict[str, tuple[str, Instability]] = {
    "nan": ("nan", partial(_non_finite, np.nan)),
    "inf": ("nan", partial(_non_finite, np.inf)),
    "single point": ("reported", _single_point),
    "recovering spike": ("spike", _recovering_spike),
    "divergence": ("divergence", _divergence),
    "level shift": ("divergence", partial(_level_shift, 12.0, 6.0, np.log(1.3))),
    "small level shift": ("reported", partial(_level_shift, 3.0, 1.0, 0.0)),
    "slow drift": ("divergence", _slow_drift),
    "early rise": ("early_instability", _early_rise),
    "oscillation": ("oscillating", _oscillation),
    "stuck high": ("divergence", _stuck_high),
}

# healthy ups and downs


def _staircase(y: Values, random: Random) -> Values:
    """Ten epochs: a small drop at each start, as of data seen before."""
    epoch = np.arange(y.size) * 10 // y.size
    return y - 0.05 * epoch


def _rising_epochs(y: Values, random: Random) -> Values:
    """Ten epochs: the loss creeps up by a hundredth within each, and drops at the next."""
    return y + 0.01 * (np.arange(y.size) * 10 / y.size % 1)


def _warm_restarts(y: Values, random: Random) -> Values:
    """Four cycles of a cosine schedule: each restart of the rate lifts the loss a little."""
    phase = np.arange(y.size) * 4 / y.size % 1
    cycle = np.arange(y.size) * 4 // y.size
    return y + np.where(cycle > 0, 0.015 * (1 - phase), 0.0)


SHAPES: dict[str, Callable[[Values, Random], Values]] = {
    "epoch staircase": _staircase,
    "rising within epochs": _rising_epochs,
    "warm restarts": _warm_restarts,
}

# how it is logged: per-step log loss -> (steps, loss)

Logging = Callable[[Values], tuple[npt.NDArray[np.int64], Values]]


def _every(interval: int, mean: bool, loss: Values) -> tuple[npt.NDArray[np.int64], Values]:
    n = loss.size // interval
    kept = loss[: n * interval].reshape(n, interval)
    return np.arange(1, n + 1) * interval - 1, kept.mean(axis=1) if mean else kept[:, -1]


def _ema(beta: float, loss: Values) -> tuple[npt.NDArray[np.int64], Values]:
    return np.arange(loss.size), _smoothed(loss, beta)


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
