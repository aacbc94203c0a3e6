"""The control of each seed in a study, on an engine that trains nothing: one pass, shared by all that is trained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_examine import CONSTANT, SPEC, UNTRAINED, FakeEngine, Log, healthy_below, opened, swept

from lrdoctor import examine
from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Failed, Finished, Progress, Started, Task
from lrdoctor.examine import timing
from lrdoctor.examine.laboratory import Laboratory, control_trial
from lrdoctor.examine.timing import FORWARD, Pace
from lrdoctor.spec import Spec, load_spec
from lrdoctor.store import SavedStudy


class Breaking(FakeEngine):
    """The control of one seed fails after its first step, or dies."""

    def __init__(self, seed: int, dies: bool) -> None:
        super().__init__(healthy_below(0.17))
        self.seed, self.dies = seed, dies

    def _control(self, task: Task, trial: Trial) -> Iterator[Event]:
        if trial.seed != self.seed:
            yield from super()._control(task, trial)
            return
        yield Started(task, 0)
        yield Progress(task, [(0, 0.0, UNTRAINED, None, None)])
        ends = Failed(task, "killed by SIGKILL twice") if self.dies else Finished(task, FAILED)
        yield ends


FAILED = {"status": "failed", "reason": "the training step raised RuntimeError: out of luck"}


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return load_spec(tmp_path / "spec.yaml")


def world() -> FakeEngine:
    return FakeEngine(healthy_below(0.17))


def trials(spec: Spec, rate: float = 0.01, **changes: Any) -> list[Trial]:
    return [replace(examine.baseline_trial(spec, rate, seed), **changes) for seed in spec.seeds]


def controls(runs: list[Run]) -> list[Any]:
    """What the runs' controls lose, None for those that have none."""
    return [None if run.control is None else run.control.value.tolist() for run in runs]


FLAT = [UNTRAINED] * 40


def test_what_a_control_is(spec: Spec) -> None:
    one = control_trial(spec, 3)
    assert (one.control, one.seed, one.n_steps, one.base_learning_rate, one.rewrite) == (True, 3, 40, 0.0, None)
    assert one.clip_norm is None
    assert not one.stop_hopeless


def test_it_is_as_long_as_the_spec_s_own_training(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC + "warmup_steps: 10\n")
    spec = load_spec(tmp_path / "spec.yaml")
    assert control_trial(spec, 0).n_steps == examine.baseline_trial(spec, 0.1, 0).n_steps == 50


def test_its_key_is_the_one_that_study_folders_hold(spec: Spec) -> None:
    assert control_trial(spec, 3).key(spec.identity()) == "7a44e3edce0de521"
    keys = {control_trial(spec, seed, rewrite).key(spec.identity()) for seed in (0, 1) for rewrite in (None, "rezero")}  # type: ignore[arg-type]
    assert len(keys) == 4


def test_one_a_seed_shared_by_all_stages(spec: Spec, tmp_path: Path) -> None:
    engine, log = world(), Log()
    with opened(spec, tmp_path / "out") as folder:
        laboratory = Laboratory(spec, folder, engine, log)
        first = laboratory.run("grid", trials(spec))
        second = laboratory.run("check", trials(spec, 0.1))
        clipped = laboratory.run("clip", trials(spec, clip_norm=1.0, warmup_steps=5))
        other = laboratory.run("adam", trials(spec, optimizer='{"name":"adam"}'))
    assert engine.controls == 3
    assert log.planned_stages[:2] == [("control", 3, 0), ("grid", 3, 0)]
    assert [stage for stage, *_ in log.planned_stages] == ["control", "grid", "check", "clip", "adam"]
    assert log.finished_runs[:3] == ["control seed=0", "control seed=1", "control seed=2"]
    assert controls([*first, *second, *clipped, *other]) == [FLAT] * 12
    assert not any(run.trial and run.trial.control for run in laboratory.runs.values())


def test_another_seed_and_another_model_need_another(spec: Spec, tmp_path: Path) -> None:
    engine, log = world(), Log()
    with opened(spec, tmp_path / "out") as folder:
        laboratory = Laboratory(spec, folder, engine, log)
        laboratory.run("grid", trials(spec))
        laboratory.run("more", [examine.baseline_trial(spec, 0.01, 7)])
        assert engine.controls == 4
        rewritten = laboratory.run("rewrite", trials(spec, rewrite="rezero"))
        laboratory.run("rewrite", trials(spec, 0.1, rewrite="rezero"))
    assert engine.controls == 7
    assert log.planned_stages[-3:] == [("control", 3, 0), ("rewrite", 3, 0), ("rewrite", 3, 0)]
    assert controls(rewritten) == [FLAT] * 3
    assert "control seed=1 rewrite=rezero" in log.finished_runs
    assert set(laboratory.controls) == {(s, r) for s in (0, 1, 2) for r in (None, "rezero")} | {(7, None)}


