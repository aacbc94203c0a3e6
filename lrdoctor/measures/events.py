"""Rises -> events: what belongs together, how it ended, and what kind of trouble it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lrdoctor.core.curve import Steps, Values
from lrdoctor.core.robust import median
from lrdoctor.measures.rises import Rise
from lrdoctor.measures.units import Units

Kind = Literal["early", "spike", "level_shift", "divergence", "outlier"]


@dataclass(frozen=True)
class Thresholds:
    climbing: float = 0.8
    """A rise that ends at this share of its height or more has not begun to come back."""
    divergence: float = float(np.log(1.25))
    """Such a rise is a divergence from 25 % (or a quarter of the progress) on; a smaller one is a shift."""
    end: float = 0.02
    """Part of the curve at its end whose median is the level that it ended at; three points at least."""
    fewest_end: int = 3
    gap_blocks: int = 2
    """Rises no more than this many blocks apart are one event."""


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Event:
    """One instability of a loss. Steps are the log's own."""

    kind: Kind
    first_step: int
    last_step: int
    """Where the loss was last above the limit."""
    peak_step: int
    height: float
    """In units of the curve's y."""
    limit: float
    base: float
    """The loss before, in loss units."""
    peak: float
    """The highest loss in it, in loss units."""
    n_points: int

    @property
    def lost_steps(self) -> int:
        """Steps from its beginning to its end: what the run paid for it."""
        return self.last_step - self.first_step


def of_rises(rises: Iterable[Rise], further: Iterable[Rise] = ()) -> list[Rise]:
    """Rises of all scales as one list in order, each event once: as its finest scale saw it.

    Args:
        rises: of blocks.
        further: what was found otherwise; it adds to the rises that it touches, and is an event of its own elsewhere.
    """
    found: list[Rise] = []
    # the finest scale first: it knows best where a rise begins
    for rise in [*sorted(rises, key=lambda r: (r.length, r.first)), *further]:
        at = [i for i, other in enumerate(found) if _touches(rise, other)]
        if not at:
            found.append(rise)
            continue
        last = found[at[-1]]
        # a much coarser block ends long after the rise that it holds, so its end is not that of the rise
        found[at[-1]] = replace(last, end=max(last.end, rise.end) if _same_scale(rise, last) else last.end)
        if rise.height > last.height:
            found[at[-1]] = replace(found[at[-1]], peak=rise.peak, height=rise.height, base=rise.base)
    return sorted(found, key=lambda r: r.first)


def joined(points: Iterable[Rise]) -> list[Rise]:
    """Single points, in order, with neighbours made one."""
    found: list[Rise] = []
    for point in points:
        if found and point.first <= found[-1].end:
            last = found.pop()
            higher = point if point.height > last.height else last
            point = replace(higher, first=last.first, end=point.end)
        found.append(point)
    return found


def _touches(rise: Rise, other: Rise) -> bool:
    near = THRESHOLDS.gap_blocks * max(rise.length, other.length)
    return rise.first - near <= other.end and other.first - near <= rise.end


def _same_scale(rise: Rise, other: Rise) -> bool:
    return rise.length <= 2 * other.length


def classify(rise: Rise, units: Units, step: Steps, raw: Values, early_until: int, *, is_odd: bool) -> Event:
    """The rise as an event of the log.

    Args:
        rise: in points.
        units: the curve.
        step: int64[n] of the points.
        raw: float64[n], the loss.
        early_until: first step that is not early.
        is_odd: whether it may be one odd batch.
    """
    n = len(step)
    inside = raw[rise.first : max(rise.end, rise.first + 1)]
    at = rise.first + int(np.argmax(inside))
    return Event(
        kind="outlier" if is_odd else _kind(rise, units, n, int(step[rise.first]) < early_until),
        first_step=int(step[rise.first]),
        last_step=int(step[min(rise.end, n) - 1]),
        peak_step=int(step[at]),
        height=rise.height,
        limit=rise.limit,
        base=units.to_loss(rise.base),
        peak=float(raw[at]),
        n_points=min(rise.end, n) - rise.first,
    )


def _kind(rise: Rise, units: Units, n: int, is_early: bool) -> Kind:
    # it came back before the curve ended, so what is left to say is when it happened
    if rise.end < n:
        return "early" if is_early else "spike"
    # the very end, and not the block that the rise ended in, which may hold much from before
    end = units.y[-max(THRESHOLDS.fewest_end, int(n * THRESHOLDS.end)) :]
    left = float(median(end)) - rise.base
    back_at_start = float(median(end)) >= units.of_loss(units.first)
    still_up = left >= THRESHOLDS.climbing * rise.height and rise.height >= THRESHOLDS.divergence
    return "divergence" if back_at_start or still_up else "level_shift"
