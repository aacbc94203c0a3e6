"""Where trials are run, each at most once, and what watches them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.rewriting import Possible, Rewrite
from lrdoctor.core.run import Run, Status, trial_of
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Engine, Event, Failed, Finished, LooksAhead, Progress, Started, Task
from lrdoctor.errors import BudgetEnded, BudgetSpent, EngineError
from lrdoctor.examine.allowance import Allowance
from lrdoctor.spec import Spec
from lrdoctor.store import StudyFolder


def nothing() -> Task | None:
    """The guess of who expects nothing further."""
    return None


OF_CONTROL = ("constant_loss", "constant_losses")
"""What is known of a control's data that its seed's trials are told."""

CONTROL = "control"
"""Stage in which the untrained weights pass over the batches."""

Who = tuple[int, Rewrite | None]
"""Seed and rewrite: they decide the untrained weights."""


def baseline_trial(spec: Spec, rate: float, seed: int) -> Trial:
    """The spec's own training at a rate: what the sweep runs, and what every fix is compared with."""
    return Trial(
        base_learning_rate=rate,
        seed=seed,
        max_train_steps=spec.max_train_steps,
        eval_every=spec.steps_between_evaluations,
        optimizer=spec.optimizer_text(),
        procedure="sweep",
        warmup_steps=spec.warmup_steps,
        stop_hopeless=spec.stop_hopeless,
        **spec.own_settings(),
    )


