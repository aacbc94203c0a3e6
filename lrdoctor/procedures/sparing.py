"""Which trials of a sweep can still change its answer: a rate does not need every seed. Pure.

A sweep asks two things of a rate: whether most seeds are unstable there, and whether it is lr*. Which rates of the grid
are asked at all `bracket` tells. Most of them answer with one seed: far below the edge and far from lr*, or above the
edge. So every rate begins with the first seed, and a further one is trained only where

- the majority is open: neither the seeds that are there decide it, whatever the others do, nor does the fit to all
  trials (`reach`), with a chance of error that is stated;
- it may be lr*: the draws of `certainty` choose it more often than a stated chance. What has the best loss so far gets
  every seed, since a single lucky seed is no lr*, and the swept rates on either side of it get some: they give the
  spread over the seeds by which the others are told.

A majority by count is exact: two of three seeds that agree are what all three say. The rest has an error rate, which
`benchmarks/cost.py` measures on made-up workloads. Where what was left out might change the verdict (`foreseen`) the
limits are closer, so that hardly any verdict is another one, or withheld, for want of trials that were saved.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lrdoctor.core.study import Rate, Stage
from lrdoctor.procedures import bracket, certainty
from lrdoctor.procedures.reach import Outcome, Reach, reach
from lrdoctor.procedures.sweep import (
    SWEPT,
    SweepPlan,
    best_rate,
    checks,
    extension,
    lowest_unstable,
    next_plan,
    refinement,
)
from lrdoctor.procedures.sweep import Settings as SweepSettings

Pair = tuple[float, int]
"""Base learning rate and seed of a trial."""


@dataclass(frozen=True)
class Limits:
    """How sure a rate has to be for it to get no further seed.

    The values here and in what follows were chosen on the first made-up workloads of `benchmarks/cost.py`, so that
    verdict and lr* stay; what that costs on workloads they were not chosen on, it prints beside.
    """

    majority: float = 0.05
    """Largest chance, by the fit to all trials, that a majority is on the other side than the seeds that are there."""
    best: float = 0.06
    """Share of the draws in which another rate is lr* up to which it gets no further seed."""
    beside: int = 2
    """Seeds of the swept rates on either side of the best one: the spread over the seeds is taken from them."""
    near: float = 0.5
    """Every seed is trained where the chance of a trial to be unstable lies between this and its complement, though the
    majority be decided: how far the seeds differ shows there. A half: nowhere."""


LIMITS = Limits()

APART = 2.0
"""How much lower a rate is that a rise is compared with, at least, as the rules have it."""

CLOSE = Limits(majority=0.005, best=0.02, near=0.03)
"""Where a verdict may depend on it: whatever has any part in lr*, or in where the edges of the seeds are, is trained.
"""

CLOSEST = Limits(majority=0.001, best=0.01, near=0.001)
"""Where it may depend on it still: a majority is left to the fit where it errs once in a thousand."""

EVERYTHING = None
"""Limits that leave nothing out."""

LADDER = (LIMITS, CLOSE, CLOSEST, EVERYTHING)
"""What a sweep is done by, one after the other, while what was left out might change its verdict (`foreseen`)."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """The trials of a sweep so far."""

    rates: tuple[Rate, ...]
    """Summaries of the rates tried."""
    outcomes: tuple[Outcome, ...]
    """Of the judged trials."""
    tried: Mapping[float, frozenset[int]]
    """Rate -> seeds whose trial ended, failed ones included."""
    seeds: tuple[int, ...]
    """All that may be trained, in order."""

    @cached_property
    def reach(self) -> Reach | None:
        return reach(self.outcomes) if self.outcomes else None

    def left(self, rate: float) -> list[int]:
        """Seeds not trained at a rate, in order."""
        return [seed for seed in self.seeds if seed not in self.tried.get(rate, frozenset())]

    def has_all(self, grid: Sequence[float]) -> bool:
        """Whether every seed was trained at the rates of the grid and at whatever else was tried."""
        return not any(self.left(rate) for rate in {*grid, *self.tried})

    def chance_unstable(self, rate: float) -> float:
        """Chance that a majority of all seeds is unstable at a rate; a half where no trial tells."""
        if self.reach is None:
            return 0.5
        # summed over spreads and widths: where the edge lies is asked, however it varies from seed to seed
        total = np.cumsum(self.reach.chance.sum(axis=(0, 1)))
        return float(np.interp(math.log(rate), self.reach.log_rate, total))

    @cached_property
    def chances_of_best(self) -> Mapping[float, float]:
        """Swept rate -> share of the draws in which it is lr*."""
        swept = [r.base_learning_rate for r in self.rates if r.stage in SWEPT and r.n_judged]
        draws = certainty.draw(self.outcomes, swept) if self.outcomes and swept else None
        if draws is None:
            return {}
        return {rate: float((draws.best == rate).mean()) for rate in swept}


def first_seeds(known: Known, rate: float, is_swept: bool, limits: Limits = LIMITS) -> tuple[int, ...]:
    """Seeds that a new rate begins with.

    A swept rate begins with one. One that is tried for its stability alone begins with as many as a majority takes, as
    none fewer could decide it, unless the fit to the other trials all but decides it.
    """
    n = len(known.seeds)
    if is_swept or not limits.majority < known.chance_unstable(rate) < 1 - limits.majority:
        return known.seeds[:1]
    return known.seeds[: n // 2 + 1]


def open_pairs(known: Known, limits: Limits = LIMITS) -> tuple[Pair, ...]:
    """The trials to run next at rates that are tried already; nothing when no seed that is left can matter."""
    if pairs := compared(known):
        return pairs
    wanted: dict[float, int] = {}
    best = best_rate(known.rates)
    # above the lowest unstable rate nothing is asked; should more seeds say that it is none, the next one is
    unstable = lowest_unstable(known.rates)
    edge = math.inf if best is None or unstable is None else unstable.base_learning_rate
    for row in known.rates:
        if known.left(row.base_learning_rate):
            rate = row.base_learning_rate
            wanted[rate] = 0 if rate > edge else _for_majority(known, row, limits)
            told = 0.5 if known.reach is None else known.reach.chance_unstable(rate)
            if limits.near < told < 1 - limits.near and rate <= APART * edge:
                wanted[rate] = len(known.seeds)
    if best is None:
        return _pairs(known, wanted)
    swept = sorted(r.base_learning_rate for r in known.rates if r.stage in SWEPT)
    at = swept.index(best.base_learning_rate)
    for row in known.rates:
        rate = row.base_learning_rate
        if rate == best.base_learning_rate and known.left(rate):
            wanted[rate] = len(known.seeds)
        # its neighbours are the first that could take its place, and one seed says little of that
        elif rate in swept[max(0, at - 1) : at + 2] and row.n_feasible and known.left(rate):
            n_more = min(limits.beside, len(known.seeds)) - len(known.tried[rate])
            wanted[rate] = max(wanted[rate], n_more)
    if not any(wanted.values()):
        # only now: before that there is no spread over the seeds by which to draw
        for rate, chance in known.chances_of_best.items():
            if rate in wanted and chance > limits.best:
                wanted[rate] = 1
    return _pairs(known, wanted)


def compared(known: Known) -> tuple[Pair, ...]:
    """Trials that unstable ones are judged beside: of the same seed, at the nearest rate at most half as high.

    What rises there too, with the same batches, is none of the rate's (`rules._lower_rates`). Without such a trial a
    seed would be called unstable where another one, that was trained at lower rates, is excused.
    """
    wanted = set()
    for o in known.outcomes:
        lower = [rate for rate in known.tried if APART * rate <= o.base_learning_rate]
        if o.is_unstable and lower and not any(o.seed in known.tried[rate] for rate in lower):
            wanted.add((max(lower), o.seed))
    return tuple(sorted(wanted))


def is_unstable_below_best(known: Known) -> bool:
    """Whether a rate is unstable below lr*. That a seed breaks from some rate on is what trials are left out by."""
    best, broken = best_rate(known.rates), lowest_unstable(known.rates)
    return best is not None and broken is not None and broken.base_learning_rate < best.base_learning_rate


def _pairs(known: Known, wanted: Mapping[float, int]) -> tuple[Pair, ...]:
    return tuple((rate, seed) for rate, n in sorted(wanted.items()) for seed in known.left(rate)[:n])


def _for_majority(known: Known, row: Rate, limits: Limits) -> int:
    """How many more seeds it takes at least to decide the majority at a rate; 0 where it is decided."""
    of_rate = [o for o in known.outcomes if o.base_learning_rate == row.base_learning_rate]
    n_failed = len(known.tried.get(row.base_learning_rate, frozenset())) - len(of_rate)
    n = len(known.seeds) - n_failed
    unstable = sum(o.is_unstable for o in of_rate)
    stable = len(of_rate) - unstable
    if 2 * unstable > n or 2 * stable >= n:
        return 0
    chance = known.chance_unstable(row.base_learning_rate)
    # the fit knows what the seeds share; that no rate trains at all is for every seed to say
    if best_rate(known.rates) is None:
        pass  # that nothing trains is no matter of a fit
    elif (not unstable and stable and chance <= limits.majority) or (
        not stable and unstable and chance >= 1 - limits.majority
    ):
        return 0
    # the shorter way to a majority on either side, and one at least
    return max(1, min(n // 2 + 1 - unstable, -(-n // 2) - stable))


def missing_pairs(known: Known) -> tuple[Pair, ...]:
    """Every trial that was saved, at the rates that are tried."""
    return tuple((r.base_learning_rate, seed) for r in known.rates for seed in known.left(r.base_learning_rate))


@dataclass(frozen=True)
class Step:
    """Trials to run next."""

    stage: Stage | None
    """Why their rates are tried, where these are new; None for further seeds of rates that are tried already."""
    pairs: tuple[Pair, ...]
    note: str | None = None
    """What the user should know about it."""


def next_step(settings: SweepSettings, known: Known, limits: Limits | None = LIMITS) -> Step | None:
    """What to run next; None when the sweep is done.

    Args:
        settings: of the sweep.
        known: its trials so far.
        limits: of what is left out; None to leave nothing out.
    """
    plan = next_plan(settings, known.rates) if limits is EVERYTHING else _next_of_grid(settings, known)
    if plan is None or plan.stage != "grid":
        pairs = missing_pairs(known) if limits is EVERYTHING else open_pairs(known, limits)
        if pairs:
            return Step(None, pairs)
        plan = plan or extension(settings, known.rates) or checks(settings, known.rates)
        plan = plan or refinement(settings, known.rates)
    if plan is None:
        return None
    pairs = tuple(
        (rate, seed)
        for rate in plan.rates
        for seed in (known.seeds if limits is None else first_seeds(known, rate, plan.stage in SWEPT, limits))
    )
    return Step(plan.stage, pairs, plan.note)


def _next_of_grid(settings: SweepSettings, known: Known) -> SweepPlan | None:
    """The rates of the grid that may hold lr* or the lowest unstable rate and are not tried."""
    rates = bracket.further(settings.grid, known.rates, known.outcomes)
    return SweepPlan("grid", rates) if rates else None


# The sweep of a fix asks less: where is it stable, from lr* without it upward, and what does it lose or gain there?

PROMISED = 0.25
"""Share of the seeds that may be unstable at a rate that is called stable (`procedures.measured`)."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the sweep of a fix is to tell."""

    start: float
    """lr* without the fix: the rates from here on are asked."""
    unstable: float | None
    """The lowest unstable rate without it: a fix that more than a quarter of the seeds breaks up to here cures nothing.
    """


