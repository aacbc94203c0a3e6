from __future__ import annotations

import math
from typing import Any

import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.study import Rate, Study
from lrdoctor.core.trial import Trial
from lrdoctor.procedures.comparison import compare
from lrdoctor.procedures.warmup import Settings
from lrdoctor.procedures.warmup_comparison import (
    Comparison,
    Held,
    WarmupFound,
    at_best_rate,
    highest_stable,
    rates_to_compare,
)

INF = math.inf


def rate(at: float, n_unstable: int = 0, objective: float = 0.5, n: int = 3, stage: Any = "grid") -> Rate:
    return Rate(
        base_learning_rate=at, stage=stage, n_judged=n, n_feasible=n - n_unstable, n_unstable=n_unstable,
        objective=objective, objective_low=objective, objective_high=objective, final_loss=objective,
    )  # fmt: skip


def test_the_comparison_goes_by_the_rule_for_every_fix() -> None:
    one = Comparison(base_learning_rate=0.3, baseline={0: 0.50, 1: INF, 2: 0.51}, warmed={0: 0.40, 1: 0.41, 2: 0.42})
    assert (one.before, one.after) == (0.51, 0.41)
    assert one.paired == compare(one.baseline, one.warmed)
    assert (one.paired.change, one.paired.n_better) == ("gain", 3)


@pytest.mark.parametrize(
    ("rates", "highest"),
    [
        ([rate(0.1), rate(0.2), rate(0.3, 2), rate(0.4)], 0.2),
        ([rate(0.3, 2), rate(0.1)], 0.1),
        ([rate(0.1), rate(0.2, n=0), rate(0.3)], 0.3),
        ([rate(0.1), rate(0.2, 1, n=2), rate(0.3)], 0.3),  # neither stable nor unstable
        ([rate(0.1, 3)], None),
        ([], None),
    ],
)
def test_the_highest_stable_rate(rates: list[Rate], highest: float | None) -> None:
    assert highest_stable(rates) == highest


@pytest.mark.parametrize(
    ("warmed", "without", "beyond", "risen"),
    [
        ([rate(0.1), rate(1.0)], [rate(0.1), rate(1.0, 3)], True, True),
        ([rate(0.1), rate(1.0)], [rate(0.1), rate(1.0, 1)], True, False),  # stable without it too
        ([rate(0.1), rate(0.22)], [rate(0.1), rate(0.22, 3)], False, False),  # within what the edge is known to
        ([rate(0.1), rate(1.0, 2)], [rate(0.1), rate(1.0, 3)], False, False),
        ([], [], False, False),
    ],
)
def test_when_the_highest_stable_rate_rose(warmed: list[Rate], without: list[Rate], beyond: bool, risen: bool) -> None:
    found = WarmupFound(
        settings=Settings(0.2, (10,), 100),
        tried=(),
        held=Held(base_learning_rate=2.0, warmup_steps=10),
        warmed=tuple(warmed),
        without=tuple(without),
    )
    assert (found.is_beyond_the_edge, found.risen is not None) == (beyond, risen)


@pytest.mark.parametrize(
    ("rates", "grid", "compared"),
    [
        ((rate(0.01), rate(0.1), rate(0.15, stage="refinement"), rate(0.3), rate(3.0)), (), (0.1, 0.2, 0.3, 2.0)),
        ((), (0.01, 0.5, 5.0), (0.1, 0.2, 0.5, 2.0)),
    ],
)
def test_the_compared_rates_go_from_the_best_to_the_base(
    rates: tuple[Rate, ...], grid: tuple[float, ...], compared: tuple[float, ...]
) -> None:
    study = Study(name="x", runs=(), rates=rates, best_learning_rate=0.1, unstable_base_learning_rate=0.2)
    assert rates_to_compare(study, 0.1, 0.2, grid, 2.0) == compared


def run(at: float, seed: int, val: float, warmup_steps: int = 0, **changes: Any) -> Run:
    trial = Trial(
        base_learning_rate=at, seed=seed, max_train_steps=10, eval_every=5, optimizer="{}", warmup_steps=warmup_steps
    )
    return Run(f"{at} {seed} {warmup_steps}", "x", {"val_loss": Curve([4, 9], [val, 9.0])}, trial=trial, **changes)


def test_the_comparison_is_paired_by_seed_at_the_best_stable_rate() -> None:
    plain = [run(0.1, 0, 0.5), run(0.1, 1, 0.6), run(0.1, 2, 0.7, status="failed"), run(0.3, 0, 0.1)]
    warmed = [run(0.3, seed, 0.4 + seed / 10, 5) for seed in range(3)] + [run(0.9, 0, 0.0, 5)]
    rates = [rate(0.1), rate(0.3, objective=0.4), rate(0.9, 3, objective=0.0)]
    one = at_best_rate(0.1, plain, warmed, rates, {"0.3 1 5"}, "best_val_loss")
    assert one == Comparison(base_learning_rate=0.3, baseline={0: 0.5, 1: 0.6}, warmed={0: 0.4, 1: INF})


def test_nothing_stable_is_nothing_to_compare() -> None:
    assert at_best_rate(0.1, [run(0.1, 0, 0.5)], [run(0.3, 0, 0.4, 5)], [rate(0.3, 3)], set(), "best_val_loss") is None
    assert at_best_rate(0.1, [], [run(0.3, 0, 0.4, 5)], [rate(0.3)], set(), "best_val_loss") is None