def test_a_study_holds_those_of_its_own_model(spec: Spec, tmp_path: Path) -> None:
    study = swept(spec, tmp_path / "out", world(), Log())
    assert [run.name for run in study.controls] == ["control seed=0", "control seed=1", "control seed=2"]
    assert {run.provenance["constant_loss"] for run in study.controls} == {CONSTANT}
    assert {tuple(run.control.value) for run in study.runs} == {tuple(FLAT)}
    assert {run.provenance["constant_loss"] for run in study.runs} == {CONSTANT}
    assert all(run.control is None and not len(run.grad_norm) for run in study.controls)


def test_a_resumed_study_reads_them(spec: Spec, tmp_path: Path) -> None:
    first = swept(spec, tmp_path / "out", world(), Log())
    engine, log = world(), Log()
    second = swept(spec, tmp_path / "out", engine, log)
    assert (engine.trials, engine.controls, engine.checks) == (0, 0, 0)
    assert "control" not in [stage for stage, *_ in log.planned_stages]
    assert controls(list(second.runs)) == controls(list(first.runs))
    assert [run.curves for run in second.controls] == [run.curves for run in first.controls]


def test_one_that_is_missing_is_run_beside_finished_trials(spec: Spec, tmp_path: Path) -> None:
    swept(spec, tmp_path / "out", world(), Log())
    shutil.rmtree(tmp_path / "out" / "trials" / control_trial(spec, 1).key(spec.identity()))
    engine, log = world(), Log()
    again = swept(spec, tmp_path / "out", engine, log)
    assert (engine.trials, engine.controls) == (0, 1)
    assert log.planned_stages[:2] == [("control", 1, 0), ("grid", 12, 12)]
    assert {tuple(run.control.value) for run in again.runs} == {tuple(FLAT)}


def test_a_study_saved_before_there_were_controls_goes_on(spec: Spec, tmp_path: Path) -> None:
    first = swept(spec, tmp_path / "out", world(), Log())
    for path in (tmp_path / "out" / "trials").glob("*/trial.json"):
        record = json.loads(path.read_text())
        if record["settings"].pop("control"):
            shutil.rmtree(path.parent)
        else:
            path.write_text(json.dumps(record))
    engine, log = world(), Log()
    again = swept(spec, tmp_path / "out", engine, log)
    assert (engine.trials, engine.controls) == (0, 3)
    assert [run.curves for run in again.runs] == [run.curves for run in first.runs]
    assert controls(list(again.runs)) == controls(list(first.runs))


@pytest.mark.parametrize("dies", [False, True])
def test_one_that_fails_leaves_its_trials_without(spec: Spec, tmp_path: Path, dies: bool) -> None:
    engine = Breaking(seed=1, dies=dies)
    with opened(spec, tmp_path / "out") as folder:
        laboratory = Laboratory(spec, folder, engine, Log())
        runs = [*laboratory.run("grid", trials(spec)), *laboratory.run("check", trials(spec, 0.1))]
        assert controls(runs) == [FLAT, None, FLAT] * 2
        assert [run.status for run in runs] == ["completed"] * 6
        assert engine.controls == 3, "it is not tried again at once"
    engine = world()
    with opened(spec, tmp_path / "out") as folder:
        again = Laboratory(spec, folder, engine, Log()).run("grid", trials(spec))
    assert controls(again) == [FLAT] * 3
    assert (engine.trials, engine.controls) == (0, 1)


def test_trials_of_an_earlier_command_have_theirs(spec: Spec, tmp_path: Path) -> None:
    with opened(spec, tmp_path / "out") as folder:
        Laboratory(spec, folder, world(), Log()).run("treat", trials(spec, rewrite="rezero"))
    with opened(spec, tmp_path / "out") as folder:
        laboratory = Laboratory(spec, folder, world(), Log())
        laboratory.run("grid", trials(spec))
        every = laboratory.every_run()
    assert len(every) == 6
    assert controls(list(every.values())) == [FLAT] * 6


def test_a_longer_trial_has_the_control_of_the_usual_length(spec: Spec, tmp_path: Path) -> None:
    with opened(spec, tmp_path / "out") as folder:
        runs = Laboratory(spec, folder, world(), Log()).run("longer", trials(spec, max_train_steps=120))
    assert controls(runs) == [FLAT] * 3


def probes(spec: Spec) -> list[Trial]:
    return trials(spec, procedure="probe", stop_after=9, eval_every=1)


def test_short_trials_alone_have_a_short_control(spec: Spec, tmp_path: Path) -> None:
    """A probe is quick, however long the training that it is the first part of."""
    engine = world()
    with opened(spec, tmp_path / "out") as folder:
        laboratory = Laboratory(spec, folder, engine, Log())
        assert controls(laboratory.run("probe", probes(spec))) == [FLAT[:9]] * 3
        assert laboratory.run("probe", probes(spec))[0].control is not None
        assert engine.controls == 3
        assert controls(laboratory.run("grid", trials(spec))) == [FLAT] * 3, "whole trials need whole ones"
        assert controls(laboratory.run("probe", probes(spec))) == [FLAT] * 3
        assert engine.controls == 6


