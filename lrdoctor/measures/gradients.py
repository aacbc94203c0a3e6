"""What the gradient norms of a log show: single ones far outside, and norms that explode and stay."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lrdoctor.core import robust
from lrdoctor.core.curve import Curve, Steps
from lrdoctor.core.robust import median
from lrdoctor.measures import noise


@dataclass(frozen=True)
class Thresholds:
    factor: float = 10.0
    """An outlier is ten times the norms before it."""
    normal: float = 2.0
    """And beyond twice what the largest of n log-normal norms would be: gradient norms have heavy tails."""
    window: int = 101
    """Points before a point whose median it is compared with."""
    explosion: float = 100.0
    """An explosion is a hundred times the lowest level shortly before."""
    shortly: float = 0.1
    """Part of the run that is: norms that grow over a whole training do not explode."""
    first: float = 0.1
    """And ten times the level of the first tenth: norms that vanish with the loss may grow again."""
    share: float = 0.02
    """Part of the run that it lasts, and three blocks at least."""
    fewest_blocks: int = 3
    fewest_points: int = 30


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Outliers:
    steps: Steps
    """In order."""
    largest: float
    largest_step: int
    usual: float
    """The median before the largest."""
    limit: float
    """What the largest had to exceed."""


@dataclass(frozen=True)
class Explosion:
    first_step: int
    last_step: int
    level: float
    """Highest block median."""
    usual: float
    """Lowest block median before it."""


def outliers(norm: Curve) -> Outliers | None:
    """The norms far above the ones before them, None when there are none or too few norms."""
    finite = _positive(norm)
    n = len(finite)
    if n < THRESHOLDS.fewest_points:
        return None
    y = np.log(finite.value)
    if np.ptp(y) <= np.log(THRESHOLDS.factor):
        return None
    window = min(THRESHOLDS.window, n // 2)
    usual = np.full(n, np.nan)
    # of the norms before it: an outlier is no part of what is usual
    usual[1:] = noise.trailing_median(y, window, 5, noise.STRIDE)[:-1]
    away = np.abs(y - usual)
    spread = robust.MAD_TO_SD * float(median(away[~np.isnan(away)]))
    limit = max(np.log(THRESHOLDS.factor), THRESHOLDS.normal * NormalDist().inv_cdf(1 - 0.5 / n) * spread)
    above = np.flatnonzero(y - usual > limit)
    if not len(above):
        return None
    top = int(above[np.argmax(finite.value[above])])
    with np.errstate(over="ignore"):
        return Outliers(
            steps=finite.step[above],
            largest=float(finite.value[top]),
            largest_step=int(finite.step[top]),
            usual=float(np.exp(usual[top])),
            limit=float(np.exp(usual[top] + limit)),
        )


def explosion(norm: Curve) -> Explosion | None:
    """The stretch from the first to the last block a hundred times above the lowest before it."""
    finite = _positive(norm)
    if len(finite) < THRESHOLDS.fewest_points:
        return None
    y = np.log(finite.value)
    if np.ptp(y) <= np.log(THRESHOLDS.explosion):
        return None
    length = robust.block_length(len(finite))
    medians = robust.block_medians(y, length)
    m = len(medians)
    shortly = max(1, int(THRESHOLDS.shortly * m))
    floor = float(median(medians[:shortly])) + np.log(THRESHOLDS.first)
    # before the first block there is nothing that could be lower
    behind = np.concatenate([np.full(shortly, np.inf), medians])
    lowest = np.maximum(sliding_window_view(behind, shortly + 1).min(axis=1), floor)
    is_high = medians - lowest > np.log(THRESHOLDS.explosion)
    if is_high.any():
        # once exploded it stays so until it is back
        for i in range(int(np.argmax(is_high)) + 1, m):
            if medians[i - 1] - lowest[i - 1] > np.log(THRESHOLDS.explosion):
                lowest[i] = lowest[i - 1]
    high = np.flatnonzero(medians - lowest > np.log(THRESHOLDS.explosion))
    if len(high) < max(THRESHOLDS.fewest_blocks, THRESHOLDS.share * len(medians)):
        return None
    with np.errstate(over="ignore"):
        return Explosion(
            first_step=int(finite.step[high[0] * length]),
            last_step=int(finite.step[min(len(finite), (high[-1] + 1) * length) - 1]),
            level=float(np.exp(medians[high].max())),
            usual=float(np.exp(lowest[high[0]])),
        )


def _positive(norm: Curve) -> Curve:
    """The finite norms above 0: a norm of exactly 0 is no gradient at all."""
    keep = np.isfinite(norm.value) & (norm.value > 0)
    if keep.all():
        return norm
    return Curve(norm.step[keep], norm.value[keep])
