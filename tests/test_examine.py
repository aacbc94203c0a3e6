"""The laboratory and the sweep, on an engine that trains nothing: a made-up world answers for every trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lrdoctor import assess, examine
from lrdoctor.core.rewriting import Possible
from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Failed, Finished, Progress, Started, Task
from lrdoctor.errors import BudgetSpent, StoreError, WorkloadError
from lrdoctor.procedures import probe as probes
from lrdoctor.procedures.sweep import Settings
from lrdoctor.spec import Spec, load_spec
from lrdoctor.store import StudyFolder

SPEC = """\
name: made-up
model: nowhere.nets:Net
data: nowhere.data:loaders
optimizer: momentum
max_train_steps: 40
seeds: [0, 1, 2]
sweep: {min: 1e-3, max: 1.0, points: 4}
"""

UNTRAINED, CONSTANT = 2.0, 1.5
"""Losses of the weights before any update, and of the best constant prediction."""

World = Callable[[float, int], list[float] | str]
"""(rate, seed) -> training losses, or the reason of a failure."""


def broken_at(rate: float) -> list[float]:
    """Losses of a trial that its rate breaks: they begin as those of every trial do, and are the rate's own then."""
    return [UNTRAINED, 1.9 + 0.01 * math.log10(rate), math.nan]


def healthy_below(edge: float) -> World:
    def losses(rate: float, seed: int) -> list[float]:
        if rate >= edge:
            return broken_at(rate)
        goal = 0.1 * (1 + abs(math.log10(rate / 0.01)))
        return [goal + (2 - goal) * 0.9**t for t in range(40)]

    return losses


