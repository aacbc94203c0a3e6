"""The sweep's planner, run against made-up worlds: what three seeds would do at each rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.core.study import Rate
from lrdoctor.procedures.sweep import Settings, SweepPlan, best_rate, lowest_unstable, next_plan, stand_in

SEEDS = 3
FAILS = None
World = Callable[[float], tuple[float, int] | None]
"""Rate -> (objective, unstable seeds), None where every trial fails. Infeasible when a majority is unstable."""

GRID = (0.001, 0.003162, 0.01, 0.03162, 0.1, 0.3162, 1.0)


def observed(world: World, rate: float, stage: str) -> Rate:
    seen = world(rate)
    objective, n_unstable = seen if seen is not None else (math.nan, 0)
    n_judged = SEEDS if seen is not None else 0
    if 2 * n_unstable > SEEDS:
        objective = math.inf
    return Rate(
        base_learning_rate=rate,
        stage=stage,  # type: ignore[arg-type]
        n_judged=n_judged,
        n_feasible=n_judged - n_unstable,
        n_unstable=n_unstable,
        objective=objective,
        objective_low=objective,
        objective_high=objective,
        final_loss=objective,
    )


def explore(world: World, plan_settings: Settings | None = None) -> tuple[list[SweepPlan], list[Rate]]:
    """All plans until the planner is done, and what they showed."""
    plan_settings = plan_settings or Settings(GRID)
    plans: list[SweepPlan] = []
    tried: list[Rate] = []
    while (plan := next_plan(plan_settings, tried)) is not None:
        assert len(plans) < 100, "it does not end"
        keeps_its_promises(plan, plan_settings, tried)
        plans.append(plan)
        tried = sorted([*tried, *(observed(world, r, plan.stage) for r in plan.rates)], key=by_rate)
    return plans, tried


def by_rate(rate: Rate) -> float:
    return rate.base_learning_rate


def keeps_its_promises(plan: SweepPlan, plan_settings: Settings, tried: list[Rate]) -> None:
    assert plan.rates
    assert list(plan.rates) == sorted(set(plan.rates)), "ascending, none twice"
    assert not set(plan.rates) & {r.base_learning_rate for r in tried}, "none that was tried"
    if plan.stage == "extension":
        reach = 10**plan_settings.decades * 1.001
        assert plan_settings.grid[0] / reach <= plan.rates[0]
        assert plan.rates[-1] <= plan_settings.grid[-1] * reach


def valley(best: float, unstable_from: float) -> World:
    """A parabola in the logarithm around `best`; every seed is unstable from `unstable_from` on."""

    def world(rate: float) -> tuple[float, int]:
        return 1 + math.log10(rate / best) ** 2, SEEDS if rate >= unstable_from else 0

    return world


def rates_of(plans: list[SweepPlan], stage: str) -> list[float]:
    return [rate for plan in plans if plan.stage == stage for rate in plan.rates]


def test_the_stages_of_a_usual_sweep() -> None:
    plans, tried = explore(valley(0.01, 0.07))
    assert [p.stage for p in plans] == ["grid", "check", "refinement", "refinement"]
    assert plans[0].rates == GRID
    assert best_rate(tried).base_learning_rate == 0.01
    # 0.05 is no grid rate, and 0.1 is one
    assert plans[1].rates == (0.05,)
    # 0.05 is calm and 0.1 is not: halved geometrically until they are 1.25 apart
    assert rates_of(plans, "refinement") == [0.07071, 0.05946]
    assert lowest_unstable(tried).base_learning_rate == 0.07071
    assert plans[0].note is None


def test_finished_rates_are_not_asked_for_again() -> None:
    world = valley(0.01, 0.07)
    _, tried = explore(world)
    assert next_plan(Settings(GRID), tried) is None
    some = [r for r in tried if r.base_learning_rate in GRID[2:]]
    assert next_plan(Settings(GRID), some) == SweepPlan("grid", GRID[:2])


@pytest.mark.parametrize(
    ("grid", "world", "extension", "note"),
    [
        # the best lies beyond the grid by 0.8 decades: half a decade at a time, at the grid's spacing
        ((0.01, 0.1, 1.0), valley(0.0015, 10.0), [0.001, 0.0001], "the best rate 0.01 is the lowest one"),
        ((0.001, 0.01, 0.1), valley(0.7, 50.0), [1.0, 10.0], "the best rate 0.1 is the highest one"),
        (
            (0.01, 0.03, 0.1),
            valley(0.2, 50.0),
            [0.3162, 1.0],
            "the best rate 0.1 is the highest one: grid extended upw",
        ),
        # the ends of the grid are rounded
        (
            (0.003162, 0.01, 0.03162),
            valley(0.7, 50.0),
            [0.1, 0.3162, 1.0, 3.162],
            "the best rate 0.03162 is the highest one: grid extended upw",
        ),
        (
            (0.003162, 0.01, 0.03162),
            valley(0.0005, 50.0),
            [0.001, 0.0003162, 0.0001],
            "the best rate 0.003162 is the lowest one",
        ),
        # one rate has no spacing
        ((0.01,), valley(0.01, 0.3), [0.003162, 0.03162], "the best rate 0.01 is the lowest one"),
        # no rate is feasible
        ((0.1, 1.0), valley(0.01, 0.05), [0.01, 0.001], "no rate is feasible: grid extended downward to 0.01"),
        # two decades and no more
        ((0.1, 1.0), valley(1e-9, 50.0), [0.01, 0.001], "the best rate 0.1 is the lowest one"),
        ((0.1, 1.0), valley(1e9, 1e10), [10.0, 100.0], "the best rate 1 is the highest one"),
        ((0.1, 1.0), valley(0.1, 0.0), [0.01, 0.001], "no rate is feasible"),
        ((0.001, 0.01, 0.1), valley(0.01, 0.07), [], None),
    ],
)
def test_extension(grid: tuple[float, ...], world: World, extension: list[float], note: str | None) -> None:
    plans, _ = explore(world, Settings(grid))
    assert rates_of(plans, "extension") == extension
    notes = [p.note for p in plans if p.note]
    assert notes[0].startswith(note) if note else not notes


def test_a_fine_grid_is_extended_by_rates_that_differ() -> None:
    plans, _ = explore(valley(1e-20, 1e20), Settings((0.1, 0.1001)))
    assert plans[1].rates[-1] == pytest.approx(0.1 / 1.1, rel=1e-3)
    assert len(plans[1].rates) == 12  # half a decade in steps of a tenth


@pytest.mark.parametrize("direction", ["down", "up"])
@pytest.mark.parametrize("points", range(3, 25))
def test_the_extension_covers_the_two_decades(direction: str, points: int) -> None:
    """However the rates are rounded, none is missing."""
    grid = tuple(float(f"{r:.4g}") for r in np.geomspace(1e-3, 1.0, points))
    plans, _ = explore(valley(1e-20, 1e20) if direction == "down" else valley(1e20, 1e30), Settings(grid))
    step = 3 / (points - 1)
    assert len(rates_of(plans, "extension")) == math.floor(2 / step + 1e-9)


@pytest.mark.parametrize(
    ("tried", "target", "found"),
    [
        ([0.1, 0.5, 1.0], 0.5, 0.5),
        ([0.1, 0.46], 0.5, 0.46),
        ([0.1, 0.549], 0.5, 0.549),
        ([0.1, 0.44], 0.5, None),
        ([0.1, 0.56], 0.5, None),
        ([0.47, 0.51], 0.5, 0.51),
        ([], 0.5, None),
    ],
)
def test_a_rate_within_a_tenth_stands_for_a_check(tried: list[float], target: float, found: float | None) -> None:
    chosen = stand_in(Settings(GRID), [observed(valley(0.1, 9.0), r, "grid") for r in tried], target)
    assert (chosen.base_learning_rate if chosen else None) == found


def test_failed_checks_are_not_asked_for_again() -> None:
    plans, tried = explore(lambda r: FAILS if r not in GRID else valley(0.01, 9.0)(r))
    assert [p.stage for p in plans] == ["grid", "check"]
    assert lowest_unstable(tried) is None


def test_rates_whose_trials_failed_bound_nothing() -> None:
    grid = (0.001, 0.01, 0.05, 0.1)
    tried = [observed(lambda r: FAILS if r == 0.05 else valley(0.01, 0.1)(r), r, "grid") for r in grid]
    assert next_plan(Settings(grid), tried) == SweepPlan("refinement", (0.03162,))


@pytest.mark.parametrize("edge", [0.0123, 0.03, 0.0499, 0.0501, 0.09, 0.3])
def test_the_unstable_rate_is_located(edge: float) -> None:
    _, tried = explore(valley(0.01, edge))
    found = lowest_unstable(tried).base_learning_rate
    assert edge <= found <= 1.25 * edge * 1.001


def test_the_best_is_chosen_among_swept_feasible_rates() -> None:
    tried = [
        observed(lambda r: (3.0, 0), 0.1, "grid"),
        observed(lambda r: (2.0, 1), 0.2, "extension"),
        observed(lambda r: (2.0, 0), 0.3, "grid"),  # equal to the one below: the lower is taken
        observed(lambda r: (1.0, 0), 0.5, "check"),
        observed(lambda r: (0.5, 2), 0.6, "grid"),
        observed(lambda r: FAILS, 0.05, "grid"),
    ]
    assert best_rate(tried).base_learning_rate == 0.2
    assert lowest_unstable(tried).base_learning_rate == 0.6
    assert best_rate([]) is best_rate(tried[4:]) is None


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any world: monotone or not, with rates at which every trial fails."""
    table = draw(
        st.lists(
            st.none() | st.tuples(st.sampled_from([0.1, 0.5, 0.5, 1.0, math.inf]), st.integers(0, SEEDS)),
            min_size=1,
            max_size=12,
        )
    )
    width = draw(st.floats(0.02, 1.0))

    def world(rate: float) -> tuple[float, int] | None:
        return table[int(math.log10(rate) / width) % len(table)]

    return world


@st.composite
def grids(draw: st.DrawFn) -> Iterator[tuple[float, ...]]:
    low = 10 ** draw(st.floats(-5, 0))
    rates = np.geomspace(low, low * 10 ** draw(st.floats(0.3, 4)), draw(st.integers(2, 12)))
    return tuple(sorted({float(f"{r:.4g}") for r in rates}))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(world=worlds(), grid=grids() | st.just((0.1,)))
def test_it_ends_in_every_world(world: World, grid: tuple[float, ...]) -> None:
    plans, tried = explore(world, Settings(grid))
    assert plans[0] == SweepPlan("grid", grid)
    assert {r.base_learning_rate for r in tried} >= set(grid)
    best, unstable = best_rate(tried), lowest_unstable(tried)
    if best is not None:
        for factor in Settings(grid).checks:
            assert stand_in(Settings(grid), tried, factor * best.base_learning_rate) is not None
    if unstable is not None:
        below = [r for r in tried if r.base_learning_rate < unstable.base_learning_rate]
        judged = [r.base_learning_rate for r in below if r.n_judged]
        apart = unstable.base_learning_rate / max(judged) if judged else 1.0
        assert apart <= 1.25 or any(not r.n_judged for r in below)
