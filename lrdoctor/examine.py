"""Spec -> Study: procedures plan trials, an engine runs them, every run is saved as it comes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from types import FrameType
from typing import Any, Protocol

from lrdoctor import diagnose
from lrdoctor.core.run import Run, Status
from lrdoctor.core.study import Objective, Stage, Study
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Engine, Failed, Finished, Progress, Started, Task
from lrdoctor.errors import EngineError, Interrupted, WorkloadError
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.spec import Spec
from lrdoctor.store import StudyFolder

ENTRY = "lrdoctor.training.session:open_session"
"""What runs in the workers; a name, so that this process never imports torch."""

PRELOAD = ("torch", "lrdoctor.training.session")
"""Imported once before the workers are forked: importing torch takes seconds."""


class Watcher(Protocol):
    """Whoever wants to see the trials run."""

    def planned(self, stage: str, n_trials: int, n_reused: int) -> None:
        """A stage of so many trials begins; this many of them are taken from the study folder."""

    def started(self, trial: Trial, worker: int) -> None:
        """A worker began the trial, from nothing if it had been begun before."""

    def progressed(self, trial: Trial, step: int, train_loss: float) -> None:
        """The last step whose row is saved."""

    def finished(self, run: Run) -> None:
        """The trial is saved."""

    def message(self, text: str) -> None:
        """Something the user should know now."""


@dataclass
class Laboratory:
    """Runs trials of one spec, each at most once: finished ones are read from the study folder."""

    spec: Spec
    folder: StudyFolder
    engine: Engine
    watcher: Watcher
    runs: dict[str, Run] = field(default_factory=dict)
    """By trial key, everything run or read so far."""
    has_validation: bool | None = None
    device: str | None = None
    """Name of what the trials run on; known, like the line above, once a trial had to be trained."""

    def __post_init__(self) -> None:
        self._identity = self.spec.identity()

    def key(self, trial: Trial) -> str:
        return trial.key(self._identity)

    def run(self, stage: str, trials: Sequence[Trial]) -> list[Run]:
        """The runs of the trials, in their order; those that are missing are trained now."""
        missing = {}
        for trial in trials:
            key = self.key(trial)
            if key not in self.runs:
                saved = self.folder.read(key)
                if saved is None:
                    missing[key] = trial
                else:
                    self.runs[key] = saved
        for problem in self.folder.problems:
            self.watcher.message(problem)
        self.folder.problems.clear()
        self.watcher.planned(stage, len(trials), len(trials) - len(missing))
        if missing:
            self._train(missing)
        return [self.runs[self.key(trial)] for trial in trials]

    def _train(self, missing: Mapping[str, Trial]) -> None:
        if self.has_validation is None:
            self._check(next(iter(missing.values())).seed)
        started: dict[str, float] = {}
        attempts = dict.fromkeys(missing, 0)
        tasks = [Task(key, {"kind": "trial", "trial": asdict(trial)}, trial.seed) for key, trial in missing.items()]
        for event in self.engine.run(tasks):
            key = event.task.key
            trial = missing[key]
            if isinstance(event, Started):
                started[key] = time.monotonic()
                attempts[key] += 1
                self.folder.begin(key)
                self.watcher.started(trial, event.worker)
            elif isinstance(event, Progress):
                self.folder.append(key, event.value)
                self.watcher.progressed(trial, event.value[-1][0], event.value[-1][2])
            else:
                self._finish(key, trial, event, time.monotonic() - started[key], attempts[key])

    def _finish(self, key: str, trial: Trial, event: Finished | Failed, seconds: float, attempts: int) -> None:
        status: Status = "failed" if isinstance(event, Failed) else event.result["status"]
        run = self.folder.finish(
            key,
            trial,
            status=status,
            exit_reason=event.reason if isinstance(event, Failed) else event.result["reason"],
            seconds=seconds,
            attempts=attempts,
            worker_facts={"device": self.device},
        )
        self.runs[key] = run
        self.watcher.finished(run)

    def _check(self, seed: int) -> None:
        """Tries the workload once before any trial, so that what cannot work fails at once and in one place."""
        for event in self.engine.run([Task("check", {"kind": "check", "seed": seed}, seed)]):
            if isinstance(event, Finished):
                self.has_validation = event.result["has_validation"]
                self.device = self.engine.describe()["device_name"]
                self.folder.note_data({"device": self.device, **event.result["facts"]})
                jobs, n_parameters = self.engine.describe()["jobs"], event.result["n_parameters"]
                self.watcher.message(
                    f"{n_parameters:,} trainable parameters; {jobs} worker{'s' if jobs > 1 else ''} on {self.device}"
                )
            elif isinstance(event, Failed):
                raise EngineError(f"the first look at the workload ended: {event.reason}")


def sweep(laboratory: Laboratory, settings: sweeps.Settings, seeds: Sequence[int]) -> Study:
    """Runs the learning-rate sweep and measures it.

    Raises:
        WorkloadError: the workload does not work, or every trial failed.
        Interrupted: the user stopped it; what was finished is saved.
    """
    stages: dict[float, Stage] = {}
    runs: dict[float, list[Run]] = {}
    notes: list[str] = []
    while True:
        study = _study(laboratory, stages, runs, notes)
        plan = sweeps.next_plan(settings, study.rates)
        if plan is None:
            return replace(study, notes=(*study.notes, *sweeps.afterthoughts(study)))
        if plan.note:
            notes.append(plan.note)
            laboratory.watcher.message(plan.note)
        trials = [_trial(laboratory.spec, rate, seed) for seed in seeds for rate in plan.rates]
        for run in laboratory.run(plan.stage, trials):
            assert run.trial is not None
            stages[run.trial.base_learning_rate] = plan.stage
            runs.setdefault(run.trial.base_learning_rate, []).append(run)
        _refuse_if_all_failed(runs)


def _trial(spec: Spec, rate: float, seed: int) -> Trial:
    return Trial(
        base_learning_rate=rate,
        seed=seed,
        max_train_steps=spec.max_train_steps,
        eval_every=spec.eval_every,
        optimizer=spec.optimizer_text(),
        procedure="sweep",
        stop_hopeless=spec.stop_hopeless,
    )


def _study(
    laboratory: Laboratory, stages: Mapping[float, Stage], runs: Mapping[float, list[Run]], notes: Sequence[str]
) -> Study:
    """The sweep so far, judged and measured."""
    every = tuple(run for rate in sorted(runs) for run in runs[rate])
    objective: Objective = "best_val_loss" if any(len(run.val_loss) for run in every) else "best_train_loss"
    study = Study(
        name=laboratory.spec.name,
        runs=every,
        spec=laboratory.spec.resolved(laboratory.folder.out),
        objective=objective,
        notes=tuple(notes),
    )
    findings, _ = diagnose.judge_runs(study)
    rates = tuple(sweeps.summarize(rate, stages[rate], runs[rate], findings, objective) for rate in sorted(runs))
    return sweeps.measure(replace(study, rates=rates))


def _refuse_if_all_failed(runs: Mapping[float, list[Run]]) -> None:
    every = [run for of_rate in runs.values() for run in of_rate]
    if all(run.status == "failed" for run in every):
        raise WorkloadError(f"all {len(every)} trials failed; the first one: {every[0].exit_reason}")


def trials_table(study: Study) -> list[dict[str, Any]]:
    """The rows of trials.csv: settings, ending and key figures of every trial, without times, so that the same
    trials give the same bytes."""
    findings, _ = diagnose.judge_runs(study)
    rows = []
    for run in study.runs:
        trial, summary = run.trial, diagnose.summary_of(run, findings)
        assert trial is not None
        found = [f.name for f in findings if f.run == run.name]
        rows.append(
            {
                "key": run.source.split("/")[-2],
                "procedure": trial.procedure,
                **{k: v for k, v in trial.settings().items() if k not in ("optimizer", "stop_hopeless")},
                "optimizer": trial.optimizer_name,
                "status": run.status,
                "exit_reason": run.exit_reason,
                "n_steps": summary.n_points,
                "feasible": summary.feasible,
                "findings": "; ".join(found),
                "best_val_loss": summary.best_val_loss,
                "final_train_loss": summary.final_train_loss,
            }
        )
    return rows


@contextmanager
def interruptible(engine: Engine, watcher: Watcher) -> Iterator[None]:
    """Within it the first Ctrl-C (or SIGTERM) stops the engine cleanly and the second one kills its workers."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can receive signals
        return
    presses = 0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal presses
        presses += 1
        if presses == 1:
            watcher.message("stopping: finished trials are saved (Ctrl-C again to kill the workers)")
            engine.stop()
        else:
            engine.kill()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
        if presses:
            raise Interrupted("interrupted")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
