"""`sweep: auto`: short trials find the rates, once, before the first sweep that needs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_examine import SPEC, UNTRAINED, FakeEngine, Log, World, healthy_below, opened

from lrdoctor import examine
from lrdoctor.errors import BudgetSpent, WorkloadError
from lrdoctor.examine.range_test import PROCEDURE, RANGE_TEST
from lrdoctor.procedures.sweep import Settings
from lrdoctor.spec import Spec, load_spec

BOWL = healthy_below(0.3)
"""Gains the most at 0.01, and breaks from 0.3 on."""

GRID = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return load_spec(tmp_path / "spec.yaml", ["sweep=auto"])


def found(
    spec: Spec, out: Path, world: World = BOWL, budget: int | None = None
) -> tuple[examine.Laboratory, FakeEngine, Log]:
    engine, log = FakeEngine(world), Log()
    with opened(spec, out) as folder:
        laboratory = examine.Laboratory(spec, folder, engine, log, budget=budget)
        examine.grid(laboratory)
    return laboratory, engine, log


def test_short_trials_of_the_first_seed_find_the_rates(spec: Spec, tmp_path: Path) -> None:
    laboratory, engine, log = found(spec, tmp_path / "out")
    assert laboratory.spec.swept == GRID
    assert [stage for stage in log.planned_stages if stage[0] == RANGE_TEST] == [(RANGE_TEST, 5, 0)]
    trials = [run.trial for run in laboratory.runs.values() if run.trial is not None]
    assert {(t.procedure, t.seed, t.n_steps, t.max_train_steps) for t in trials} == {(PROCEDURE, 0, 20, 40)}
    assert log.messages[-1] == (
        "range test, 5 short trials from 0.0001 to 1: 0.01 gained the most, 1 was worse than no training; swept are 7 "
        "rates from 0.001 to 0.1"
    )
    examine.grid(laboratory)
    assert engine.trials == 5  # once and for all


def test_a_study_that_goes_on_trains_none_of_them_again(spec: Spec, tmp_path: Path) -> None:
    found(spec, tmp_path / "out")
    laboratory, engine, _ = found(spec, tmp_path / "out")
    assert (laboratory.spec.swept, engine.trials) == (GRID, 0)


def test_a_sweep_says_how_its_rates_were_found(spec: Spec, tmp_path: Path) -> None:
    with opened(spec, tmp_path / "out") as folder:
        laboratory = examine.Laboratory(spec, folder, FakeEngine(healthy_below(0.3)), Log())
        study = examine.sweep(laboratory, Settings(examine.grid(laboratory)), spec.seeds)
        rows = examine.all_trials_table(laboratory, study)
    assert study.notes[0].startswith("range test, 5 short trials")
    assert study.spec["sweep"] == {"values": list(GRID)}
    assert study.best_learning_rate == 0.01
    assert {run.trial.stop_after for run in study.runs} == {None}  # the short ones are none of the sweep's
    assert [row["base_learning_rate"] for row in rows if row["procedure"] == PROCEDURE] == [1e-4, 1e-3, 1e-2, 0.1, 1.0]


def test_rates_that_are_given_need_no_test(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    laboratory, engine, _ = found(load_spec(tmp_path / "spec.yaml"), tmp_path / "out")
    assert (examine.grid(laboratory), engine.trials) == ((0.001, 0.01, 0.1, 1.0), 0)


def test_a_study_whose_rates_are_given_is_not_tested(spec: Spec, tmp_path: Path) -> None:
    with opened(spec, tmp_path / "out") as folder:
        engine = FakeEngine(healthy_below(0.3))
        laboratory = examine.Laboratory(spec, folder, engine, Log())
        study = examine.rates(laboratory, spec.seeds, 0.01, 0.3)
    assert (study.best_learning_rate, study.unstable_base_learning_rate, engine.trials) == (0.01, 0.3, 0)


def test_where_nothing_gains_the_usual_range_is_swept(spec: Spec, tmp_path: Path) -> None:
    laboratory, _, log = found(spec, tmp_path / "out", lambda rate, seed: [UNTRAINED] * 40)
    assert laboratory.spec.swept is not None
    assert (laboratory.spec.swept[0], laboratory.spec.swept[-1], len(laboratory.spec.swept)) == (1e-4, 1.0, 10)
    assert "none gained on the untrained weights" in log.messages[-1]


def test_a_training_of_few_steps_is_tried_whole(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("max_train_steps: 40", "max_train_steps: 20"))
    laboratory, _, _ = found(load_spec(tmp_path / "spec.yaml", ["sweep=auto"]), tmp_path / "out")
    trials = [run.trial for run in laboratory.runs.values() if run.trial is not None]
    assert {(t.procedure, t.stop_after) for t in trials} == {("sweep", None)}


def test_failures_are_told_with_the_reason_of_the_first(spec: Spec, tmp_path: Path) -> None:
    with pytest.raises(WorkloadError, match=r"^all 5 short trials failed; the first one: no disk$"):
        found(spec, tmp_path / "out", lambda rate, seed: "no disk")


def test_a_budget_that_does_not_reach_is_told_before_any_trial(spec: Spec, tmp_path: Path) -> None:
    with pytest.raises(BudgetSpent, match=r"^range test: 5 trials to train after 1 control, of up to 120 steps in all"):
        found(spec, tmp_path / "out", budget=100)
