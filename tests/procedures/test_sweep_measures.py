"""What the runs at one rate amount to, and the figures of a whole sweep."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lrdoctor.core.curve import EMPTY, Curve
from lrdoctor.core.report import Finding, Severity
from lrdoctor.core.run import Run, Status
from lrdoctor.core.study import Rate, Study
from lrdoctor.procedures.sweep import afterthoughts, measure, objective_of, summarize

NAN, INF = math.nan, math.inf


def run_of(
    name: str = "a", train: Any = (2.0, 1.0), val: Any = (), status: Status = "completed", every: int = 1
) -> Run:
    validation = Curve(np.arange(len(val)) * every + every - 1, np.array(val)) if len(val) else EMPTY
    return Run(name, "steps.csv", {"train_loss": Curve.of(train), "val_loss": validation}, status=status)


@pytest.mark.parametrize(
    ("val", "best"),
    [
        ([3.0, 1.0, 2.0], 1.0),  # the best, not the last
        ([3.0, NAN, 2.0], 2.0),
        ([NAN, INF], INF),
        ([-INF, -1.0], -1.0),
        ([], INF),
    ],
)
def test_objective_on_validation(val: list[float], best: float) -> None:
    assert objective_of(run_of(train=[0.5], val=val), "best_val_loss") == best


@pytest.mark.parametrize(
    ("train", "best"),
    [
        ([3.0, 1.0, 2.0], 1.0),
        ([2.0] * 39 + [0.0], 1.0),  # one lucky batch is averaged with its neighbour
        ([4.0] * 20 + [2.0] * 20 + [3.0] * 3, 2.0),
        ([NAN, 3.0], 3.0),
        ([NAN], INF),
        ([], INF),
    ],
)
def test_objective_on_training(train: list[float], best: float) -> None:
    assert objective_of(run_of(train=train, val=[0.1]), "best_train_loss") == best


def found(run: str, severity: Severity, name: str = "rise") -> Finding:
    return Finding(
        code="LRD203",
        name=name,
        severity=severity,
        instability="mid_training",
        message="",
        observed=1.0,
        threshold=0.0,
        run=run,
    )


RUNS = [run_of(name, val=[best, 9.0]) for name, best in (("a", 1.0), ("b", 2.0), ("c", 4.0))]


@pytest.mark.parametrize(
    ("findings", "n_feasible", "n_unstable", "objective", "low", "high", "events"),
    [
        ([], 3, 0, 2.0, 1.0, 4.0, {}),
        ([found("a", "warning")], 3, 1, 2.0, 1.0, 4.0, {"rise": 1}),
        ([found("a", "info")], 3, 0, 2.0, 1.0, 4.0, {"rise": 1}),
        ([found("a", "error", "nan")], 2, 1, 4.0, 2.0, INF, {"nan": 1}),
        ([found("a", "error"), found("b", "error")], 1, 2, INF, 4.0, INF, {"rise": 2}),
        # two findings in one seed are one seed
        ([found("a", "warning"), found("a", "error", "nan")], 2, 1, 4.0, 2.0, INF, {"rise": 1, "nan": 1}),
        ([found("a", "warning"), found("a", "warning")], 3, 1, 2.0, 1.0, 4.0, {"rise": 1}),
        # of another rate's run
        ([found("z", "error")], 3, 0, 2.0, 1.0, 4.0, {}),
    ],
)
def test_three_seeds_at_one_rate(
    findings: list[Finding],
    n_feasible: int,
    n_unstable: int,
    objective: float,
    low: float,
    high: float,
    events: dict[str, int],
) -> None:
    rate = summarize(0.1, "grid", RUNS, findings, "best_val_loss")
    assert (rate.base_learning_rate, rate.stage, rate.n_judged) == (0.1, "grid", 3)
    assert (rate.n_feasible, rate.n_unstable) == (n_feasible, n_unstable)
    assert (rate.objective, rate.objective_low, rate.objective_high) == (objective, low, high)
    assert rate.events == events


def test_failed_trials_are_no_evidence() -> None:
    runs = [*RUNS[:2], run_of("c", status="failed", val=[0.0])]
    rate = summarize(0.1, "grid", runs, [found("c", "error")], "best_val_loss")
    assert (rate.n_judged, rate.n_feasible, rate.objective, rate.events) == (2, 2, 1.5, {})
    nothing = summarize(0.1, "grid", [run_of(status="failed")], [], "best_val_loss")
    assert (nothing.n_judged, nothing.is_feasible, nothing.is_unstable) == (0, False, False)
    assert all(math.isnan(v) for v in (nothing.objective, nothing.objective_low, nothing.final_loss))


@pytest.mark.parametrize(
    ("run", "objective", "final"),
    [
        (run_of(train=[2.0, 1.0], val=[0.5, 0.7]), "best_val_loss", 0.7),
        (run_of(train=[2.0, 1.0], val=[0.5, 0.7]), "best_train_loss", 1.0),
        (run_of(train=[2.0, 1.0]), "best_val_loss", 2.0),
        (run_of(train=[2.0, 1.0], val=[0.5, INF]), "best_val_loss", 2.0),
        # a run that ended early counts with its loss at initialization
        (run_of(train=[2.0, NAN], val=[0.5], status="diverged"), "best_val_loss", 2.0),
        (run_of(train=[2.0, 9.0], val=[0.5], status="truncated"), "best_val_loss", 2.0),
    ],
)
def test_final_loss(run: Run, objective: Any, final: float) -> None:
    assert summarize(0.1, "grid", [run], [], objective).final_loss == final


def rate(base_learning_rate: float, final_loss: float, stage: Any = "grid", objective: float = 1.0) -> Rate:
    feasible = math.isfinite(objective)
    return Rate(
        base_learning_rate=base_learning_rate,
        stage=stage,
        n_judged=1,
        n_feasible=int(feasible),
        n_unstable=int(not feasible),
        objective=objective,
        objective_low=objective,
        objective_high=objective,
        final_loss=final_loss,
    )


@pytest.mark.parametrize(
    ("final_losses", "at_init", "sensitivity"),
    [
        ([1.0, 0.5, 0.5, 3.0], 2.0, (0.5 + 0.0 + 0.0 + 1.5) / 4),  # 3.0 counts as the 2.0 at initialization
        ([0.5, 0.5], 2.0, 0.0),
        ([2.0, NAN, 1.0], 2.0, 0.5),
        ([NAN], 2.0, None),
        ([], 2.0, None),
        # every rate ends above the loss at initialization: none is better than any other
        ([2.5, 3.0], 2.0, 0.0),
    ],
)
def test_sensitivity_to_the_learning_rate(final_losses: list[float], at_init: float, sensitivity: float | None) -> None:
    rates = [rate(0.1 * (i + 1), loss) for i, loss in enumerate(final_losses)]
    unswept = [rate(5.0, 100.0, "check"), rate(6.0, 0.0, "refinement")]
    study = measure(Study(name="s", runs=(run_of(train=[at_init]),), rates=(*rates, *unswept)))
    assert study.lr_sensitivity == (None if sensitivity is None else pytest.approx(sensitivity))


def test_figures_of_a_sweep() -> None:
    runs = (
        run_of("a", train=[2.0, 1.0]),
        run_of("b", train=[2.4]),
        run_of("c", train=[9.0, 1.0]),
        run_of("d", train=[100.0], status="failed"),
        run_of("e", train=[]),
    )
    rates = (rate(0.1, 1.0, objective=0.9), rate(0.2, 1.0, objective=0.8), rate(0.4, 2.0, "check", INF))
    study = measure(Study(name="s", runs=runs, rates=rates))
    assert study.best_learning_rate == 0.2
    assert study.unstable_base_learning_rate == 0.4
    assert study.stability_margin == 2.0
    assert study.loss_at_init == 2.4
    nothing = measure(Study(name="s", runs=()))
    assert (nothing.best_learning_rate, nothing.unstable_base_learning_rate) == (None, None)
    assert (nothing.loss_at_init, nothing.lr_sensitivity) == (None, None)


@pytest.mark.parametrize(
    ("check", "note"),
    [
        (
            rate(0.5, 1.0, "check", 0.7),
            "0.5, tried to find where training becomes unstable, reached 0.7 against 0.8 at lr*",
        ),
        (rate(0.5, 1.0, "refinement", 0.8), None),
        (rate(0.5, 1.0, "check", INF), None),
    ],
)
def test_a_better_rate_outside_the_grid_is_noted(check: Rate, note: str | None) -> None:
    rates = (rate(0.1, 1.0, objective=0.9), rate(0.2, 1.0, objective=0.8), check)
    notes = afterthoughts(Study(name="s", runs=(), rates=rates))
    assert [n.startswith(note) for n in notes] == [True] if note else notes == []
    assert afterthoughts(Study(name="s", runs=(), rates=rates[2:])) == []
    (told,) = afterthoughts(Study(name="s", runs=(), objective="best_train_loss"))
    assert told.startswith("no validation data: the objective is the best training loss")
