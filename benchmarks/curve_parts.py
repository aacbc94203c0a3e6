"""What made-up training curves are made of: trends, noise, instabilities, and healthy ups and downs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

Values = npt.NDArray[np.float64]
Random = np.random.Generator

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
    rho, before = 0.7, 50  # the average begins with one value alone, which would be far wider than the rest
    white = random.normal(size=n + before) * np.sqrt(1 - rho**2) / (1 - rho)
    return smoothed(white, rho)[before:]


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


def smoothed(values: Values, beta: float) -> Values:
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
    """Climbs within the first hundred steps to `height` above where it was, back on its way within some hundred."""
    onset = int(random.uniform(5, min(100, y.size / 6)))
    since = _since(y.size, onset) / min(random.uniform(15, 60), y.size / 10)
    height, share = max(6 * sd, np.log(1.5)), since * np.exp(1 - since)
    trend = pd.Series(y).rolling(9, center=True, min_periods=1).median().to_numpy()
    # where the loss falls steeply, a hump laid upon the fall would be no rise at all
    return y + share * (trend[onset] - trend + height), onset


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
