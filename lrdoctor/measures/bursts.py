"""Short excursions: a few points, too few for a block, far above what comes before and after them.

Where the model learns, a burst may be its own doing. Whether it is noise is told in two ways. Several points in a row
need no knowledge of the noise: values in any order would hardly put them side by side, and the more often it happens
the less. A single point says nothing by its order; it must lie beyond what the tail of the highest points explains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.curve import Values
from lrdoctor.measures import chance, noise
from lrdoctor.measures.rises import Rise, stretches
from lrdoctor.measures.units import Units


@dataclass(frozen=True)
class Thresholds:
    heights: tuple[float, ...] = tuple(float(np.log(factor)) for factor in (1.4, 2, 4, 10, 100))
    """Heights that are tried one after the other: the noise of one log hides what stands out in another."""
    noises: float = 6.0
    """Deviations of single points that a height has to exceed: neighbours may be alike."""
    parts: int = 4
    """Of the curve, the noisiest of which gives these deviations."""
    enough_points: int = 100
    """For parts."""
    most: int = 24
    """Points of the longest burst; what lasts for longer makes whole blocks."""
    side: int = 25
    """Points a block of the level beside a burst; a twentieth of a short curve, 5 at least."""
    side_share: int = 20
    fewest_side: int = 5
    single: float = float(np.log(1.4))
    """Least height of a single point: it may be one odd batch."""
    tail: float = 0.01
    """Part of all points, the highest over their sides, that shows how far this noise goes upwards: their median
    excess over the lowest of them gives the scale of a generalized Pareto tail."""
    fewest_tail: int = 20
    tail_part: int = 5
    """Of a short curve a fifth of the points are its tail."""
    shape: float = 0.2
    """Of that tail, where too few points show it: the logarithm of a loss whose tail is a power is exponential (0), and
    what is added to the loss may have a heavier one."""
    long: int = 1000
    """Points from which it is `long_shape`, that of Student's t with 3 degrees of freedom: the further out the highest
    point lies the more the shape matters."""
    long_shape: float = 1 / 3
    enough_tail: int = 100
    """Points from which the tail shows its shape (Pickands' estimate)."""
    heaviest: float = 0.5
    """Shape of Student's t with 2 degrees of freedom: the mean of a heavier one would not exist in any useful sense."""
    unsure: float = 1.8
    """Deviation of Pickands' estimate of a shape, times the square root of the points that it rests on."""
    fewest_points: int = 12


THRESHOLDS = Thresholds()


def find(
    units: Units, correlation_time: int, alpha: float, is_log: bool = False, *, single: bool, learns: bool = True
) -> list[Rise]:
    """The bursts in order, those of several points first where both ways see one.

    Args:
        units: the curve.
        correlation_time: in points.
        alpha: chance that noise alone makes one anywhere in the curve.
        single: whether those that only their height tells from noise count.
        is_log: whether nothing else is known of the curve: then a burst in a steep fall is looked for as well, and of
            one that never moves all losses are noise, whose tail is taken to be as heavy as they leave possible.
        learns: whether the run does.
    """
    y, n = units.y, len(units.y)
    if n < THRESHOLDS.fewest_points:
        return []
    base, low = _sides(units)
    if not (y - low).max() > THRESHOLDS.heights[0]:
        return []  # no side of a point is lower than that
    before, after = noise.sides(y)  # a burst of one or two points has sides of five, also where the loss falls steeply
    base, low = np.minimum(base, np.maximum(before, after)), np.maximum(low, np.minimum(before, after))
    if is_log:
        base = np.minimum(base, np.maximum(noise.held_before(y), after))
    height = y - base
    if not height.max() > THRESHOLDS.heights[0]:
        return []
    parts = THRESHOLDS.parts if n >= THRESHOLDS.enough_points else 1
    spread = max(noise.points(part) for part in np.array_split(y, parts))
    found = list(_in_a_row(y, base, height, spread, correlation_time, alpha / 2))
    if not single:
        return found
    # how far single points lie below their sides is noise alone: a rise upward has to exceed that too
    tails = (_tail(side, alpha / 2, is_heavy=is_log and not learns) for side in (height, low - y))
    limit = max(THRESHOLDS.single, THRESHOLDS.noises * spread, *tails)
    for first, end in stretches(height > limit):
        if first > 0 and not any(r.first <= first < r.end for r in found):
            found.append(_rise(base, height, first, end, limit))
    return sorted(found, key=lambda rise: rise.first)


def _in_a_row(
    y: Values, base: Values, height: Values, spread: float, correlation_time: int, alpha: float
) -> Iterator[Rise]:
    """Bursts of two points and more at the lowest height at which their number and length are beyond chance."""
    n, each = len(y), correlation_time + 1
    for limit in THRESHOLDS.heights:
        if limit < THRESHOLDS.noises * spread:
            continue
        high = height > limit
        share = float(high.mean())
        runs = [(first, end) for first, end in stretches(high) if end - first <= THRESHOLDS.most]
        longest = max((end - first for first, end in runs), default=0)
        # two independent points at least: one says nothing by its order
        for least in range(2 * each, longest + 1):
            n_runs = sum(end - first >= least for first, end in runs)
            # runs of values in any order: n share^least of them are expected, and their number varies as Poisson
            if chance.poisson(n_runs, n * share ** (least / each)) < alpha / len(THRESHOLDS.heights) / longest:
                for first, end in runs:
                    if end - first >= least and first > 0:
                        yield _rise(base, height, first, end, limit)
                return


def _rise(base: Values, height: Values, first: int, end: int, limit: float) -> Rise:
    top = first + int(np.argmax(height[first:end]))
    return Rise(1, first, end, top, float(height[top]), limit, float(base[top]))


def _sides(units: Units) -> tuple[Values, Values]:
    """float64[n] each: the higher and the lower one of the levels before and after each point.

    A level is the lower one of the medians of two blocks, so that a burst across the end of a block is not its own
    level. Before the first block it is the first point.
    """
    y, n = units.y, len(units.y)
    length = int(np.clip(n // THRESHOLDS.side_share, THRESHOLDS.fewest_side, THRESHOLDS.side))
    # of twenty-five points the median of the medians of five will do, and is found many times faster
    is_square = length == robust.FEW**2
    medians = (
        robust.block_medians(units.block_medians(robust.FEW), robust.FEW) if is_square else units.block_medians(length)
    )
    m = len(medians)
    before = np.concatenate([[y[0]], medians])
    before = np.minimum(before, np.concatenate([before[:1], before[:-1]]))[:m]
    after = np.concatenate([medians[1:], medians[-1:]])
    after = np.minimum(after, np.concatenate([after[1:], after[-1:]]))
    block = np.minimum(np.arange(n) // length, m - 1)
    return np.maximum(before, after)[block], np.minimum(before, after)[block]


def _tail(height: Values, alpha: float, *, is_heavy: bool) -> float:
    """The height that the highest of all points reaches with probability alpha, by the upper tail that they show."""
    n = len(height)
    most = n // THRESHOLDS.tail_part
    m = max(min(THRESHOLDS.fewest_tail, most), int(THRESHOLDS.tail * n), 2)
    lowest, middle, high = _top(height, m)
    shape = THRESHOLDS.long_shape if n >= THRESHOLDS.long else THRESHOLDS.shape
    if m >= THRESHOLDS.enough_tail and middle > lowest:
        shape = float(np.clip(_shape(lowest, middle, high), shape, THRESHOLDS.heaviest))
    elif is_heavy:
        shape = _heaviest_shape(height, max(most, m), shape)
    scale = (middle - lowest) * shape / (2**shape - 1)
    return float(lowest + scale * ((m / alpha) ** shape - 1) / shape)


def _heaviest_shape(height: Values, m: int, least: float) -> float:
    """The heaviest shape that the m highest points leave possible, within its bounds."""
    lowest, middle, high = _top(height, m)
    seen = _shape(lowest, middle, high) if middle > lowest else THRESHOLDS.heaviest
    return float(np.clip(seen + THRESHOLDS.unsure / np.sqrt(m), least, THRESHOLDS.heaviest))


def _top(height: Values, m: int) -> tuple[float, float, float]:
    """Of the m highest points and the next one: the lowest, the median and the upper quartile."""
    n = len(height)
    top = np.partition(height, n - m - 1)[n - m - 1 :]
    lowest, middle, high = (float(v) for v in np.quantile(top, [0, 0.5, 0.75]))
    return lowest, middle, high


def _shape(lowest: float, middle: float, high: float) -> float:
    """Pickands' estimate, 0 at least: each halving of the share above multiplies the next excess by 2^shape."""
    return float(np.log2(max((high - middle) / (middle - lowest), 1.0)))
