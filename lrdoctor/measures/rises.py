"""Stretches of a curve above the best level that it had held before, and whether noise alone could make them.

The model of a healthy curve: a trend that never goes up, and noise around it. Of the noise nothing is assumed that the
log does not show: it may be heavy-tailed, correlated over some points, and larger now than earlier. A stretch is a rise
when three things hold.

It is large: `rise` units of y, the same however many points are logged.
It is beyond the noise of blocks: block medians above the best level that was held before, in units of how far blocks
vary from one to the next, with the tail that these variations have.
It is beyond chance: the points since that best level was reached, in any order, would hardly ever put so many of their
high values side by side. This needs no distribution at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.core import robust
from lrdoctor.core.curve import Values
from lrdoctor.core.robust import median
from lrdoctor.measures import chance, noise
from lrdoctor.measures.units import VERY_LONG, Units

Marks = npt.NDArray[np.bool_]

SHORT, LONG = 60, 1000
"""Points of a curve below which blocks may be of one point, and from which they are of five."""


@dataclass(frozen=True)
class Thresholds:
    rise: float = float(np.log(1.05))
    """A rise of less than 5 % (or 5 % of the progress) is not worth a word, however certain it is."""
    plain: float = 3.0
    """Times the limit that a height needs no order for: in a short log there may be too few values before it."""
    fewest_plain: int = 3
    """Points that such a height consists of at least."""
    large: float = float(np.log(1.5))
    """What counts in a smooth curve."""
    quanta: float = 3.0
    """Steps of the last printed digit that a rise spans at least."""
    held: int = 20
    """Points over which a level was held before it is a best one: the median of a few easy batches
    is no level that the model had reached."""
    held_part: int = 50
    """Of a short log a fiftieth is enough for that."""
    fewest_blocks: int = 8
    """Blocks at the finest scale."""
    fewest_coarse: int = 12
    """Blocks at every other scale."""
    lasts: float = 0.1
    """Part of the curve that a rise lasts for whose noise is that of the whole curve."""
    certain: float = 0.01
    """Part of the risk that such a rise may be one of values in any order."""
    enough_blocks: int = 24
    """Blocks from which the noise estimate is as good as known. Below, the limit is raised by up to two thirds: for
    12 normal blocks the 1 % quantile of the largest rise is 9.1 estimated deviations where 6.7 are computed."""


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Rise:
    """A stretch above the limit, in points of the curve."""

    length: int
    """Points a block."""
    first: int
    end: int
    """First point after it; the number of points where it lasts to the end."""
    peak: int
    """First point of its highest block."""
    height: float
    """Of the peak above the best level before, in units of y."""
    limit: float
    """What the height had to exceed there."""
    base: float
    """y of the best level before it."""


def lengths(n: int, correlation_time: int) -> list[int]:
    """Points a block, from fine to coarse, for a curve of n points; empty when there are too few.

    The finest block outlives the correlation. Short logs have few points to a spike, so they start with 3 (under 60
    points with 1), long ones with 5; then it doubles.
    """
    finest = max(1 if n < SHORT else 3 if n < LONG else 5, 3 * correlation_time + 1)
    found: list[int] = []
    length = finest
    while n // length >= (THRESHOLDS.fewest_coarse if found else THRESHOLDS.fewest_blocks):
        found.append(length)
        # after 3 comes 5: coarser blocks then are whole fives, whose medians are known already
        length = 5 if length == 3 else (2 if n < VERY_LONG else 4) * length
    return found


def find(units: Units, correlation_time: int, alpha: float, quantum: float, *, is_log: bool = False) -> list[Rise]:
    """The rises at every scale, the finest first.

    Args:
        units: the curve.
        correlation_time: in points.
        alpha: chance that noise alone makes a rise anywhere in the curve, shared by the scales.
        quantum: the step in which the loss is rounded, 0 for none.
        is_log: whether nothing else is known of the curve (`chance.of_stretch`).
    """
    n = len(units.y)
    scales = lengths(n, correlation_time)
    found: list[Rise] = []
    for length in scales:
        medians = units.block_medians(length)
        # each scale is a test of its own, and they share the risk
        risk = alpha / len(scales)
        found += _at_scale(units, medians, length, correlation_time, risk, len(scales), quantum, is_log)
    return found


def find_in_smooth(units: Units, wander: float, alpha: float) -> list[Rise]:
    """The large rises of a smooth curve at its finest scale, beyond what it wanders by: its neighbours are too much
    alike for anything smaller.

    Args:
        units: the curve.
        wander: deviation of its slow swings.
        alpha: chance that they alone make a rise.
    """
    n = len(units.y)
    length = lengths(n, 0)[0] if lengths(n, 0) else 1
    medians = units.block_medians(length)
    best = best_held(medians, max(1, -(-min(THRESHOLDS.held, n // THRESHOLDS.held_part) // length)))
    height = medians - best
    limit = max(THRESHOLDS.large, robust.two_extremes(alpha, len(medians)) * wander)
    found = []
    for first, end in stretches(height > limit):
        top = first + int(np.argmax(height[first:end]))
        last = n if end == len(medians) else end * length
        found.append(Rise(length, first * length, last, top * length, float(height[top]), limit, float(best[top])))
    return found


def find_lasting(units: Units, correlation_time: int, alpha: float) -> list[Rise]:
    """The rises that last for a tenth of the curve, beyond the noise of the curve as a whole.

    What swings before a rise, or falls steeply, hides a lasting one from `find`: the noise known before it is not that
    of the data. The median of a tenth of the curve is moved by no noise that grows, and the order of so many values
    tells more than their height.

    Args:
        units: the curve.
        correlation_time: in points.
        alpha: chance that noise alone makes a rise anywhere in the curve.
    """
    n, y = len(units.y), units.y
    scales = lengths(n, correlation_time)
    least = max(THRESHOLDS.lasts * n, robust.FEW * (correlation_time + 1))
    found: list[Rise] = []
    for length in scales:
        if length > least:
            break
        medians = units.block_medians(length)
        best = best_held(medians, max(1, -(-min(THRESHOLDS.held, n // THRESHOLDS.held_part) // length)))
        height = medians - best
        # the noise of few blocks may come out far too low by chance: it is no less than independent points make
        spread = max(noise.points(medians), units.noise * noise.MEDIAN_OF / np.sqrt(length) if length > 1 else 0.0)
        limit = max(noise.EXTREMES * robust.two_extremes(alpha, len(medians)) * spread, THRESHOLDS.rise)
        limit *= max(1.0, 2 - len(medians) / THRESHOLDS.enough_blocks)
        # at half the limit, so that noise about the limit does not cut it into pieces; its median has to exceed all of
        # it
        for first, end in stretches(height > limit / 2, fewest=int(least) // length):
            lasts = end == len(medians)
            to = n if lasts else end * length
            if to - first * length < least or not median(height[first:end]) > limit:
                continue
            base = float(best[first])
            middle = base + float(median(height[first:end])) / 2
            since = max(int(np.argmax(best <= base)) - 1, 0) * length
            before, stretch = y[since : first * length], y[first * length : to]
            by_chance = chance.of_stretch(before, stretch, middle, n, correlation_time, is_log=True)
            if by_chance < THRESHOLDS.certain * alpha:
                top = first + int(np.argmax(height[first:end]))
                begin = first + int(np.argmax(height[first:end] > limit))
                found.append(Rise(length, begin * length, to, top * length, float(height[top]), limit, base))
    return found


def _at_scale(
    units: Units,
    medians: Values,
    length: int,
    correlation_time: int,
    alpha: float,
    n_scales: int,
    quantum: float,
    is_log: bool,
) -> Iterator[Rise]:
    n, m, y = len(units.y), len(medians), units.y
    best = best_held(medians, max(1, -(-min(THRESHOLDS.held, n // THRESHOLDS.held_part) // length)))
    height = medians - best
    spread = noise.of_blocks(medians)
    if not correlation_time:
        # an estimate from a few blocks may be far too low by chance: those of independent points vary by so much
        spread = np.maximum(spread, units.noise * noise.MEDIAN_OF / np.sqrt(length) if length > 1 else 0.0)
    # at the whole risk: each scale pays its part of it in the test of the order below, and both have to hold
    limit = np.maximum(spread * noise.extremes(medians, spread, alpha * n_scales), THRESHOLDS.rise)
    if m < THRESHOLDS.enough_blocks:
        limit = limit * (2 - m / THRESHOLDS.enough_blocks)
    hot = height > limit
    if quantum and units.is_log:
        with np.errstate(over="ignore"):
            # rounded losses differ by a step or two for nothing
            hot &= np.exp(medians) - np.exp(best) > THRESHOLDS.quanta * quantum
    if not hot.any():
        return
    # it goes on while it is half as high: one dip below the limit does not make two rises of it
    warm = hot | (height > limit / 2)
    for first, end in stretches(warm, among=hot):
        inside = np.flatnonzero(hot[first:end])
        before, first = first * length, first + int(inside[0])
        top = first + int(np.argmax(height[first:end]))
        lasts = end == m
        rise = Rise(
            length=length,
            first=first * length,
            end=n if lasts else end * length,
            peak=top * length,
            height=float(height[top]),
            limit=float(limit[top]),
            base=float(best[top]),
        )
        middle = rise.base + rise.height / 2
        # the values before it, from where on the level was as low but for a quarter of the height
        since = max(int(np.argmax(best <= rise.base + rise.height / 4)) - 1, 0) * length
        low = np.flatnonzero(medians[first:end] <= middle) + first
        until = int(low[low > top][0]) if (low > top).any() else end
        from_here = int(low[low < top][-1]) + 1 if (low < top).any() else first
        # about the peak alone: on the flanks low values are to be expected, and would dilute the order
        upper_half = y[from_here * length : until * length]
        # two odd points side by side fill a block of three, and come in any order once in a while
        n_high = int(np.count_nonzero(upper_half > middle))
        is_plain = rise.height > THRESHOLDS.plain * rise.limit and n_high >= THRESHOLDS.fewest_plain
        by_chance = chance.of_stretch(y[since:before], upper_half, middle, n, correlation_time, is_log=is_log)
        if is_plain or by_chance < alpha:
            yield rise


def best_held(medians: Values, blocks: int) -> Values:
    """float64[m]: for each block the lowest level before it that so many blocks in a row did not exceed.

    Where there are not so many before it, the highest of them; for the first block its own.
    """
    blocks = min(blocks, len(medians))
    held = medians[blocks - 1 :].copy()
    for back in range(1, blocks):
        held = np.maximum(held, medians[blocks - 1 - back : len(medians) - back])
    return np.concatenate([medians[:1], np.maximum.accumulate(medians[: blocks - 1]), np.minimum.accumulate(held)])[
        : len(medians)
    ]


def is_within(rise: Rise, others: Iterable[Rise]) -> bool:
    """Whether a rise begins within one of the others, or within a block of one."""
    return any(r.first - r.length <= rise.first < r.end + r.length for r in others)


def stretches(marks: Marks, *, fewest: int = 1, among: Marks | None = None) -> list[tuple[int, int]]:
    """First index and first index after it of every stretch of marks in a row.

    Args:
        marks: bool[n].
        fewest: marks of a stretch; shorter ones are left out.
        among: further marks, of which a stretch must hold one.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    first, end = edges[::2], edges[1::2]
    keep = end - first >= fewest
    if among is not None:
        at = np.flatnonzero(among)
        keep &= np.searchsorted(at, first) < np.searchsorted(at, end)
    return list(zip(first[keep].tolist(), end[keep].tolist(), strict=True))
