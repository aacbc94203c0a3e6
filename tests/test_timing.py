"""How long trials take, on an engine that has a clock of its own: every cost is known, and has to come out again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_examine import SPEC, FakeEngine

from lrdoctor import examine
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Failed, Finished, Progress, Started, Task
from lrdoctor.errors import EngineError, LrdoctorError, WorkloadError
from lrdoctor.examine import timing
from lrdoctor.examine.timing import Pace
from lrdoctor.spec import Spec, load_spec
from lrdoctor.store import TrialRecord

TRIAL, STEP, EVALUATION, SHORT_EVALUATION = 0.5, 0.1, 2.0, 0.25


class TimedEngine(FakeEngine):
    """Its clock goes on by what each trial costs; the first one waits for the workers too."""

    def __init__(
        self, start_up: float = 10.0, validation: bool = True, ending: Any = "completed", pace: float = 1.0
    ) -> None:
        super().__init__(lambda rate, seed: "never asked")
        self.now, self.start_up, self.validation, self.ending = 0.0, start_up, validation, ending
        self.pace = pace
        self.seen: list[Trial] = []

    def clock(self) -> float:
        return self.now

    def describe(self) -> dict[str, Any]:
        return {"device_name": "made-up", "jobs": 2}

    def _trial(self, task: Task, trial: Trial) -> Iterator[Event]:
        self.seen.append(trial)
        yield Started(task, 0)
        at = [t for t in range(trial.n_steps) if (t + 1) % trial.eval_every == 0 or t + 1 == trial.n_steps]
        at = at if self.validation else []
        each = EVALUATION if trial.eval_examples is None else SHORT_EVALUATION
        self.now += self.pace * (TRIAL + STEP * trial.n_steps + each * len(at)) + self.start_up
        self.start_up = 0.0
        if self.ending is None:
            yield Failed(task, "killed by SIGKILL twice")
            return
        rows = [(t, 0.1, 2.0, 1.0, 2.0 if t in at else None) for t in range(trial.n_steps)]
        yield Progress(task, rows[:3])
        yield Progress(task, rows[3:])
        yield Finished(task, {"status": self.ending, "reason": "out of memory"})


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("max_train_steps: 40", "max_train_steps: 1000\neval_every: 50"))
    return load_spec(tmp_path / "spec.yaml")


def record(spec: Spec, seconds: float, status: Any = "completed", n_rows: int = 1000, **changes: Any) -> TrialRecord:
    trial = replace(examine.baseline_trial(spec, 0.01, 0), **changes)
    return TrialRecord(
        key="k", trial=trial, status=status, exit_reason=None, n_rows=n_rows, seconds=seconds, attempts=1, worker={}
    )


def test_the_costs_of_short_trials_tell_themselves_apart(spec: Spec) -> None:
    engine = TimedEngine()
    pace = timing.of_short_trials(spec, engine, engine.clock)
    found = (pace.per_trial, pace.per_step, pace.per_evaluation, pace.per_short_evaluation)
    assert found == pytest.approx((TRIAL, STEP, EVALUATION, SHORT_EVALUATION))
    assert (pace.jobs, pace.has_validation) == (2, True)
    assert pace.start_up == pytest.approx(10.0 + TRIAL + 5 * STEP + EVALUATION)  # this engine runs the two in turn
    assert {t.base_learning_rate for t in engine.seen} == {1e-3}
    assert {t.seed for t in engine.seen} == {0, 1}
    assert max(t.n_steps for t in engine.seen) == 60


def test_quick_steps_are_timed_over_more_of_them(spec: Spec) -> None:
    engine = TimedEngine(pace=0.01)
    found = timing.of_short_trials(spec, engine, engine.clock)
    assert max(t.n_steps for t in engine.seen) == 600
    assert found.per_step == pytest.approx(0.01 * STEP)


def test_without_validation_data_an_evaluation_costs_nothing(spec: Spec) -> None:
    engine = TimedEngine(validation=False)
    pace = timing.of_short_trials(spec, engine, engine.clock)
    assert (pace.per_step, pace.per_evaluation) == pytest.approx((STEP, 0.0))
    assert pace.evaluations(engine.seen[0]) == 0


@pytest.mark.parametrize(
    ("ending", "error", "told"),
    [("failed", WorkloadError, "failed: out of memory"), (None, EngineError, "ended: killed by SIGKILL twice")],
)
def test_a_workload_that_does_not_train_is_told_of(
    spec: Spec, ending: str | None, error: type[LrdoctorError], told: str
) -> None:
    engine = TimedEngine(ending=ending)
    with pytest.raises(error, match=told):
        timing.of_short_trials(spec, engine, engine.clock)


def test_finished_trials_tell_the_time_of_a_step(spec: Spec) -> None:
    broken = record(spec, 900.0, status="diverged", n_rows=3)
    probes = [record(spec, 30.0, n_rows=100, eval_every=1, eval_examples=256)]
    usual = [record(spec, seconds) for seconds in (90.0, 100.0, 500.0)]
    pace = timing.of_finished([broken, *probes, *usual], spec, 4, 1.5)
    assert pace is not None
    assert (pace.per_step, pace.per_short_evaluation, pace.jobs, pace.start_up) == pytest.approx((0.1, 0.2, 4, 1.5))
    assert "3 finished trials" in pace.source
    assert pace.seconds(usual[0].trial) == pytest.approx(100.0)
    assert pace.seconds(probes[0].trial) == pytest.approx(1000 * 0.3)


@pytest.mark.parametrize("changes", [{"status": "diverged"}, {"eval_every": 7}, {"n_rows": 0}])
def test_other_trials_tell_nothing(spec: Spec, changes: dict[str, Any]) -> None:
    assert timing.of_finished([record(spec, 1.0, **changes)], spec, 1, 0.0) is None


@pytest.mark.parametrize(("jobs", "n", "seconds"), [(1, 3, 3.0), (2, 3, 2.0), (2, 4, 2.0), (8, 3, 1.0), (2, 0, 0.0)])
def test_trials_side_by_side(spec: Spec, jobs: int, n: int, seconds: float) -> None:
    pace = Pace(
        jobs=jobs, start_up=0.0, per_trial=0.0, per_step=0.001, per_evaluation=0.0, per_short_evaluation=0.0, source=""
    )
    assert pace.together([examine.baseline_trial(spec, 0.1, 0)] * n) == pytest.approx(seconds)


@pytest.mark.parametrize(("n", "every", "times"), [(1000, 50, 20), (100, 30, 4), (3, 50, 1), (10, 1, 10)])
def test_the_last_step_is_always_evaluated(spec: Spec, n: int, every: int, times: int) -> None:
    trial = replace(examine.baseline_trial(spec, 0.1, 0), max_train_steps=n, eval_every=every)
    pace = Pace(
        jobs=1, start_up=0.0, per_trial=1.0, per_step=1.0, per_evaluation=2.0, per_short_evaluation=0.0, source=""
    )
    assert pace.evaluations(trial) == times
    assert pace.seconds(trial) == 1 + n + 2 * times
