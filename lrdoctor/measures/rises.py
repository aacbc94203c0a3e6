"""Where a curve lies above its own running minimum by more than noise explains, looked for at many scales."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.core import robust
from lrdoctor.core.curve import Values
from lrdoctor.measures import noise
from lrdoctor.measures.units import Units

Marks = npt.NDArray[np.bool_]

SHORT, LONG, VERY_LONG = 60, 1000, 100_000
"""Points of a curve below which blocks may be of one point, from which they are of five, and from which a coarse block
is a median of medians: sorting a million points at fifteen scales would take longer than reading them."""


@dataclass(frozen=True)
class Thresholds:
    rise: float = float(np.log(1.05))
    """A rise of less than 5 % (or 5 % of the progress) is not worth a word, however certain it is."""
    early: float = float(np.log(1.25))
    """The same for the first points alone, where little is known of the noise."""
    quanta: float = 3.0
    """Steps of the last printed digit that a rise spans at least."""
    extremes: float = 0.95
    """Factor on twice the one-sided normal quantile: the largest rise of 100 to 1000 normal blocks, measured in noise
    that is estimated as here, has its 1 % quantile at 0.87 to 0.89 of that. The rest is for noise that is skewed, or
    grows."""
    mirror: float = 2.0
    """Times the deepest dip below both neighbours seen so far: an instability only goes up, so what goes down shows
    how far this noise goes. Needed where few points make a block."""
    mirror_up_to: int = 9
    """Points a block up to which that is asked."""
    alone: float = 1.25
    """Times the limit that a single short block has to exceed; two in a row need only the limit."""
    ending: float = 2.0
    """Times the limit that each point after the last whole block exceeds, two points at least."""
    fewest_ending: int = 2
    lasting: float = 0.75
    """Times the limit that is enough where it lasts for `lasting_blocks` blocks in a row."""
    lasting_blocks: int = 4
    short_block: int = 10
    """Points a block below which it is short."""
    points_a_short_block: int = 160
    """In a curve of so many points times the block's length a block is no longer short."""
    early_points: int = 60
    """Points at the start that are also looked at by themselves, or a twelfth of the curve."""
    early_share: float = 1 / 12
    fewest_blocks: int = 8
    """Blocks at the finest scale."""
    fewest_coarse: int = 12
    """Blocks at every other scale."""
    enough_blocks: int = 24
    """Blocks from which the noise estimate is as good as known. Below, the limit is raised by up to two thirds: for
    12 normal blocks the 1 % quantile of the largest rise is 9.1 estimated deviations where 6.7 are computed."""
    few_blocks: int = 60
    """Blocks below which the noise of independent points may stand for that of their blocks, which is estimated from
    fewer values."""
    fewest_points: int = 30
    """Points that an estimate of their noise needs."""
    allowance: float = 2.0
    """How much noisier blocks may then be than blocks of independent points."""


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
    """Of the peak above the lowest block before, in units of y."""
    limit: float
    """What the height had to exceed there."""
    base: float
    """y of the lowest block before it."""


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
        length = 5 if length == 3 else (2 if n < VERY_LONG else 4) * length
    return found


def find(units: Units, correlation_time: int, alpha: float, quantum: float) -> list[Rise]:
    """The rises at every scale, the finest first; the first points once more by themselves.

    Args:
        units: the curve.
        correlation_time: in points.
        alpha: chance that noise alone makes a rise anywhere in the curve, shared by the scales.
        quantum: the step in which the loss is rounded, 0 for none.
    """
    n = len(units.y)
    scales = lengths(n, correlation_time)
    fives = robust.block_medians(units.y, robust.FEW) if n >= VERY_LONG else None
    found: list[Rise] = []
    for length in scales:
        finest = length == scales[0]
        scan = _Scan(units, n, length, alpha / len(scales), quantum, finest and correlation_time == 0, fives=fives)
        found += [*scan.rises(), *(scan.ending() if finest else ())]
    return found + _early(units, correlation_time, alpha, quantum)


def _early(units: Units, correlation_time: int, alpha: float, quantum: float) -> list[Rise]:
    n = len(units.y)
    n_early = min(n, max(THRESHOLDS.early_points, int(n * THRESHOLDS.early_share)))
    length = max(3 if n < LONG else 5, 3 * correlation_time + 1)
    if n_early // length < THRESHOLDS.fewest_blocks:
        return []
    return list(_Scan(units, n_early, length, alpha, quantum, correlation_time == 0, early=True).rises())


