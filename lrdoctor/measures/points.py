"""Single logged points far above what comes before and after them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.curve import Values
from lrdoctor.measures import noise
from lrdoctor.measures.rises import VERY_LONG, Rise
from lrdoctor.measures.units import Units


@dataclass(frozen=True)
class Thresholds:
    rise: float = float(np.log(1.4))
    """Least height above both sides. A single point is no block: it may be one odd batch."""
    noise: float = 1.3
    """Factor on the limit for normal noise, since the noise of single points has heavier tails."""
    mirror: float = 2.0
    """Times the deepest dip below both sides."""
    tail: float = 0.01
    """Part of all points, the highest over their sides, that shows how far this noise goes upwards: their median
    excess over the lowest of them gives the scale of a generalized Pareto tail."""
    fewest_tail: int = 20
    shape: float = 1 / 3
    """Of that tail: heavier than exponential, that of Student's t with 3 degrees of freedom. It is not estimated,
    since twenty points cannot tell one from the other."""
    spike: float = float(np.log(2))
    """In a log of every step a point is a single step: from twice its sides on it is a spike, below it may be one odd
    batch. Real healthy runs are known whose loss rose by half for a single odd batch."""
    start: float = 0.02
    """Part of the curve at the start whose dips do not count: there the loss falls too steeply."""
    fewest_points: int = 30


THRESHOLDS = Thresholds()


def find(units: Units, alpha: float) -> list[Rise]:
    """The points that lie above the medians of the five before and the five after, as rises of one point.

    Args:
        units: the curve.
        alpha: chance that normal noise alone makes one anywhere in the curve.
    """
    y, n = units.y, len(units.y)
    if n < THRESHOLDS.fewest_points:
        return []
    if n >= VERY_LONG and not _stands_out(y):
        return []
    before, after = noise.sides(y)
    base = np.maximum(before, after)
    height = y - base
    if not height.max() > THRESHOLDS.rise:
        return []
    limit = np.maximum(_limit(y, before, after, alpha), max(THRESHOLDS.rise, _tail(height, alpha)))
    high = np.flatnonzero(height > limit)
    return [
        Rise(
            length=1,
            first=int(i),
            end=int(i) + 1,
            peak=int(i),
            height=float(height[i]),
            limit=float(limit[i]),
            base=float(base[i]),
        )
        for i in high
        if i > 0
    ]


def _stands_out(y: Values) -> bool:
    """Whether any point lies half the least height above the blocks beside its own: a first look at a long curve.

    The medians of the five points beside a point are taken over other points than those of blocks, so half is asked.
    """
    blocks = y[: len(y) // robust.FEW * robust.FEW].reshape(-1, robust.FEW)
    columns = [blocks[:, i] for i in range(robust.FEW)]
    medians, highest = robust.median_of(columns), functools.reduce(np.maximum, columns)
    beside = np.maximum(np.append(medians[:1], medians[:-1]), np.append(medians[1:], medians[-1:]))
    last = float(y[-robust.FEW :].max() - medians[-1])
    return max(float((highest - beside).max()), last) > THRESHOLDS.rise / 2


def _limit(y: Values, before: Values, after: Values, alpha: float) -> Values:
    n = len(y)
    dips = np.maximum(np.minimum(before, after) - y, 0)[int(n * THRESHOLDS.start) :]
    normal = NormalDist().inv_cdf(1 - alpha / n) * THRESHOLDS.noise * noise.of_points(y)
    return np.asarray(np.maximum(normal, THRESHOLDS.mirror * dips.max()))


def _tail(height: Values, alpha: float) -> float:
    """The height that the highest of all points reaches with probability alpha, by the upper tail that they show."""
    m = min(max(THRESHOLDS.fewest_tail, int(THRESHOLDS.tail * len(height))), len(height) - 1)
    top = np.partition(height, len(height) - m - 1)[-m - 1 :]
    lowest = float(top.min())
    shape = THRESHOLDS.shape
    scale = float(np.median(top) - lowest) * shape / (2**shape - 1)
    return float(lowest + scale * ((m / alpha) ** shape - 1) / shape)
