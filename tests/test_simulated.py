"""Runs that nobody trained: the rules judge them as they are meant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lrdoctor import assess
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.examine.simulated import FIX, PAIR, SimulatedWorkload, workload_of

GRID = (0.001, 0.01, 0.1, 1.0)
BASELINE = Trial(base_learning_rate=0.01, seed=0, max_train_steps=300, eval_every=15, optimizer='{"name":"sgd"}')


def workload(**changes: Any) -> SimulatedWorkload:
    fields = {"best_learning_rate": 0.01, "unstable_base_learning_rate": 0.03, "shortest_warmup": 15, "hard_norm": 1.65}
    return SimulatedWorkload(baseline=BASELINE, **{**fields, **changes})


def run(of: SimulatedWorkload, **changes: Any) -> Run:
    trial = replace(BASELINE, **changes)
    return of.run(trial, f"{trial}", "")


@pytest.mark.parametrize("n", [1, 2, 5, 40, 300, 3000])
@pytest.mark.parametrize(
    "losses", [{}, {"first_loss": -1.0, "train_loss": -2.0}, {"first_loss": 0.5, "train_loss": 9.0}]
)
def test_below_the_edge_nothing_is_found_and_above_it_the_trial_is_infeasible(n: int, losses: dict[str, Any]) -> None:
    of = workload(**losses)
    runs = [run(of, base_learning_rate=rate, seed=s, max_train_steps=n) for rate in (*GRID, 0.029) for s in range(3)]
    findings, _ = assess.judge_runs(Study(name="made up", runs=tuple(runs)))
    found = {f.run for f in findings if f.severity != "info"}
    broken = {r.name for r in runs if r.trial and r.trial.base_learning_rate >= 0.03}
    assert found == broken


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({}, 1.0),
        ({"warmup_steps": 14}, 1.0),
        ({"warmup_steps": 15}, FIX),
        ({"clip_norm": 1.9}, 1.0),
        ({"clip_norm": 1.6}, FIX),
        ({"clip_norm": 1.9, "warmup_steps": 1}, PAIR),
        ({"rewrite": "residual"}, FIX),
    ],
)
def test_what_a_fix_is_assumed_to_do(changes: dict[str, Any], factor: float) -> None:
    of = workload()
    edge = 0.03 * factor
    assert run(of, base_learning_rate=0.99 * edge, **changes).status == "completed"
    assert run(of, base_learning_rate=edge, **changes).status == "diverged"


def test_a_run_is_the_same_every_time_and_evaluated_on_schedule() -> None:
    first, second = run(workload()), run(workload())
    assert dict(first.curves) == dict(second.curves)
    assert first.val_loss.step.tolist() == list(range(14, 300, 15))
    assert len(first.train_loss) == 300
    assert not len(run(workload(val_loss=None)).val_loss)


def test_the_control_stays_where_training_begins() -> None:
    of = workload()
    trial = replace(BASELINE, base_learning_rate=0.0, control=True)
    first, second = (of.control(trial, "control", "") for _ in range(2))
    assert dict(first.curves) == dict(second.curves)
    assert list(first.curves) == ["train_loss"]
    assert len(first.train_loss) == 300
    assert first.train_loss.value == pytest.approx(np.full(300, run(of).train_loss.value[0]), rel=0.1)
    other = of.control(replace(trial, seed=1), "control", "")
    assert not np.array_equal(first.train_loss.value, other.train_loss.value)


def test_trials_begin_alike_follow_their_batches_and_break_the_earlier_the_higher_the_rate() -> None:
    """Else the sweep of a plan would say nothing of the rate, and what comes after it would be left out."""
    of = workload()
    measured = Curve.of([2.0, 1.0, 4.0, 2.0] * 75)
    trials = [replace(BASELINE, base_learning_rate=rate) for rate in GRID]
    for control in (None, measured):
        runs = [of.run(trial, "made up", "", control) for trial in trials]
        begins = of.control(BASELINE, "control", "").train_loss if control is None else control
        assert [run.train_loss.value[0] for run in runs] == pytest.approx([begins.value[0]] * len(GRID))
        assert len({run.train_loss.value[1] for run in runs[:2]}) == 2
    low = runs[0].train_loss.value
    assert low[2] / low[1] == pytest.approx(4, rel=0.1)
    broken = [run.train_loss.first_non_finite for run in runs if run.status == "diverged"]
    assert broken == sorted(set(filter(None, broken)), reverse=True)
    assert len(broken) == 2


def test_the_norms_have_percentiles_to_clip_at() -> None:
    norms = run(workload()).grad_norm.value
    assert np.percentile(norms, [0, 50, 90, 100]) == pytest.approx([1.0, 1.5, 1.9, 2.0], abs=0.01)


@pytest.mark.parametrize(
    ("known", "best", "edge"),
    [
        ((), 0.01, 0.03),
        ((0.001,), 0.01, 0.03),
        ((0.001, 0.01, 0.1), 0.01, 0.125),  # above what held
        (GRID, 0.1, 0.3),
        ((*GRID, 0.35, 0.4), 0.1, 0.4),
    ],
)
def test_finished_trials_decide_where_they_are_enough(known: tuple[float, ...], best: float, edge: float) -> None:
    """The finished ones are of a workload in which 0.1 is best and 0.4 is unstable."""
    true = workload(best_learning_rate=0.1, unstable_base_learning_rate=0.4, val_loss=0.2)
    finished = [run(true, base_learning_rate=rate, seed=seed) for rate in known for seed in range(3)]
    found = workload_of(BASELINE, GRID, finished, 15)
    assert (found.best_learning_rate, found.unstable_base_learning_rate) == (best, pytest.approx(edge))
    assert found.from_trials == (set(GRID) <= set(known))
    if found.from_trials:
        assert found.val_loss == pytest.approx(0.2, abs=0.02)


def test_finished_trials_with_a_fix_move_its_edge() -> None:
    true = workload(unstable_base_learning_rate=0.03)
    warm = {"warmup_steps": 20}
    finished = [run(true, base_learning_rate=rate, **warm) for rate in (0.05, 0.06)]
    broke = replace(finished[0], status="diverged", trial=replace(BASELINE, base_learning_rate=0.04, clip_norm=1.0))
    held = replace(finished[0], trial=replace(BASELINE, base_learning_rate=0.5, warmup_steps=30))
    found = workload_of(BASELINE, GRID, [*finished, broke, held], 15)
    edges = [found.edge(replace(BASELINE, **changes)) for changes in (warm, {"clip_norm": 1.0}, {"warmup_steps": 30})]
    assert edges == pytest.approx([0.06, 0.04, 0.625])


@pytest.mark.parametrize(("best", "unstable", "edge"), [(0.02, None, 0.06), (0.02, 0.05, 0.05), (None, 0.02, 0.02)])
def test_given_rates_decide(best: float | None, unstable: float | None, edge: float) -> None:
    found = workload_of(BASELINE, GRID, (), 15, best, unstable)
    assert (found.best_learning_rate, found.unstable_base_learning_rate) == (best or 0.01, pytest.approx(edge))
