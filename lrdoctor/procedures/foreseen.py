"""Whether the trials that a sweep left out could change its verdict: what they would probably have shown. Pure.

What was left out is drawn, again and again, from what the trials that are there say of it: the edge of each seed from
the posterior of `reach` and its own trials, its loss from those of its rate and the spread over the seeds. With each
draw the sweep is judged as if everything had been trained. Where the verdict comes out the same nearly every time there
is no need to train any of it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from statistics import median

import numpy as np

from lrdoctor.core.certainty import Side
from lrdoctor.procedures.look_ahead import with_outcomes
from lrdoctor.procedures.reach import Outcome
from lrdoctor.procedures.sparing import EVERYTHING, LADDER, Known, Limits, Pair, missing_pairs

Judge = Callable[[Known], Side | None]
"""On which side of the verdict's limit a sweep with these trials lies; None where nothing tells."""


N_DRAWS = 60
"""Of everything that was left out."""
MOST = 2
"""Draws in which the verdict may be another one: it stands where at most one case in thirty changes it. Chosen, as the
limits of `sparing`, on the first made-up workloads of `benchmarks/cost.py`."""


def further(known: Known, limits: Limits | None, judge: Judge) -> Limits | None:
    """The limits to go on with when a sweep is done by some: the same ones where its verdict stands.

    Args:
        known: the trials that are there.
        limits: those it was done by.
        judge: the sweep, by its trials.
    """
    return limits if limits is EVERYTHING or stands(known, judge) else LADDER[LADDER.index(limits) + 1]


def stands(known: Known, judge: Judge) -> bool:
    """Whether the verdict would be the same with every trial that was left out at the rates that were tried; also
    where there is none yet."""
    left, said = missing_pairs(known), judge(known)
    if not left or said is None:
        return True
    changed = (o for o in drawn(known, left, N_DRAWS) if judge(with_outcomes(known, {}, o)) != said)
    # as soon as there is one too many
    return next(islice(changed, MOST, None), None) is None


def drawn(known: Known, left: Sequence[Pair], n: int) -> Iterator[list[Outcome]]:
    """What trials would have shown, n times.

    Args:
        known: the trials that are there.
        left: those that are not, at rates that have some.
        n: how often.
    """
    if known.reach is None:
        return
    # a fixed seed: the same trials ask for the same ones next
    rng = np.random.default_rng(0)
    losses = _Losses(known.outcomes)
    for edges, width in known.reach.edges(known.outcomes, known.seeds, n, rng):
        found = []
        for rate, seed in left:
            chance = 1 / (1 + math.exp(min(50.0, (edges[seed] - math.log(rate)) / width)))
            is_unstable = bool(rng.random() < chance)
            found.append(Outcome(rate, seed, is_unstable, losses.drawn(rate, seed, is_unstable, rng)))
        yield found


class _Losses:
    """What a trial reaches: what others at its rate do, the level of its seed and the spread over the seeds."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        finite = [o for o in outcomes if math.isfinite(o.objective)]
        # the noise of a loss is in proportion to it
        self._is_log = all(o.objective > 0 for o in finite)
        # a loss may be as large as a float can be, and its square is larger
        self._unit = max((abs(o.objective) for o in finite), default=0.0) or 1.0
        table: dict[float, dict[int, float]] = {}
        for o in finite:
            value = math.log(o.objective) if self._is_log else o.objective / self._unit
            table.setdefault(o.base_learning_rate, {})[o.seed] = value
        self._level = {rate: median(of.values()) for rate, of in table.items()}
        shared = [
            (seed, value - self._level[rate]) for rate, of in table.items() if len(of) > 1 for seed, value in of.items()
        ]
        self._of_seed = {seed: median([v for s, v in shared if s == seed]) for seed in {s for s, _ in shared}}
        own = [value - self._of_seed[seed] for seed, value in shared]
        freedom = max(1, len(own) - sum(len(of) > 1 for of in table.values()))
        self._spread = math.sqrt(sum(value**2 for value in own) / freedom)
        unstable = [o for o in outcomes if o.is_unstable]
        # half a trial of either kind, as a share of a few is known badly
        self._infeasible = (sum(o.is_infeasible for o in unstable) + 0.5) / (len(unstable) + 1)

    def drawn(self, rate: float, seed: int, is_unstable: bool, rng: np.random.Generator) -> float:
        """The objective of a trial; inf where it is infeasible."""
        if rate not in self._level or (is_unstable and rng.random() < self._infeasible):
            return math.inf
        value = self._level[rate] + self._of_seed.get(seed, 0.0) + self._spread * rng.standard_normal()
        if not self._is_log:
            return value * self._unit
        return math.exp(value) if value < math.log(sys.float_info.max) else math.inf