def climb(settings: SweepSettings, known: Known, asked: Question) -> Step | None:
    """What to run next of a fix's sweep; None when its question is answered.

    First lr* without the fix and the rate that is to be cured, with all seeds; below them one rate with one seed, which
    tells whether the best rate moves down. Where the cure has failed, which further trials cannot undo, only the losses
    are asked for, at the rates below the one that broke. Else the rates above follow one at a time, until most seeds
    are unstable, and the edge is located.

    Args:
        settings: of the sweep; its grid holds lr* and the rate to be cured.
        known: its trials so far.
        asked: what is to be told.
    """
    rows = {r.base_learning_rate: r for r in known.rates}
    below = [rate for rate in settings.grid if rate < asked.start]
    cured = asked.start if asked.unstable is None else max(asked.start, asked.unstable)
    first = {rate: known.seeds for rate in settings.grid if rate in (asked.start, cured)}
    # one rate below with one seed is enough to see that the best rate moved down
    first |= dict.fromkeys(below[-1:], known.seeds[:1])
    if new := [rate for rate in first if rate not in rows]:
        return Step("grid", tuple((rate, seed) for rate in new for seed in first[rate]))
    shaky = [rate for rate, row in rows.items() if row.n_unstable > PROMISED * len(known.seeds)]
    broke, cap = lowest_unstable(known.rates), min(shaky, default=math.inf)
    has_failed = cap <= cured
    if has_failed:
        asked_rates = [rate for rate in settings.grid if asked.start < rate < min(cap, cured) and rate not in rows]
    else:
        limit = math.inf if broke is None else broke.base_learning_rate
        asked_rates = [rate for rate in settings.grid if asked.start < rate < limit and rate not in rows]
        # up to what is to be cured all at once, and one rate at a time above: there each may be the last that is stable
        between = [rate for rate in asked_rates if rate < cured]
        asked_rates = between or asked_rates[:1]
    if asked_rates:
        return Step("grid", tuple((rate, seed) for rate in asked_rates for seed in known.seeds))
    best = best_rate(known.rates)
    unfinished = [
        rate
        for rate, row in rows.items()
        if known.left(rate)
        and (rate >= asked.start or (best is not None and best.base_learning_rate == rate))
        and not (2 * row.n_unstable > len(known.seeds))
    ]
    if unfinished:
        return Step(None, tuple((rate, seed) for rate in unfinished for seed in known.left(rate)))
    return _beyond_the_grid(settings, known, has_failed)


def _beyond_the_grid(settings: SweepSettings, known: Known, has_failed: bool) -> Step | None:
    """What follows the grid of a fix, as for any sweep, as far as its question goes."""
    grid = [r.base_learning_rate for r in known.rates if r.stage == "grid"]
    tried = replace(settings, grid=tuple(grid))
    broke = lowest_unstable(known.rates)
    limit = math.inf if broke is None else broke.base_learning_rate
    plan = extension(tried, known.rates)
    if plan is not None and has_failed and max(plan.rates) > grid[0]:
        plan = None  # upward is no way to go on where it breaks
    if plan is None and not has_failed:
        plan = checks(tried, known.rates)
        if plan is not None and not any(rate < limit for rate in plan.rates):
            plan = None
        plan = plan or refinement(tried, known.rates)
    if plan is None:
        return None
    rates = [rate for rate in plan.rates if plan.stage != "check" or rate < limit]
    n = len(known.seeds)
    first = known.seeds if plan.stage == "check" else known.seeds[: n // 2 + 1]
    return Step(plan.stage, tuple((rate, seed) for rate in rates for seed in first), plan.note)