def control_trial(spec: Spec, seed: int, rewrite: Rewrite | None = None) -> Trial:
    """The control of a seed: as many forward passes as the spec's own training has updates, and no update.

    Args:
        spec: with the training.
        seed: of the weights and the batches.
        rewrite: the change made to the model first; it has other untrained losses.
    """
    n_steps = spec.warmup_steps + spec.max_train_steps
    return Trial(
        base_learning_rate=0.0,
        seed=seed,
        max_train_steps=n_steps,
        eval_every=n_steps,
        optimizer=spec.optimizer_text(),
        procedure=CONTROL,
        rewrite=rewrite,
        stop_hopeless=False,
        control=True,
    )


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
    budget: int | None = None
    """Steps that may still be run; each finished trial takes those that it ran off it, and so does a control, whose
    step is a forward pass alone: no workload tells how much cheaper that is. None: any."""
    allowance: Allowance | None = None
    """What may be spent where the procedures end with what is there; None for any amount."""
    exhaustive: bool = False
    """Whether trials are run too that cannot change the answer."""
    chosen: str = ""
    """How the rates to sweep were found, where the spec leaves that to lrdoctor and it is done."""
    guess: Callable[[], Task | None] = nothing
    """Gives what a worker begins that would have nothing to do (`examine.ahead`)."""
    ahead: set[str] = field(default_factory=set)
    """Keys of the trials and controls that workers began before anything asked for them."""
    asked: frozenset[str] = frozenset()
    """Keys of those that are asked for and not done."""
    controls: dict[Who, Run] = field(default_factory=dict)
    """The untrained weights on the batches of the seed."""
    trained: int = 0
    """Trials trained by this invocation; controls are none."""
    trained_steps: int = 0
    """Steps that they and the controls ran."""
    trained_seconds: float = 0.0
    """How long they and the controls took, as if one after the other."""

    def __post_init__(self) -> None:
        self._identity = self.spec.identity()
        self._said: set[str] = set()

    def key(self, trial: Trial) -> str:
        return trial.key(self._identity)

    def run(self, stage: str, trials: Sequence[Trial]) -> list[Run]:
        """The runs of the trials, in their order, each with the control of its seed; what is missing is trained now.

        Raises:
            BudgetSpent: the missing trials and controls take more steps than the budget has left; none was begun.
            BudgetEnded: they do not fit into what is left of the allowance; at most the controls were run.
        """
        controls = self.new_controls(trials)
        missing = self._missing(trials)
        unseen = self._missing(list(controls.values()))
        self._refuse_beyond_budget(stage, missing, unseen)
        self._refuse_beyond_allowance(stage, (*unseen.values(), *missing.values()))
        if unseen:
            self.watcher.planned(CONTROL, len(unseen), 0)
            self._train(unseen, trials[0])
        self.controls |= {who: self.runs.pop(self.key(trial)) for who, trial in controls.items()}
        if unseen:  # what the controls took tells how long trials take, where none has told yet
            self._refuse_beyond_allowance(stage, tuple(missing.values()))
        self.watcher.planned(stage, len(trials), len(trials) - len(missing))
        if missing:
            self._train(missing, trials[0])
        return [self._with_control(trial, self.runs[self.key(trial)]) for trial in trials]

    def to_train(self, trials: Sequence[Trial]) -> tuple[Trial, ...]:
        """The trials that are missing, and before them the controls that they need."""
        controls = {self.key(trial): trial for trial in self.new_controls(trials).values()}
        missing = self._missing(list(controls.values()))
        for key in set(controls) - set(missing):
            del self.runs[key]  # a control that was read is no run of a study
        return (*missing.values(), *self._missing(trials).values())

    def is_saved(self, key: str) -> bool:
        """Whether a trial or control is done; what a worker has finished and nobody asked for is not."""
        return key in self.runs or self.folder.read(key) is not None

    def is_missing(self, trial: Trial) -> bool:
        return bool(self._missing([trial]))

    @property
    def n_workers(self) -> int:
        """Trials that run side by side."""
        return int(self.engine.describe()["jobs"])

    def every_run(self) -> dict[str, Run]:
        """Every finished trial of the study folder and of this invocation, by key; controls are none, and each trial
        has the one of its seed where that is finished."""
        runs = {**self.folder.finished(), **self.runs}
        return {key: self._with_control(trial_of(run), run) for key, run in runs.items()}

    def _with_control(self, trial: Trial, run: Run) -> Run:
        """The run as everybody else gets to see it; trials of a seed share the control."""
        who = trial.seed, trial.rewrite
        if not self._is_covered(who, trial.n_steps):  # a trial that an earlier invocation saved
            whole = control_trial(self.spec, *who)
            for control_of in (whole, replace(whole, stop_after=trial.n_steps)):
                saved = self.folder.read(self.key(control_of))
                if saved is not None:
                    self.controls[who] = saved
                    break
        control = self.controls.get(who)
        if control is None or control.status == "failed":
            return run
        facts = {name: value for name, value in control.provenance.items() if name in OF_CONTROL}
        if len(control.val_loss.finite):
            facts["untrained_val_loss"] = float(control.val_loss.finite.value[-1])
        return replace(run, control=control.train_loss, provenance={**run.provenance, **facts})

    def new_controls(self, trials: Sequence[Trial]) -> dict[Who, Trial]:
        """The controls of the trials that were neither run nor read by this invocation: whole ones, but for trials that
        are all shorter (the probe's) and whose whole control nobody has run yet."""
        longest: dict[Who, int] = {}
        for trial in trials:
            who = trial.seed, trial.rewrite
            longest[who] = max(trial.n_steps, longest.get(who, 0))
        new = {}
        for who, n_steps in longest.items():
            if not self._is_covered(who, n_steps):
                whole = control_trial(self.spec, *who)
                is_short = n_steps < whole.n_steps and self.folder.read(self.key(whole)) is None
                new[who] = replace(whole, stop_after=n_steps) if is_short else whole
        return new

    def _is_covered(self, who: Who, n_steps: int) -> bool:
        """Whether the control that is there is as long as a trial, or as any control is."""
        control = self.controls.get(who)
        if control is None or control.trial is None:
            return False
        return control.trial.n_steps >= min(n_steps, control.trial.schedule_steps)

    def _missing(self, trials: Sequence[Trial]) -> dict[str, Trial]:
        """The trials, by key, that are not finished; the others are read."""
        missing = {}
        for trial in trials:
            key = self.key(trial)
            if key not in self.runs:
                # what a worker finished ahead, or for an invocation that died, is as good as saved
                saved = self.folder.read(key) or self.folder.adopt(key, trial, 1 if key in self.ahead else None)
                if saved is None:
                    missing[key] = trial
                else:
                    self.runs[key] = saved
                    if self.allowance is not None and "seconds" in saved.provenance:
                        self.allowance.learn(trial, len(saved.train_loss), saved.provenance["seconds"])
        for problem in self.folder.problems:
            self.watcher.message(problem)
        self.folder.problems.clear()
        return missing

    def _refuse_beyond_budget(self, stage: str, missing: Mapping[str, Trial], controls: Mapping[str, Trial]) -> None:
        needed = sum(trial.n_steps for trial in (*missing.values(), *controls.values()))
        if self.budget is not None and needed > self.budget:
            before = f" after {_counted(len(controls), 'control')}" if controls else ""
            raise BudgetSpent(
                f"{stage}: {_counted(len(missing), 'trial')} to train{before}, of up to {needed:,} steps in all, and "
                f"--max-trial-steps leaves {self.budget:,}; what is finished is kept: run the command again with "
                f"{needed:,} or more to go on"
            )

    def _refuse_beyond_allowance(self, stage: str, trials: Sequence[Trial]) -> None:
        if self.allowance is None or not trials:
            return
        jobs = self.n_workers
        if not self.allowance.reaches(trials, jobs):
            n = sum(not trial.control for trial in trials)
            raise BudgetEnded(f"{stage}: {_counted(n, 'trial')} to train {self.allowance.why_not(trials, jobs)}")

    def _train(self, missing: Mapping[str, Trial], typical: Trial) -> None:
        """Runs the trials or controls; `typical` is a trial whose optimizer and schedule are tried before the first."""
        if self.has_validation is None:
            self._check(typical)
        started: dict[str, float] = {}
        attempts = dict.fromkeys(missing, 0)
        deaths: dict[str, tuple[str, ...]] = dict.fromkeys(missing, ())
        sent: set[str] = set()
        """Trials whose rows come here, since their worker cannot write them into the study folder."""
        tasks = [self.task(key, trial) for key, trial in missing.items()]
        if running := self.engine.attach(tasks):
            self.watcher.message(
                f"{_counted(len(running), 'trial')} of an earlier invocation still run on the workers: taken over"
            )
        for event in self._events(tasks):
            key = event.task.key
            trial = missing[key]
            if isinstance(event, Started):
                started[key] = time.monotonic()
                attempts[key] += 1
                deaths[key] = event.deaths
                sent.discard(key)
                self.watcher.started(trial, event.worker)
            elif isinstance(event, Progress):
                step, loss = self._progress(key, event.value, sent)
                self.watcher.progressed(trial, step, loss)
            else:
                self._finish(key, trial, event, time.monotonic() - started[key], attempts[key], deaths[key])

    def _events(self, tasks: Sequence[Task]) -> Iterator[Event]:
        """What happens while the engine runs the tasks; its workers may begin what is guessed."""
        if not isinstance(self.engine, LooksAhead):
            yield from self.engine.run(tasks)
            return
        self.asked, self.engine.guess = frozenset(task.key for task in tasks), self.guess
        try:
            yield from self.engine.run(tasks)
        finally:
            self.asked, self.engine.guess = frozenset(), nothing

    def _progress(self, key: str, value: Any, sent: set[str]) -> tuple[int, float]:
        """The last step of a trial and its loss: as its worker counts them, or of the rows that it sends."""
        if isinstance(value, Mapping):
            return value["step"], value["train_loss"]
        if key not in sent:
            self.folder.begin(key)
            sent.add(key)
        self.folder.append(key, value)
        return value[-1][0], value[-1][2]

    def task(self, key: str, trial: Trial) -> Task:
        """What an engine is given of a trial or a control."""
        return Task(key, self._payload(key, trial), trial.seed, shared=True)

    def _payload(self, key: str, trial: Trial) -> dict[str, Any]:
        """What a worker is told: the trial, where its files are, and the highest level that its untrained weights show
        by themselves."""
        control = self.controls.get((trial.seed, trial.rewrite))
        # as far as the trial goes: how much longer its control happens to be must not decide how it ends
        losses = np.zeros(0) if control is None else control.train_loss.before(trial.n_steps).finite.value
        levels = robust.block_medians(losses, robust.block_length(len(losses)))
        untrained = float(levels.max()) if len(levels) else None
        # a worker of a cluster was started in another folder
        folder = str(self.folder.scratch_folder(key).absolute())
        return {
            "kind": "trial",
            "trial": asdict(trial),
            "untrained": untrained,
            "own_learning_rate": None if control is None else control.provenance.get("own_learning_rate"),
            "folder": folder,
            "mark": self.folder.mark,
        }

    def _finish(
        self,
        key: str,
        trial: Trial,
        event: Finished | Failed,
        seconds: float,
        attempts: int,
        deaths: Sequence[str],
    ) -> None:
        status: Status = "failed" if isinstance(event, Failed) else event.result["status"]
        result: Mapping[str, Any] = {} if isinstance(event, Failed) else event.result
        where = result.get("attempt")
        seconds = result.get("seconds", seconds)
        run = self.folder.finish(
            key,
            trial,
            status=status,
            exit_reason=event.reason if isinstance(event, Failed) else event.result["reason"],
            seconds=seconds,
            attempts=attempts,
            deaths=deaths,
            worker_facts={"device": self.device, **result.get("worker", {}), **result.get("facts", {})},
            evaluations=result.get("evaluations", {}),
            files=result.get("files"),
            attempt=None if where is None else Path(where),
        )
        self._say_once(result.get("notes", ()))
        self.runs[key] = run
        self._count(trial, len(run.train_loss), seconds)
        self.watcher.finished(run)

    def _count(self, trial: Trial, steps: int, seconds: float) -> None:
        """Takes what a trial or a control ran off the budget."""
        self.trained += not trial.control
        self.trained_steps += steps
        self.trained_seconds += seconds
        if self.budget is not None:
            self.budget -= steps
        if self.allowance is not None:
            self.allowance.pay(trial, steps, seconds)

    def possible(self, seed: int) -> Possible:
        """What can be changed in the model of a seed, found out in a worker; nothing is saved.

        Raises:
            EngineError: the worker died of it.
            WorkloadError: the workload does not work.
        """
        return cast(Possible, answer(self.engine, {"kind": "possible", "seed": seed}, "the look at the model"))

    def _check(self, trial: Trial) -> None:
        """Tries the workload once before any trial, so that what cannot work fails at once and in one place."""
        payload = {"kind": "check", "seed": trial.seed, "trial": asdict(trial)}
        found = answer(self.engine, payload, "the first look at the workload", self.watcher.message)
        self.has_validation = found["has_validation"]
        self.device = self.engine.describe()["device_name"]
        self.folder.note_data({"device": self.device, **found["facts"]})
        jobs, n_parameters = self.engine.describe()["jobs"], found["n_parameters"]
        n_of_loss = found.get("n_loss_parameters", 0)
        of_loss = f", {n_of_loss:,} of them the loss's own" if n_of_loss else ""
        self.watcher.message(
            f"{n_parameters:,} trainable parameters{of_loss}; {jobs} worker{'s' if jobs > 1 else ''} on {self.device}"
        )
        self._say_once(found.get("notes", ()))

    def _say_once(self, notes: Iterable[str]) -> None:
        for note in notes:
            if note not in self._said:
                self._said.add(note)
                self.watcher.message(note)


