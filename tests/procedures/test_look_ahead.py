"""What a sweep will probably ask for next: tables of what is known, what runs, and what idle workers begin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from sparing_studies import INF, known

from lrdoctor.core.study import Stage
from lrdoctor.procedures.look_ahead import Settings, likely_next, with_outcomes
from lrdoctor.procedures.reach import Outcome
from lrdoctor.procedures.sparing import LIMITS, Known, Pair, Step, next_step
from lrdoctor.procedures.sweep import Settings as SweepSettings

GOOD = (0.5, 0.51, 0.52)
"""Losses of the seeds at the best rate; those of worse and broken rates follow."""
WORSE = (0.8, 0.81, 0.82)
BROKEN = (INF,) * 3
EDGE = {0.01: WORSE, 0.1: GOOD, 1.0: BROKEN}
"""Stable up to 0.1, unstable from 1 on: between them most chances are open."""


def asks(of: Mapping[float, str]):
    """A plan that asks for one rate after the trial that ended last: where most seeds were unstable there, else where
    not."""

    def plan(then: Known) -> Step | None:
        rate = then.outcomes[-1].base_learning_rate
        (row,) = (row for row in then.rates if row.base_learning_rate == rate)
        if rate not in of:
            return None
        return Step("refinement", ((float(of[rate].split(" else ")[not row.is_unstable]), 0),))

    return plan


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        (0.3162, {0.2, 0.5}),  # the middle: either half of a bisection
        (0.11, {0.5}),  # all but surely stable
        (0.95, {0.2}),  # all but surely unstable
    ],
)
def test_both_halves_of_a_bisection_are_likely_unless_one_is_hardly_so(running: float, expected: set[float]) -> None:
    tried = known(EDGE)
    plan = asks({running: "0.2 else 0.5"})
    found = likely_next(plan, tried, {running: "refinement"}, [(running, 0)])
    assert {rate for rate, _ in found} == expected


def test_the_likelier_half_comes_first() -> None:
    tried = known(EDGE)
    for running, order in ((0.25, [0.5, 0.2]), (0.4, [0.2, 0.5])):
        plan = asks({running: "0.2 else 0.5"})
        assert (tried.chance_unstable(running) > 0.5) == (order[0] == 0.2)
        found = likely_next(plan, tried, {running: "refinement"}, [(running, 0)], Settings(least=0.01))
        assert [rate for rate, _ in found] == order


def test_what_follows_from_a_guess_counts_with_the_chance_of_both() -> None:
    tried = known(EDGE)
    # 0.3162 decides between 0.2 and 0.5, and each of these asks for one more
    plan = asks({0.5: "0.4 else 0.7", 0.2: "0.15 else 0.25", 0.3162: "0.2 else 0.5"})
    by_depth = [
        {r for r, _ in likely_next(plan, tried, {0.3162: "refinement"}, [(0.3162, 0)], Settings(0.01, depth=depth))}
        for depth in (1, 2)
    ]
    assert by_depth == [{0.2, 0.5}, {0.2, 0.5, 0.15, 0.25, 0.4, 0.7}]


@pytest.mark.parametrize(
    ("tried", "stage", "running", "expected"),
    [
        # nothing is known, so any loss does: the grid goes on outward
        ({}, "grid", [(0.03, 0), (0.1, 0), (0.3, 0)], {0.01, 1.0}),
        # the further seed of what has the best loss, while its neighbours get theirs
        ({0.01: WORSE[:1], 0.03: WORSE[:1], 0.1: GOOD[:1], 0.3: WORSE[:1], 1.0: BROKEN[:1], 3.0: BROKEN[:1]},
         None, [(0.1, 1), (0.1, 2)], {0.3}),
    ],
)  # fmt: skip
def test_what_the_plan_of_a_sweep_will_ask_for(
    tried: Mapping[float, Sequence[float]], stage: Stage | None, running: list[Pair], expected: set[float]
) -> None:
    settings = SweepSettings((0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0))
    before = known(tried, n_seeds=3)
    found = likely_next(
        lambda then: next_step(settings, then, LIMITS), before, {rate: stage or "grid" for rate, _ in running}, running
    )
    assert expected <= {rate for rate, _ in found}
    assert not set(found) & {*running, *((rate, seed) for rate, of in before.tried.items() for seed in of)}
    assert len(set(found)) == len(found)


def test_nothing_is_likely_where_the_plan_ends() -> None:
    assert likely_next(lambda then: None, known(EDGE), {}, [(0.1, 0)]) == ()


def test_outcomes_are_added_as_if_they_had_been_known() -> None:
    whole = known({0.01: WORSE, 0.1: (*GOOD[:2], INF), 1.0: BROKEN})
    part = known({0.01: WORSE, 0.1: GOOD[:1]})
    new = [o for o in whole.outcomes if o not in part.outcomes]
    got = with_outcomes(part, {1.0: "grid"}, new)
    for row, expected in zip(got.rates, whole.rates, strict=True):
        for name in ("base_learning_rate", "stage", "n_judged", "n_feasible", "n_unstable", "is_unstable"):
            assert getattr(row, name) == getattr(expected, name), name
        assert row.objective == expected.objective or math.isinf(row.objective) == math.isinf(expected.objective)
    assert dict(got.tried) == dict(whole.tried)
    assert sorted(map(repr, got.outcomes)) == sorted(map(repr, whole.outcomes))


def test_a_trial_that_rises_and_comes_back_is_unstable_and_feasible() -> None:
    got = with_outcomes(known({0.1: GOOD}), {0.3: "check"}, [Outcome(0.3, 0, is_unstable=True, objective=0.9)])
    row = got.rates[-1]
    assert (row.stage, row.n_feasible, row.n_unstable, row.objective) == ("check", 1, 1, 0.9)