def test_short_trials_take_the_whole_control_that_is_there(spec: Spec, tmp_path: Path) -> None:
    with opened(spec, tmp_path / "out") as folder:
        Laboratory(spec, folder, world(), Log()).run("grid", trials(spec))
    engine = world()
    with opened(spec, tmp_path / "out") as folder:
        assert controls(Laboratory(spec, folder, engine, Log()).run("probe", probes(spec))) == [FLAT] * 3
    assert (engine.trials, engine.controls) == (3, 0)


def test_short_trials_of_an_earlier_command_have_theirs(spec: Spec, tmp_path: Path) -> None:
    for _ in range(2):
        engine = world()
        with opened(spec, tmp_path / "out") as folder:
            laboratory = Laboratory(spec, folder, engine, Log())
            every = laboratory.every_run()
            assert controls(list(every.values())) == [FLAT[:9]] * len(every)
            laboratory.run("probe", probes(spec))
    assert (len(every), engine.trials, engine.controls) == (3, 0, 0)


def test_it_costs_a_forward_pass_a_step_and_one_evaluation(spec: Spec) -> None:
    pace = Pace(
        jobs=1, start_up=0.0, per_trial=1.0, per_step=3.0, per_evaluation=5.0, per_short_evaluation=0.0, source=""
    )
    assert pace.seconds(control_trial(spec, 0)) == pytest.approx(1.0 + FORWARD * 3.0 * 40 + 5.0)


class Rising(FakeEngine):
    """The untrained weights lose more and more; writes down what each trial was told of that, and what was tried."""

    def __init__(self) -> None:
        super().__init__(healthy_below(0.17))
        self.told: list[float | None] = []
        self.own_rates: list[float | None] = []
        self.tried: list[Trial] = []

    def run(self, tasks: Iterable[Task]) -> Iterator[Event]:
        for task in tasks:
            if task.payload["kind"] == "check":
                self.tried.append(Trial(**task.payload["trial"]))
            elif not task.payload["trial"]["control"]:
                self.told.append(task.payload["untrained"])
                self.own_rates.append(task.payload["own_learning_rate"])
            yield from super().run([task])

    def _control(self, task: Task, trial: Trial) -> Iterator[Event]:
        yield Started(task, 0)
        yield Progress(task, [(t, 0.0, 1.0 + t, None, None) for t in range(trial.n_steps)])
        yield Finished(task, {"status": "completed", "reason": None, "facts": {"own_learning_rate": 0.02}})


def test_trials_are_told_the_rate_that_the_control_saw_also_by_a_later_invocation(spec: Spec, tmp_path: Path) -> None:
    for stage in (probes(spec), trials(spec)):
        engine = Rising()
        with opened(spec, tmp_path / "out") as folder:
            Laboratory(spec, folder, engine, Log()).run("any", stage)
        assert set(engine.own_rates) == {0.02}


def test_a_short_trial_is_told_the_same_beside_any_control(spec: Spec, tmp_path: Path) -> None:
    told = []
    for name, stages in {"short": [probes(spec)], "whole": [trials(spec), probes(spec)]}.items():
        engine = Rising()
        with opened(spec, tmp_path / name) as folder:
            laboratory = Laboratory(spec, folder, engine, Log())
            for stage in stages:
                laboratory.run("any", stage)
        told.append(engine.told)
    assert told[0] == told[1][3:]
    assert None not in told[0]
    assert min(told[1][:3]) > max(told[0])


def test_the_first_look_is_at_a_trial(spec: Spec, tmp_path: Path) -> None:
    """A control has a rate of 0 and neither warmup nor schedule of its own."""
    engine = Rising()
    with opened(spec, tmp_path / "out") as folder:
        Laboratory(spec, folder, engine, Log()).run("grid", trials(spec, warmup_steps=5))
    assert engine.tried == [replace(trials(spec)[0], warmup_steps=5)]


def test_its_time_says_nothing_of_that_of_a_trial(spec: Spec, tmp_path: Path) -> None:
    swept(spec, tmp_path / "out", world(), Log())
    with opened(spec, tmp_path / "out"):
        pass
    saved = SavedStudy(tmp_path / "out", identity=spec.identity(), environment={"python": "3"})
    records = saved.records()
    completed = [record for record in records if record.status == "completed" and not record.trial.control]
    pace = timing.of_finished(records, spec, 1, 0.0)
    assert pace is not None
    assert f"{len(completed)} finished trials" in pace.source
    assert timing.of_finished([record for record in records if record.trial.control], spec, 1, 0.0) is None
    assert len(saved.finished()) == len(records) - 3