def unlike_others(runs: Iterable[Run]) -> tuple[str, ...]:
    """What is to be said of trials that ran on another kind of device, or with another torch, than their study's first:
    a sentence for each kind."""
    found: dict[str, int] = {}
    n_runs = 0
    for run in runs:
        n_runs += 1
        if text := run.provenance.get("unlike"):
            found[text] = found.get(text, 0) + 1
    return tuple(
        f"{n} of {n_runs} trials ran on {text}: bit for bit they do not compare" for text, n in sorted(found.items())
    )


def _counted(n: int, thing: str) -> str:
    return f"{n} {thing}{'s' if n != 1 else ''}"


def answer(
    engine: Engine, payload: Mapping[str, Any], what: str, said: Callable[[str], None] = lambda text: None
) -> Any:
    """What a worker answers to one question.

    Args:
        engine: with the worker.
        payload: its `kind` and `seed`, and what else belongs to the kind.
        what: the question in words, for the error.
        said: takes what the worker says while it works.

    Raises:
        EngineError: the worker died of it.
        WorkloadError: the workload does not work.
    """
    for event in engine.run([Task(payload["kind"], payload, payload["seed"])]):
        if isinstance(event, Finished):
            return event.result
        if isinstance(event, Progress):
            said(event.value)
        if isinstance(event, Failed):
            raise EngineError(f"{what} ended: {event.reason}")
    raise AssertionError("an engine ends every task")