class FakeEngine:
    """Answers tasks from the world; counts them."""

    def __init__(self, world: World, data: Mapping[str, str] | None = None) -> None:
        self.world, self.data = world, data or {"batch": "aa"}
        self.checks, self.looks, self.trials, self.controls = 0, 0, 0, 0
        self.said: list[str] = []
        self.found: dict[str, Any] = {}
        """What the check says while it works, and what it finds besides."""
        self.possible = Possible(model=None, failure="nothing is known of a made-up model")
        self.tell: Callable[[str], None] = lambda text: None

    def __enter__(self) -> FakeEngine:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def describe(self) -> Mapping[str, Any]:
        return {"device_name": "made-up", "jobs": 1}

    def attach(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        return {}

    def run(self, tasks: Iterable[Task]) -> Iterator[Event]:
        for task in tasks:
            if task.payload["kind"] == "check":
                self.checks += 1
                yield from (Progress(task, text) for text in self.said)
                yield Finished(task, {"n_parameters": 1, "has_validation": True, "facts": self.data, **self.found})
                continue
            if task.payload["kind"] == "possible":
                self.looks += 1
                yield Finished(task, self.possible)
                continue
            trial = Trial(**task.payload["trial"])
            if trial.control:
                self.controls += 1
                yield from self._control(task, trial)
            else:
                self.trials += 1
                yield from self._trial(task, trial)

    def _control(self, task: Task, trial: Trial) -> Iterator[Event]:
        """The untrained weights lose the same on every batch, and no gradient is taken."""
        last = trial.n_steps - 1
        yield Started(task, 0)
        yield Progress(task, [(t, 0.0, UNTRAINED, None, UNTRAINED if t == last else None) for t in range(last + 1)])
        yield Finished(task, {"status": "completed", "reason": None, "facts": {"constant_loss": CONSTANT}})

    def _trial(self, task: Task, trial: Trial) -> Iterator[Event]:
        told = self.world(trial.base_learning_rate, trial.seed)
        yield Started(task, 0)
        if isinstance(told, str):
            yield Failed(task, told)
            return
        rows = [(t, trial.base_learning_rate, loss, 1.0, loss) for t, loss in enumerate(told)]
        yield Progress(task, rows)
        finite = all(map(math.isfinite, told))
        yield Finished(task, {"status": "completed" if finite else "diverged", "reason": None if finite else "nan"})

    def stop(self) -> None:
        raise AssertionError("nobody stops it here")

    kill = stop


class Log:
    """A watcher that writes down what it is told."""

    def __init__(self) -> None:
        self.planned_stages: list[tuple[str, int, int]] = []
        self.finished_runs: list[str] = []
        self.messages: list[str] = []
        self.last_step: dict[Trial, int] = {}

    def planned(self, stage: str, n_trials: int, n_reused: int) -> None:
        self.planned_stages.append((stage, n_trials, n_reused))

    def started(self, trial: Trial, worker: int) -> None:
        self.last_step[trial] = -1

    def progressed(self, trial: Trial, step: int, train_loss: float) -> None:
        self.last_step[trial] = step

    def finished(self, run: Run) -> None:
        self.finished_runs.append(run.name)

    def message(self, text: str) -> None:
        self.messages.append(text)


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return load_spec(tmp_path / "spec.yaml")


def opened(spec: Spec, out: Path) -> StudyFolder:
    return StudyFolder.open(
        out,
        name=spec.name,
        identity=spec.identity(),
        spec_yaml=spec.to_yaml(out),
        command_line=["lrdoctor"],
        environment={"python": "3"},
        fresh=False,
    )


def swept(spec: Spec, out: Path, engine: FakeEngine, log: Log, exhaustive: bool = True) -> Any:
    with opened(spec, out) as folder:
        laboratory = examine.Laboratory(spec, folder, engine, log, exhaustive=exhaustive)
        return examine.sweep(laboratory, Settings(examine.grid(laboratory)), spec.seeds)


def test_a_sweep_runs_its_stages_and_locates_the_edge(spec: Spec, tmp_path: Path) -> None:
    engine, log = FakeEngine(healthy_below(0.17)), Log()
    study = swept(spec, tmp_path / "out", engine, log)
    assert study.best_learning_rate == 0.01
    assert 0.17 <= study.unstable_base_learning_rate <= 0.17 * 1.25
    stages = [stage for stage, _, _ in log.planned_stages]
    assert stages[:3] == ["control", "grid", "check"]
    assert set(stages[3:]) == {"refinement"}
    assert (engine.checks, engine.controls) == (1, 3)
    assert engine.trials == len(study.runs) == len(log.finished_runs) - 3 == 3 * len(study.rates)
    assert set(log.last_step.values()) == {2, 39}


def test_what_the_first_look_says_is_shown_once(spec: Spec, tmp_path: Path) -> None:
    engine, log = FakeEngine(healthy_below(0.17)), Log()
    engine.said = ["validation data: 9,000 batches so far"]
    engine.found = {"n_parameters": 880, "n_loss_parameters": 64, "notes": ["two groups have rates of their own"]}
    swept(spec, tmp_path / "out", engine, log)
    assert log.messages == [
        "validation data: 9,000 batches so far",
        "880 trainable parameters, 64 of them the loss's own; 1 worker on made-up",
        "two groups have rates of their own",
    ]


def test_a_second_sweep_trains_nothing(spec: Spec, tmp_path: Path) -> None:
    first = swept(spec, tmp_path / "out", FakeEngine(healthy_below(0.17)), Log())
    engine, log = FakeEngine(healthy_below(0.17)), Log()
    second = swept(spec, tmp_path / "out", engine, log)
    assert (engine.checks, engine.trials, engine.controls, log.finished_runs) == (0, 0, 0, [])
    assert log.planned_stages[0] == ("grid", 12, 12)
    same = [repr(assess.report_of_sweep(study, "sweep")) for study in (first, second)]  # nan is not equal to itself
    assert same[0] == same[1]


def test_more_seeds_train_only_what_is_missing(spec: Spec, tmp_path: Path) -> None:
    swept(spec, tmp_path / "out", FakeEngine(healthy_below(0.17)), Log())
    log = Log()
    swept(
        load_spec(tmp_path / "spec.yaml", ["seeds=[0,1,2,3]"]), tmp_path / "out", FakeEngine(healthy_below(0.17)), log
    )
    assert log.planned_stages[:2] == [("control", 1, 0), ("grid", 16, 12)]
    assert all("seed=3" in name for name in log.finished_runs)


def test_failed_trials_are_no_evidence_and_are_run_again(spec: Spec, tmp_path: Path) -> None:
    def sometimes(rate: float, seed: int) -> list[float] | str:
        return "killed by SIGKILL twice" if seed == 2 else healthy_below(0.17)(rate, seed)

    study = swept(spec, tmp_path / "out", FakeEngine(sometimes), Log())
    assert {r.n_judged for r in study.rates} == {2}
    assert study.best_learning_rate == 0.01
    engine = FakeEngine(healthy_below(0.17))
    study = swept(spec, tmp_path / "out", engine, Log())
    assert {r.n_judged for r in study.rates} == {3}
    assert engine.trials == len(study.rates)


def test_a_study_of_failures_is_refused(spec: Spec, tmp_path: Path) -> None:
    with pytest.raises(WorkloadError, match="all 12 trials failed; the first one: out of memory"):
        swept(spec, tmp_path / "out", FakeEngine(lambda rate, seed: "out of memory"), Log())


def test_other_data_do_not_mix(spec: Spec, tmp_path: Path) -> None:
    swept(spec, tmp_path / "out", FakeEngine(healthy_below(0.17)), Log())
    more = load_spec(tmp_path / "spec.yaml", ["seeds=[0,1,2,3]"])
    with pytest.raises(StoreError, match="data or code changed"):
        swept(more, tmp_path / "out", FakeEngine(healthy_below(0.17), {"batch": "bb"}), Log())


def test_the_extension_is_told_of(spec: Spec, tmp_path: Path) -> None:
    log = Log()
    high = load_spec(tmp_path / "spec.yaml", ["sweep={values: [0.1, 1.0]}"])
    study = swept(high, tmp_path / "out", FakeEngine(healthy_below(0.5)), log)
    assert study.best_learning_rate == 0.01
    assert any("grid extended downward" in text for text in log.messages)
    assert list(study.notes) == [text for text in log.messages if "extended" in text]
    assert log.messages[0] == "1 trainable parameters; 1 worker on made-up"


def probed(spec: Spec, out: Path, engine: FakeEngine, best: float | None, log: Log | None = None) -> Any:
    with opened(spec, out) as folder:
        laboratory = examine.Laboratory(spec, folder, engine, log or Log(), exhaustive=True)
        made = examine.probe(laboratory, probes.Settings(), spec.seeds, best)
        return made, examine.all_trials_table(laboratory, made.study)


def test_a_given_best_rate_is_probed_without_a_sweep(spec: Spec, tmp_path: Path) -> None:
    engine = FakeEngine(healthy_below(0.17))
    made, table = probed(spec, tmp_path / "out", engine, 0.01)
    assert (engine.checks, engine.trials) == (1, 3)
    assert made.base_learning_rate == 0.02
    assert [run.trial.seed for run in made.runs] == [0, 1, 2]
    assert (made.study.best_learning_rate, made.study.rates) == (0.01, ())
    assert [row["procedure"] for row in table] == ["probe"] * 3


def test_a_probe_takes_the_best_rate_from_the_saved_sweep_and_resumes(spec: Spec, tmp_path: Path) -> None:
    swept(spec, tmp_path / "out", FakeEngine(healthy_below(0.17)), Log())
    engine = FakeEngine(healthy_below(0.17))
    first, table = probed(spec, tmp_path / "out", engine, None)
    assert (first.base_learning_rate, engine.trials) == (0.02, 3)
    assert [row["procedure"] for row in table] == ["sweep"] * len(first.study.runs) + ["probe"] * 3
    engine, log = FakeEngine(healthy_below(0.17)), Log()
    second, again = probed(spec, tmp_path / "out", engine, None, log)
    assert (engine.checks, engine.trials) == (0, 0)
    assert log.planned_stages[-1] == ("probe", 3, 3)
    assert repr(again) == repr(table)
    assert [run.name for run in second.runs] == [run.name for run in first.runs]


def test_without_a_feasible_rate_nothing_is_probed(spec: Spec, tmp_path: Path) -> None:
    made, _ = probed(spec, tmp_path / "out", FakeEngine(healthy_below(0.0)), None)
    assert (made.base_learning_rate, made.runs) == (None, ())


def test_trained_trials_are_counted_and_taken_off_the_budget(spec: Spec, tmp_path: Path) -> None:
    with opened(spec, tmp_path / "out") as folder:
        laboratory = examine.Laboratory(spec, folder, FakeEngine(healthy_below(0.17)), Log(), budget=1000)
        rates = (0.01, 0.5, 0.01)  # 40 steps, 3 of 40, and one that is finished already; the control has 40
        for rate in rates:
            laboratory.run("one", [examine.baseline_trial(spec, rate, 0)])
        assert (laboratory.trained, laboratory.trained_steps, laboratory.budget) == (2, 83, 917)


@pytest.mark.parametrize(("budget", "trains"), [(None, True), (160, True), (159, False), (0, False)])
def test_a_batch_beyond_the_budget_is_not_begun(spec: Spec, tmp_path: Path, budget: int | None, trains: bool) -> None:
    engine, log = FakeEngine(healthy_below(0.17)), Log()
    with opened(spec, tmp_path / "out") as folder:
        laboratory = examine.Laboratory(spec, folder, engine, log, budget=budget)
        batch = [examine.baseline_trial(spec, 0.01, seed) for seed in (0, 1)]
        if trains:
            assert len(laboratory.run("grid", batch)) == 2
        else:
            told = f"grid: 2 trials to train after 2 controls, .* 160 steps .*--max-trial-steps leaves {budget};"
            with pytest.raises(BudgetSpent, match=told):
                laboratory.run("grid", batch)
    assert (engine.trials, engine.controls, len(log.planned_stages)) == ((2, 2, 2) if trains else (0, 0, 0))


def test_what_is_finished_needs_no_budget(spec: Spec, tmp_path: Path) -> None:
    first = swept(spec, tmp_path / "out", FakeEngine(healthy_below(0.17)), Log())
    with opened(spec, tmp_path / "out") as folder:
        laboratory = examine.Laboratory(spec, folder, FakeEngine(healthy_below(0.17)), Log(), budget=0, exhaustive=True)
        again = examine.sweep(laboratory, Settings(examine.grid(laboratory)), spec.seeds)
    assert (len(again.runs), laboratory.trained) == (len(first.runs), 0)


def varied(rate: float, seed: int) -> list[float] | str:
    """Seeds that differ in their edge and in their level."""
    if rate >= 0.17 * (1.0, 1.2, 0.9)[seed]:
        return broken_at(rate)
    goal = (0.1 + 0.004 * seed) * (1 + abs(math.log10(rate / 0.01)))
    return [goal + (2 - goal) * 0.9**t for t in range(40)]


def test_trials_that_cannot_change_the_answer_are_left_out(spec: Spec, tmp_path: Path) -> None:
    every, few = FakeEngine(varied), FakeEngine(varied)
    whole = swept(spec, tmp_path / "every", every, Log())
    spared = swept(spec, tmp_path / "few", few, Log(), exhaustive=False)
    assert few.trials < 0.8 * every.trials
    assert (spared.best_learning_rate, spared.unstable_base_learning_rate) == (
        whole.best_learning_rate, whole.unstable_base_learning_rate
    )  # fmt: skip
    reports = [assess.report_of_sweep(study, "sweep") for study in (whole, spared)]
    assert reports[0].verdict == reports[1].verdict
    told = [note for note in spared.notes if "left out" in note]
    assert told == [
        f"{every.trials - few.trials} of {every.trials} trials were left out: the other seeds at rates where those "
        "trained settle the answer; --exhaustive trains them too"
    ]
    assert not [note for note in whole.notes if "left out" in note]


def test_what_was_left_out_is_trained_where_it_is_asked_for_and_a_sweep_resumes(spec: Spec, tmp_path: Path) -> None:
    first = swept(spec, tmp_path / "out", FakeEngine(varied), Log(), exhaustive=False)
    engine = FakeEngine(varied)
    again = swept(spec, tmp_path / "out", engine, Log(), exhaustive=False)
    assert engine.trials == 0
    same = [repr(assess.report_of_sweep(study, "sweep")) for study in (first, again)]
    assert same[0] == same[1]
    whole = swept(spec, tmp_path / "out", engine, Log())
    assert engine.trials == len(whole.runs) - len(first.runs) > 0
    # trials that lie there and are not asked for change nothing
    assert (
        repr(assess.report_of_sweep(swept(spec, tmp_path / "out", engine, Log(), exhaustive=False), "sweep")) == same[0]
    )
