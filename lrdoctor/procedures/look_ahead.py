"""What a sweep will probably ask for next, while the trials that decide it still run. Pure.

A worker that has nothing to do may begin such a trial. Whether it is asked for the plan tells later, by the trials that
it would have had anyway: what was begun ahead changes when an answer is there and never the answer.

The plan itself is asked, with what the running trials will probably do put in for what they did: in each case, most
of all seeds stable or unstable at each rate that runs, by the chances of the fit to all trials (`reach`). Trials that
the plan asks for in likelier cases come first. So both halves of a bisection are begun, the likelier one before the
other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median

from lrdoctor.core.study import Rate, Stage
from lrdoctor.procedures.reach import Outcome
from lrdoctor.procedures.sparing import Known, Pair, Step

Plan = Callable[[Known], Step | None]
"""What a sweep asks for next, by the trials that it has."""


@dataclass(frozen=True)
class Settings:
    least: float = 0.25
    """Chance that a trial is asked for, from which on it is begun: both halves of a bisection, and of its quarters none
    but likely ones."""
    most_open: int = 3
    """Rates that run whose majority is put in both ways, the most uncertain ones; the others do what is likelier."""
    depth: int = 2
    """Steps of the plan that are looked ahead: what follows beyond rests on guesses alone."""


def likely_next(
    plan: Plan, known: Known, running: Mapping[float, Stage], pairs: Sequence[Pair], settings: Settings = Settings()
) -> tuple[Pair, ...]:
    """The trials that the plan will probably ask for when those that run have ended, the likeliest first.

    Args:
        plan: of the sweep.
        known: the trials that have ended.
        running: stage of the rates of `pairs` that are not among `known.rates`.
        pairs: the trials that run.
        settings: how far to look.
    """
    chances: dict[Pair, float] = {}
    _look(plan, known, running, pairs, settings, settings.depth, 1.0, chances)
    likely = [pair for pair, chance in chances.items() if chance >= settings.least]
    return tuple(sorted(likely, key=lambda pair: (-round(chances[pair], 6), pair)))


def _look(
    plan: Plan,
    known: Known,
    running: Mapping[float, Stage],
    pairs: Sequence[Pair],
    settings: Settings,
    depth: int,
    weight: float,
    chances: dict[Pair, float],
) -> None:
    """Adds, to the chance of each trial, that of the cases in which the plan asks for it."""
    for is_unstable, chance in _cases(known, {rate for rate, _ in pairs}, settings.most_open):
        if weight * chance < settings.least:
            continue
        then = with_outcomes(known, running, _guessed(known, pairs, is_unstable))
        step = plan(then)
        if step is None:
            continue
        for pair in step.pairs:
            chances[pair] = chances.get(pair, 0.0) + weight * chance
        if depth > 1:
            stages = {rate: step.stage or "check" for rate, _ in step.pairs}
            _look(plan, then, stages, step.pairs, settings, depth - 1, weight * chance, chances)


def _cases(known: Known, rates: Iterable[float], most_open: int) -> Iterator[tuple[Mapping[float, bool], float]]:
    """What most seeds may do at rates: rate -> whether they are unstable, and the chance of that; likeliest first.

    A higher rate is never stable where a lower one is unstable: where most seeds break there is one edge.
    """
    chance = {rate: known.chance_unstable(rate) for rate in sorted(rates)}
    uncertain = sorted(chance, key=lambda rate: abs(chance[rate] - 0.5))[:most_open]
    cases = []
    for values in product((False, True), repeat=len(uncertain)):
        case = {rate: chance[rate] >= 0.5 for rate in chance} | dict(zip(uncertain, values, strict=True))
        if list(case.values()) != sorted(case.values()):
            continue
        # of one edge: it lies above the highest stable rate and at or below the lowest unstable one
        above = max((chance[rate] for rate in uncertain if not case[rate]), default=0.0)
        below = min((chance[rate] for rate in uncertain if case[rate]), default=1.0)
        cases.append((case, max(0.0, below - above)))
    return iter(sorted(cases, key=lambda pair: -pair[1]))


def with_outcomes(known: Known, running: Mapping[float, Stage], outcomes: Iterable[Outcome]) -> Known:
    """What is known with further trials that ended.

    Args:
        known: the trials before.
        running: stage of the rates that are new.
        outcomes: of the further trials.
    """
    rows = {row.base_learning_rate: row for row in known.rates}
    tried = {rate: set(seeds) for rate, seeds in known.tried.items()}
    every = list(known.outcomes)
    for outcome in outcomes:
        rate = outcome.base_learning_rate
        every.append(outcome)
        tried.setdefault(rate, set()).add(outcome.seed)
        rows[rate] = _row(rows.get(rate), running, outcome, every)
    return replace(
        known,
        rates=tuple(rows[rate] for rate in sorted(rows)),
        outcomes=tuple(every),
        tried={rate: frozenset(seeds) for rate, seeds in tried.items()},
    )


def _guessed(known: Known, pairs: Sequence[Pair], is_unstable: Mapping[float, bool]) -> Iterator[Outcome]:
    for rate, seed in pairs:
        yield Outcome(rate, seed, is_unstable[rate], _loss(known, rate, is_unstable[rate]))


def _loss(known: Known, rate: float, is_unstable: bool) -> float:
    """What a trial will probably reach: what the others at its rate do, else at the nearest rates on either side.

    Where no trial has a loss yet any does, as there is none to compare it with.
    """
    if is_unstable:
        return math.inf
    at = math.log(rate)
    stable = {row.base_learning_rate: row for row in known.rates if math.isfinite(row.objective)}
    if rate in stable:
        return stable[rate].objective
    below = max((other for other in stable if other < rate), default=None)
    above = min((other for other in stable if other > rate), default=None)
    if below is None or above is None:
        near = below if above is None else above
        return 0.0 if near is None else stable[near].objective
    share = (at - math.log(below)) / (math.log(above) - math.log(below))
    return (1 - share) * stable[below].objective + share * stable[above].objective


def _row(row: Rate | None, running: Mapping[float, Stage], new: Outcome, outcomes: Sequence[Outcome]) -> Rate:
    """The summary of a rate with one more trial."""
    losses = [o.objective for o in outcomes if o.base_learning_rate == new.base_learning_rate]
    known = row or Rate(
        base_learning_rate=new.base_learning_rate,
        stage=running[new.base_learning_rate],
        n_judged=0,
        n_feasible=0,
        n_unstable=0,
        objective=math.nan,
        objective_low=math.nan,
        objective_high=math.nan,
        final_loss=math.nan,
    )
    return replace(
        known,
        n_judged=known.n_judged + 1,
        n_feasible=known.n_feasible + (not new.is_infeasible),
        n_unstable=known.n_unstable + new.is_unstable,
        n_learned=None if known.n_learned is None else known.n_learned + (not new.is_infeasible),
        objective=median(losses),
        objective_low=min(losses),
        objective_high=max(losses),
        final_loss=median(losses),
    )
