"""The walk through a procedure without training: what it plans is what is run where the workload is as assumed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_examine import SPEC, FakeEngine, Log, opened

from lrdoctor import examine
from lrdoctor.core.plan import Plan
from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Finished, Progress, Started, Task
from lrdoctor.errors import BudgetSpent, Interrupted, StoreError
from lrdoctor.examine.range_test import to_begin_with
from lrdoctor.examine.simulated import SimulatedWorkload, workload_of
from lrdoctor.procedures import clip as clips
from lrdoctor.procedures import probe as probes
from lrdoctor.procedures.sweep import Settings
from lrdoctor.spec import Spec, load_spec


class SimulatingEngine(FakeEngine):
    """Answers every trial as a workload of its own does, and counts what it ran in a study folder."""

    def __init__(self, workload: SimulatedWorkload, stop_after: int | None = None) -> None:
        super().__init__(lambda rate, seed: "never asked")
        self.assumed, self.stop_after = workload, stop_after
        self.steps = 0

    def _trial(self, task: Task, trial: Trial) -> Iterator[Event]:
        yield from self._as(task, trial, self.assumed.run(trial, "made up", ""))

    def _control(self, task: Task, trial: Trial) -> Iterator[Event]:
        yield from self._as(task, trial, self.assumed.control(trial, "made up", ""))

    def _as(self, task: Task, trial: Trial, run: Run) -> Iterator[Event]:
        if self.stop_after is not None and self.trials + self.controls > self.stop_after:
            raise Interrupted("interrupted")
        val, norm = (
            dict(zip(of.step.tolist(), of.value.tolist(), strict=True)) for of in (run.val_loss, run.grad_norm)
        )
        loss = run.train_loss.value.tolist()
        self.steps += len(loss)
        yield Started(task, 0)
        yield Progress(
            task, [(t, trial.base_learning_rate, loss[t], norm.get(t), val.get(t)) for t in range(len(loss))]
        )
        yield Finished(task, {"status": run.status, "reason": run.exit_reason})


def everything(laboratory: examine.Laboratory) -> None:
    """One command after the other, as a treatment would, with nothing left out."""
    laboratory.exhaustive = True
    spec, grid = laboratory.spec, Settings(examine.grid(laboratory))
    study = examine.sweep(laboratory, grid, spec.seeds)
    examine.probe(laboratory, probes.Settings(), spec.seeds, study.best_learning_rate)
    examine.warmup(laboratory, study, spec.seeds)
    examine.clip(laboratory, clips.Settings(), spec.seeds, study)


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("max_train_steps: 40", "max_train_steps: 100\neval_every: 10"))
    return load_spec(tmp_path / "spec.yaml")


def assumed(spec: Spec, **changes: Any) -> SimulatedWorkload:
    """The workload that is assumed where no trial has told, or another one."""
    baseline = examine.baseline_trial(spec, 1.0, 0)
    return replace(workload_of(baseline, to_begin_with(spec), (), shortest_warmup=5), **changes)


def planned(
    spec: Spec, out: Path, procedure: Callable[[examine.Laboratory], object] = everything, **options: Any
) -> Plan:
    return examine.walk_through(
        spec, out, procedure, engine=SimulatingEngine(assumed(spec)), environment={"python": "3"}, **options
    )


def run(
    spec: Spec,
    out: Path,
    workload: SimulatedWorkload,
    procedure: Callable[[examine.Laboratory], object] = everything,
    stop_after: int | None = None,
) -> tuple[SimulatingEngine, Log]:
    engine, log = SimulatingEngine(workload, stop_after), Log()
    with opened(spec, out) as folder:
        procedure(examine.Laboratory(spec, folder, engine, log))
    return engine, log


def swept(laboratory: examine.Laboratory) -> None:
    laboratory.exhaustive = True
    examine.sweep(laboratory, Settings(examine.grid(laboratory)), laboratory.spec.seeds)


def test_the_plan_is_what_is_run_where_the_workload_is_as_assumed(spec: Spec, tmp_path: Path) -> None:
    plan = planned(spec, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    engine, log = run(spec, tmp_path / "out", assumed(spec))
    assert [(stage.name, stage.trials, stage.reused) for stage in plan.stages] == log.planned_stages
    assert plan.trials == engine.trials + engine.controls
    assert engine.steps < plan.steps  # unstable trials end early
    assert [part.name for part in plan.parts()] == ["sweep", "probe", "warmup", "clip_gradients"]


def test_rates_that_are_to_be_found_are_planned_too(spec: Spec, tmp_path: Path) -> None:
    auto = load_spec(tmp_path / "spec.yaml", ["sweep=auto"])
    plan = planned(auto, tmp_path / "out")
    engine, log = run(auto, tmp_path / "out", assumed(auto))
    assert [(stage.name, stage.trials, stage.reused) for stage in plan.stages] == log.planned_stages
    assert (plan.stages[1].name, plan.stages[1].trials, plan.stages[1].steps) == ("range test", 5, 5 * 20)
    assert plan.trials == engine.trials + engine.controls
    assert [part.name for part in plan.parts()] == ["sweep", "probe", "warmup", "clip_gradients"]


@pytest.mark.parametrize(
    "changes",
    [
        {"unstable_base_learning_rate": 0.15},
        {"unstable_base_learning_rate": 0.011},
        {"shortest_warmup": 1},
        {"hard_norm": 2.0},
        {"best_learning_rate": 0.1, "unstable_base_learning_rate": 0.5},
    ],
)
def test_the_plan_is_an_upper_figure(spec: Spec, tmp_path: Path, changes: dict[str, Any]) -> None:
    plan = planned(spec, tmp_path / "none")
    engine, _ = run(spec, tmp_path / "out", assumed(spec, **changes))
    assert engine.steps <= plan.steps


def test_the_assumed_workload_is_one_of_instability_close_above_the_best_rate(spec: Spec, tmp_path: Path) -> None:
    run(spec, tmp_path / "out", assumed(spec))
    with opened(spec, tmp_path / "out") as folder:
        laboratory = examine.Laboratory(spec, folder, SimulatingEngine(assumed(spec)), Log())
        study = examine.sweep(laboratory, Settings(examine.grid(laboratory)), spec.seeds)
    assert study.best_learning_rate == 0.01
    assert study.stability_margin == pytest.approx(3.0, rel=0.25)


def test_nothing_is_planned_twice(spec: Spec, tmp_path: Path) -> None:
    run(spec, tmp_path / "out", assumed(spec))
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    plan = planned(spec, tmp_path / "out")
    assert (plan.trials, plan.steps, plan.seconds) == (0, 0, 0.0)
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before
    assert planned(spec, tmp_path / "out", fresh=True).trials > 0


@pytest.mark.parametrize("edge", [0.012, 0.17, 5.0])
def test_a_finished_sweep_decides_the_workload(spec: Spec, tmp_path: Path, edge: float) -> None:
    workload = assumed(spec, unstable_base_learning_rate=edge)
    run(spec, tmp_path / "out", workload, swept)
    plan = planned(spec, tmp_path / "out")
    by_part = {part.name: part.trials for part in plan.parts()}
    assert by_part["sweep"] == 0
    assert ("warmup" in by_part) == (edge < 1.0)
    assert "as far as the finished trials tell" in plan.assumptions[0]
    engine, _ = run(spec, tmp_path / "out", workload)
    assert plan.trials >= engine.trials + engine.controls


@pytest.mark.parametrize("done", [1, 3, 7, 12, 15, 20, 30, 50])
def test_an_interrupted_procedure_is_planned_to_its_end(spec: Spec, tmp_path: Path, done: int) -> None:
    whole = planned(spec, tmp_path / "none").trials
    with pytest.raises(Interrupted):
        run(spec, tmp_path / "out", assumed(spec), stop_after=done)
    assert planned(spec, tmp_path / "out").trials == whole - done


@pytest.mark.parametrize("keep", [2, 3, 5])
def test_with_any_trials_missing_there_is_a_plan(spec: Spec, tmp_path: Path, keep: int) -> None:
    run(spec, tmp_path / "out", assumed(spec))
    for i, path in enumerate(sorted((tmp_path / "out" / "trials").glob("*/trial.json"))):
        if i % keep:
            path.unlink()
    assert planned(spec, tmp_path / "out").trials > 0


def test_given_rates_are_the_workload(spec: Spec, tmp_path: Path) -> None:
    def given(laboratory: examine.Laboratory) -> None:
        study = examine.rates(laboratory, spec.seeds, 0.02, 0.5)
        examine.warmup(laboratory, study, spec.seeds)

    plan = planned(spec, tmp_path / "out", given, best=0.02, unstable=0.5)
    assert plan.assumptions[0] == "lr* is 0.02, as given, and training becomes unstable at 0.5"
    assert {part.name for part in plan.parts()} == {"sweep", "warmup"}
    assert [stage.name for stage in plan.stages[:2]] == ["control", "baseline"]


def test_another_update_rule_has_rates_of_its_own(spec: Spec, tmp_path: Path) -> None:
    def adam(laboratory: examine.Laboratory) -> None:
        swept(laboratory)
        rates = (1e-5, 1e-4, 1e-3)
        trials = [replace(examine.baseline_trial(spec, rate, 0), optimizer='{"name":"adam"}') for rate in rates]
        runs = laboratory.run("change_optimizer: grid", trials)
        best = min(runs, key=lambda run: float(run.val_loss.value.min()) if len(run.val_loss) else math.inf)
        assert best.trial is not None
        assert best.trial.base_learning_rate == 1e-4
        assert [run.status for run in runs] == ["completed", "completed", "diverged"]
        assert len({run.name for run in (*runs, *laboratory.runs.values())}) == len(laboratory.runs)

    plan = planned(spec, tmp_path / "out", adam)
    assert list(plan.parts())[-1].name == "change_optimizer"


def test_the_controls_are_stages_of_what_they_come_before(spec: Spec, tmp_path: Path) -> None:
    def with_a_rewrite(laboratory: examine.Laboratory) -> None:
        everything(laboratory)
        trials = [examine.baseline_trial(spec, rate, seed) for rate in (0.01, 0.1) for seed in spec.seeds]
        laboratory.run("rezero: grid", [replace(trial, rewrite="rezero") for trial in trials])

    plan = planned(spec, tmp_path / "out", with_a_rewrite)
    found = [stage for stage in plan.stages if stage.name == "control"]
    assert [(stage.part, stage.trials, stage.reused, stage.steps, stage.evaluations) for stage in found] == [
        ("sweep", 3, 0, 300, 3),
        ("rezero", 3, 0, 300, 3),
    ]
    grid = next(stage for stage in plan.stages if stage.name == "grid")
    assert 0 < found[0].seconds < grid.seconds * 3 / 12
    assert plan.steps == sum(stage.steps for stage in plan.stages)
    probe = planned(spec, tmp_path / "out", lambda laboratory: probed_at(laboratory, 0.01), best=0.01)
    assert [(stage.part, stage.name) for stage in probe.stages] == [("probe", "control"), ("probe", "probe")]
    assert probe.stages[0].steps == probe.stages[1].steps


def probed_at(laboratory: examine.Laboratory, rate: float) -> None:
    examine.probe(laboratory, probes.Settings(), laboratory.spec.seeds, rate)


def test_controls_that_are_finished_are_not_planned(spec: Spec, tmp_path: Path) -> None:
    run(spec, tmp_path / "out", assumed(spec), lambda laboratory: probed_at(laboratory, 0.01))
    plan = planned(spec, tmp_path / "out")
    assert "control" not in {stage.name for stage in plan.stages}


def test_a_budget_is_planned_with(spec: Spec, tmp_path: Path) -> None:
    cut: list[str] = []

    def within(laboratory: examine.Laboratory) -> None:
        try:
            everything(laboratory)
        except BudgetSpent as stop:
            cut.append(str(stop))

    plan = planned(spec, tmp_path / "out", within, budget=1800)
    assert 1500 <= plan.steps <= 1800
    assert f"--max-trial-steps leaves {1800 - plan.steps}" in cut[0]
    with pytest.raises(BudgetSpent, match="grid: 12 trials to train after 3 controls, of up to 1,500 steps"):
        planned(spec, tmp_path / "out", budget=1499)


def test_another_spec_is_refused(spec: Spec, tmp_path: Path) -> None:
    run(spec, tmp_path / "out", assumed(spec), swept)
    other = load_spec(tmp_path / "spec.yaml", ["max_train_steps=50"])
    with pytest.raises(StoreError, match="another spec"):
        planned(other, tmp_path / "out")


def test_a_plan_is_the_same_every_time(spec: Spec, tmp_path: Path) -> None:
    first, second = (planned(spec, tmp_path / "out", clock=lambda: 0.0) for _ in range(2))
    assert first == second
