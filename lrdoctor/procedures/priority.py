"""Which trials of a sweep's next step decide most, where a budget has no room for all of them. Pure.

The plan of the sweep is not changed: what is left out of a step is what the sweep goes on with once there is more to
spend, so that it comes to the answer that it would have had without a budget.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lrdoctor.procedures.sparing import Known, Pair, Step
from lrdoctor.procedures.sweep import best_rate, lowest_unstable

MOST_NAMED = 6
"""Trials that are named one by one in a sentence; of more, the first."""


def ordered(known: Known, step: Step) -> tuple[Pair, ...]:
    """The trials of a step, those that decide most first.

    First rates that bracket what is not bracketed yet: above all that were tried while none of them is unstable, and
    below them while the lowest is the best one. Then one seed at each rate before a second one at any, since two seeds
    at a rate say little of where the edge is. Of as many seeds the rate that is nearest to lr* or to the lowest
    unstable one: what happens far from both changes neither. While nothing is known, from the middle of the step's
    rates outward: that is where the grid expects lr*.

    Args:
        known: the trials so far.
        step: what the plan asks for.
    """
    best, unstable = best_rate(known.rates), lowest_unstable(known.rates)
    marks = [math.log(row.base_learning_rate) for row in (best, unstable) if row is not None]
    rates = sorted({rate for rate, _ in step.pairs})
    marks = marks or [(math.log(rates[0]) + math.log(rates[-1])) / 2]
    tried = sorted(known.tried)
    nth: dict[Pair, int] = {}
    for rate, seed in step.pairs:
        nth[rate, seed] = sum(other == rate for other, _ in nth)

    def rank(pair: Pair) -> tuple[bool, int, float, float, int]:
        rate, seed = pair
        above = bool(tried) and unstable is None and rate > tried[-1]
        below = bool(tried) and rate < tried[0] and (best is None or best.base_learning_rate == tried[0])
        # to the digits of a rate: of two as far away the higher one, where the edge is
        distance = round(min(abs(math.log(rate) - mark) for mark in marks), 3)
        return not (above or below), nth[pair], distance, -rate, seed

    return tuple(sorted(step.pairs, key=rank))


def in_words(step: Step, left: Sequence[Pair]) -> str:
    """What a budget left out of a step: its kind, and the rates and seeds.

    Args:
        step: the step.
        left: its trials that were not run.
    """
    n, kind = len(left), step.stage or "further seeds"
    named = [f"seed {seed} at {rate:.4g}" for rate, seed in sorted(left)[:MOST_NAMED]]
    more = f" and {n - MOST_NAMED} more" if n > MOST_NAMED else ""
    return f"{n} trial{'s' if n > 1 else ''} of the sweep ({kind}: {', '.join(named)}{more})"
