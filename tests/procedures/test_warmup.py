from __future__ import annotations

import doctest
import math
from collections.abc import Callable
from typing import Any

import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.procedures import warmup
from lrdoctor.procedures.warmup import Settings, WarmupAttempt, held_at, highest_held, next_plan, summarize

World = Callable[[float, int], bool]
"""(base rate, warmup_steps) -> whether it holds."""

SETTINGS = Settings(0.1, (10, 1000, 10_000), max_train_steps=100_000)


def tried(rate: float, steps: int, n_held: int, n_judged: int = 3) -> WarmupAttempt:
    return WarmupAttempt(base_learning_rate=rate, warmup_steps=steps, n_judged=n_judged, n_held=n_held)


def searched(world: World, settings: Settings = SETTINGS) -> list[WarmupAttempt]:
    """The whole search in a world without noise."""
    done: list[WarmupAttempt] = []
    while (plan := next_plan(settings, done)) is not None:
        known = {(t.base_learning_rate, t.warmup_steps) for t in done}
        new = {(plan.base_learning_rate, steps) for steps in plan.warmup_steps}
        assert not new & known
        done += [tried(rate, steps, 3 if world(rate, steps) else 0) for rate, steps in sorted(new)]
        assert len(done) < 40
    return done


@pytest.mark.parametrize("shortest", [1, 2, 5, 10, 11, 70, 1000, 1001, 5000, 10_000])
def test_the_shortest_that_holds_is_located_within_a_factor(shortest: int) -> None:
    done = searched(lambda rate, steps: steps >= shortest)
    assert highest_held(done) == SETTINGS.target == 1.0
    found = held_at(1.0, done)[0]
    assert shortest <= found <= max(SETTINGS.close * shortest, shortest)
    assert {t.base_learning_rate for t in done} == {1.0}


@pytest.mark.parametrize("edge", [1.05, 1.3, 2.0, 4.6, 9.9])
def test_a_partial_win_is_located_by_bisection(edge: float) -> None:
    """Nothing holds at 10x; up to `edge` times the unstable rate 1000 steps do."""
    done = searched(lambda rate, steps: rate <= edge * 0.1 and steps >= 1000)
    base = highest_held(done)
    assert base is not None
    assert base <= edge * 0.1 <= SETTINGS.resolution * base
    assert 1000 / SETTINGS.close <= held_at(base, done)[0] <= 1000
    assert sum(t.base_learning_rate not in (1.0, base) for t in done) <= 5


def test_a_hopeless_search_ends_at_the_unstable_rate_itself() -> None:
    done = searched(lambda rate, steps: False)
    assert [(t.base_learning_rate, t.warmup_steps) for t in done] == [
        (1.0, 10),
        (1.0, 1000),
        (1.0, 10_000),
        (0.1, 10_000),
    ]
    assert highest_held(done) is None


def test_failed_trials_end_the_search() -> None:
    done: list[WarmupAttempt] = []
    while (plan := next_plan(SETTINGS, done)) is not None:
        done += [tried(plan.base_learning_rate, steps, 0, n_judged=0) for steps in plan.warmup_steps]
    assert len(done) == 4
    assert not any(t.holds for t in done)


def test_the_first_plan_is_every_order_at_the_factor() -> None:
    plan = next_plan(Settings(0.1682, (1, 10, 15), 150, factor=100), [])
    assert plan is not None
    assert (plan.base_learning_rate, plan.warmup_steps) == (16.82, (1, 10, 15))


@pytest.mark.parametrize(
    ("warmup_steps", "max_train_steps", "post"),
    [(10, 10_000, 490), (166, 10_000, 334), (200, 10_000, 400), (1000, 10_000, 2000), (15, 150, 135), (1, 5, 4)],
)
def test_a_trial_is_long_enough_to_see_what_happens(warmup_steps: int, max_train_steps: int, post: int) -> None:
    assert Settings(0.1, (1,), max_train_steps).post_warmup_steps(warmup_steps) == post


@pytest.mark.parametrize(
    ("n_held", "n_judged", "holds"), [(2, 3, True), (1, 3, False), (1, 2, False), (1, 1, True), (0, 0, False)]
)
def test_a_majority_of_the_judged_seeds_holds(n_held: int, n_judged: int, holds: bool) -> None:
    assert tried(0.1, 10, n_held, n_judged).holds is holds


def run(name: str, **changes: Any) -> Run:
    return Run(name, "trials/x/steps.csv", {"train_loss": Curve.of([2.0, math.nan])}, **changes)


def finding(of: str, severity: Any, name: str = "early blow-up") -> Finding:
    return Finding(
        code="LRD201", name=name, severity=severity, instability="early", message="", observed=1, threshold=0, run=of
    )


def test_what_counts_as_held() -> None:
    """Errors and warnings do not hold, a note does, a failed trial is no evidence, other runs' findings are ignored."""
    runs = [run("a"), run("b"), run("c"), run("d"), run("e", status="failed")]
    found = [
        finding("a", "error"),
        finding("a", "error"),
        finding("b", "warning", "rise"),
        finding("c", "info", "note"),
    ]
    summary = summarize(0.5, 10, runs, [*found, finding("other", "error")])
    assert (summary.n_judged, summary.n_held) == (4, 2)
    assert summary.events == {"early blow-up": 1, "rise": 1, "note": 1}


def test_doctests() -> None:
    assert doctest.testmod(warmup).failed == 0