class _Scan:
    """Block medians of the first n points at one scale, their heights above the running minimum, and the limits."""

    def __init__(
        self,
        units: Units,
        n: int,
        length: int,
        alpha: float,
        quantum: float,
        independent: bool,
        *,
        early: bool = False,
        fives: Values | None = None,
    ) -> None:
        self.n, self.length, self.total, self.early = n, length, len(units.y), early
        self.rest = units.y[n - n % length : n]
        curve = units.y[:n]
        self.medians = _medians(curve, length, fives)
        self.lowest = np.minimum.accumulate(self.medians)
        self.height = self.medians - self.lowest
        self.limit = self._limit(curve, alpha, independent)
        self.is_large = self._is_large(units, quantum)

    def rises(self) -> Iterator[Rise]:
        """The stretches in which some block is a rise, as far as blocks stay above half the limit."""
        hot = self._hot()
        if not hot.any():
            return
        warm = hot | ((self.height > self.limit / 2) & self.is_large)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], warm, [False]]).astype(np.int8)))
        for first, end in zip(edges[::2], edges[1::2], strict=True):
            inside = np.flatnonzero(hot[first:end])
            if len(inside):
                yield self._rise(int(first + inside[0]), int(end))

    def ending(self) -> Iterator[Rise]:
        """The points after the last whole block when all of them are far up: a run that is stopped as it blows up."""
        lowest, limit = float(self.lowest[-1]), THRESHOLDS.ending * float(self.limit[-1])
        if len(self.rest) < THRESHOLDS.fewest_ending or self.rest.min() - lowest <= limit:
            return
        at = self.n - len(self.rest)
        height = float(np.median(self.rest)) - lowest
        yield Rise(length=self.length, first=at, end=self.n, peak=at, height=height, limit=limit, base=lowest)

    def _rise(self, first: int, end: int) -> Rise:
        top = first + int(np.argmax(self.height[first:end]))
        lasts = end == len(self.medians) and self.n == self.total
        return Rise(
            length=self.length,
            first=first * self.length,
            end=self.total if lasts else end * self.length,
            peak=top * self.length,
            height=float(self.height[top]),
            limit=float(self.limit[first]),
            base=float(self.lowest[top]),
        )

    def _hot(self) -> Marks:
        limits = THRESHOLDS
        hot = (self.height > self.limit) & self.is_large
        if self.early:
            return _in_a_row(hot, 2)
        enough = np.maximum(limits.lasting * self.limit, limits.rise)
        lasting = _in_a_row((self.height > enough) & self.is_large, limits.lasting_blocks)
        if self.length < min(limits.short_block, max(5, self.n // limits.points_a_short_block)):
            alone = (self.height > limits.alone * self.limit) & self.is_large
            return np.asarray(_in_a_row(hot, 2) | alone | lasting)
        return np.asarray(hot | lasting)

    def _limit(self, y: Values, alpha: float, independent: bool) -> Values:
        m, limits = len(self.medians), THRESHOLDS
        spread = noise.of_blocks(self.medians) * max(1.0, 2 - m / limits.enough_blocks)
        if independent and m < limits.few_blocks and self.length > 1 and len(y) >= limits.fewest_points:
            single = noise.of_points(y)[:: self.length][:m] * noise.MEDIAN_OF / np.sqrt(self.length)
            spread = np.minimum(spread, limits.allowance * single)
        limit = limits.extremes * robust.two_extremes(alpha, m) * spread
        if self.length <= limits.mirror_up_to and not self.early:
            limit = np.maximum(limit, limits.mirror * np.maximum.accumulate(noise.depth(self.medians)))
        return np.maximum(limit, limits.early if self.early else limits.rise)

    def _is_large(self, units: Units, quantum: float) -> Marks:
        """Whether each rise is more than rounding."""
        if not units.is_log or not quantum:
            return np.ones(len(self.medians), dtype=bool)
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(self.medians) - np.exp(self.lowest) > THRESHOLDS.quanta * quantum)


def _medians(y: Values, length: int, fives: Values | None) -> Values:
    """Block medians; in very long curves those of coarse blocks are medians of the medians of five."""
    if fives is None or length % robust.FEW:
        return robust.block_medians(y, length)
    return fives if length == robust.FEW else robust.block_medians(fives, length // robust.FEW)


def _in_a_row(marks: Marks, count: int) -> Marks:
    """Those that belong to a stretch of at least so many."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    found = np.zeros_like(marks)
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        found[first:end] = end - first >= count
    return found
