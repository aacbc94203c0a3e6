"""Which rates of the grid can still hold lr* or the lowest unstable rate. Pure.

Over the rates a training's loss has one valley, and beyond some rate it is unstable. So a sweep need not walk the whole
grid: it begins in the middle and goes on outward, down until rates are ever worse than the best one, up until they are
unstable. Two in a row are asked of either side, as one may be the luck of a seed. Below the valley the loss has only
less time to fall, above the edge nothing is asked.

Where the loss has a second valley beyond, it is not found; `--exhaustive` looks everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import variance

from lrdoctor.core.study import Rate
from lrdoctor.procedures.reach import Outcome
from lrdoctor.procedures.sweep import best_rate


@dataclass(frozen=True)
class Settings:
    first: int = 3
    """Rates that a sweep begins with at least, and a third of the grid: a valley shows with three."""
    at_once: int = 1
    """Rates that are added on either side at a time: fewer would leave workers idle, more train what is not asked."""
    in_a_row: int = 2
    """Rates that settle a side."""
    spreads: float = 2.0
    """Deviations over the seeds by which a lower rate is worse than the best one, where they are known: one seed in
    forty of the better rate would do as badly by luck."""


def further(
    grid: Sequence[float], rates: Sequence[Rate], outcomes: Sequence[Outcome], settings: Settings = Settings()
) -> tuple[float, ...]:
    """Rates of the grid to try next, ascending; empty when those that are left can hold no answer.

    Args:
        grid: base learning rates, ascending.
        rates: those tried so far.
        outcomes: of their trials, whose losses tell how far seeds differ.
        settings: of the search.
    """
    rows = {r.base_learning_rate: r for r in rates}
    begun = [at for at, rate in enumerate(grid) if rate in rows]
    if not begun:
        n = min(len(grid), max(settings.first, -(-len(grid) // 3)))
        begin = (len(grid) - n) // 2
        return tuple(grid[begin : begin + n])
    low, high = begun[0], begun[-1]
    best = best_rate([rows[grid[at]] for at in begun])
    bottom = [rows[rate] for rate in grid[low : low + settings.in_a_row] if rate in rows]
    top = [rows[rate] for rate in grid[max(low, high + 1 - settings.in_a_row) : high + 1] if rate in rows]
    above = grid[high + 1 : high + 1 + settings.at_once]
    below = grid[max(0, low - settings.at_once) : low]
    if len(top) == settings.in_a_row and all(r.n_judged and r.is_unstable for r in top):
        above = ()
    if best is not None and len(bottom) == settings.in_a_row and _fall_behind(bottom, best, outcomes, settings):
        below = ()
    return (*below, *(rate for rate in grid[low:high] if rate not in rows), *above)


def _fall_behind(bottom: Sequence[Rate], best: Rate, outcomes: Sequence[Outcome], settings: Settings) -> bool:
    """Whether the lowest rates, ascending, are ever worse than the best one the lower they are."""
    margin = settings.spreads * deviation(outcomes, best.base_learning_rate)
    losses = [r.objective for r in bottom]
    return (
        all(r.n_feasible and not r.is_unstable and r.base_learning_rate < best.base_learning_rate for r in bottom)
        and all(loss > best.objective + margin for loss in losses)
        and losses == sorted(losses, reverse=True)
    )


def deviation(outcomes: Sequence[Outcome], rate: float) -> float:
    """Deviation over the seeds of the objective of a rate; 0 while fewer than two of its trials are stable."""
    losses = [o.objective for o in outcomes if o.base_learning_rate == rate and not o.is_unstable]
    finite = [loss for loss in losses if math.isfinite(loss)]
    return math.sqrt(variance(finite)) if len(finite) > 1 else 0.0
