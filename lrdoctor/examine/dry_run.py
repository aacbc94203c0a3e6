"""A procedure walked through without training: what it would run, and what that costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lrdoctor.core.changes import SETTINGS
from lrdoctor.core.plan import Plan, PlannedStage
from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial
from lrdoctor.core.warmups import steps_to_try
from lrdoctor.engines.base import Engine
from lrdoctor.examine import range_test, timing
from lrdoctor.examine.allowance import Clock
from lrdoctor.examine.laboratory import CONTROL, Laboratory, baseline_trial
from lrdoctor.examine.simulated import FIX, FROM_BEST, PAIR, SimulatedWorkload, workload_of
from lrdoctor.examine.timing import Pace
from lrdoctor.spec import Spec
from lrdoctor.store import SavedStudy, run_name

Procedure = Callable[[Laboratory], object]


class Silent:
    """A watcher for what nobody needs to see: nothing is trained."""

    def planned(self, stage: str, n_trials: int, n_reused: int) -> None: ...

    def started(self, trial: Trial, worker: int) -> None: ...

    def progressed(self, trial: Trial, step: int, train_loss: float) -> None: ...

    def finished(self, run: Run) -> None: ...

    def message(self, text: str) -> None: ...


@dataclass(frozen=True)
class Batch:
    """Trials that the procedure asked for together."""

    change: str
    """What the trials change, empty where they are the spec's own training."""
    stage: str
    n_trials: int
    missing: tuple[Trial, ...]
    controls: tuple[Trial, ...]
    """Controls that the trials need and that are missing too; they run first."""


@dataclass
class DryRun(Laboratory):
    """A laboratory that trains nothing: finished trials are read, the others made up and written down."""

    finished: Sequence[Run] = ()
    """Every finished trial of the study folder."""
    best: float | None = None
    """lr*, as the user gave it."""
    unstable: float | None = None
    """The lowest unstable rate, as the user gave it."""
    batches: list[Batch] = field(default_factory=list)
    _workloads: dict[str, SimulatedWorkload] = field(default_factory=dict)
    _new: tuple[Trial, ...] = ()
    _controls: tuple[Trial, ...] = ()
    _rates: tuple[float, ...] = ()

    @property
    def own_workload(self) -> SimulatedWorkload:
        """That of the spec's own update rule."""
        return self._workload(baseline_trial(self.spec, range_test.to_begin_with(self.spec)[0], self.spec.seeds[0]))

    def run(self, stage: str, trials: Sequence[Trial]) -> list[Run]:
        self._new = self._controls = ()
        # another update rule is first met where it is swept over rates of its own
        self._rates = tuple(sorted({trial.base_learning_rate for trial in trials}))
        runs = super().run(stage, trials)
        change = max(map(self._change, trials), key=len, default="")
        self.batches.append(Batch(change, stage, len(trials), self._new, self._controls))
        return runs

    def _train(self, missing: Mapping[str, Trial], typical: Trial) -> None:
        for key, trial in missing.items():
            self._count(trial, trial.n_steps, 0.0)
            if trial.control:
                self.runs[key] = self.own_workload.control(trial, run_name(trial), f"trials/{key}/steps.csv")
                continue
            name = run_name(trial)
            if trial.optimizer != self.spec.optimizer_text() and trial.optimizer_name not in name:
                name += f" optimizer={trial.optimizer_name}"
            control = self.controls.get((trial.seed, trial.rewrite))
            self.runs[key] = self._workload(trial).run(
                trial,
                name,
                f"trials/{key}/steps.csv",
                None if control is None or control.status == "failed" else control.train_loss,
            )
        self._new += tuple(trial for trial in missing.values() if not trial.control)
        self._controls += tuple(trial for trial in missing.values() if trial.control)

    def _workload(self, trial: Trial) -> SimulatedWorkload:
        """The workload of the trial's update rule; another one behaves like the spec's over its own rates."""
        if trial.optimizer not in self._workloads:
            self._workloads[trial.optimizer] = self._new_workload(trial)
        return self._workloads[trial.optimizer]

    def _new_workload(self, trial: Trial) -> SimulatedWorkload:
        spec = self.spec
        baseline = baseline_trial(spec, trial.base_learning_rate, trial.seed)
        own = trial.optimizer == baseline.optimizer
        longest = steps_to_try(spec.warmup.steps, spec.max_train_steps)[-1]
        return workload_of(
            replace(baseline, optimizer=trial.optimizer),
            range_test.to_begin_with(spec) if own else self._rates,
            self.finished,
            shortest_warmup=baseline.warmup_steps + -(-longest // 2),
            best=self.best if own else None,
            unstable=self.unstable if own else None,
            has_validation=self.has_validation is not False,
        )

    def _change(self, trial: Trial) -> str:
        baseline = baseline_trial(self.spec, trial.base_learning_rate, trial.seed)
        changes = {
            "change_optimizer": trial.optimizer != baseline.optimizer,
            "rewrite": trial.rewrite is not None,
            "warmup": trial.warmup_steps != baseline.warmup_steps,
        }
        for setting, of in SETTINGS.items():
            if of.fix and getattr(trial, setting) != getattr(baseline, setting):
                changes[of.fix] = True
        if any(changes.values()):
            return "+".join(name for name, changed in changes.items() if changed)
        return "probe" if trial.procedure == "probe" else ""


def walk_through(
    spec: Spec,
    out: Path,
    procedure: Procedure,
    *,
    engine: Engine,
    environment: Mapping[str, str],
    fresh: bool = False,
    best: float | None = None,
    unstable: float | None = None,
    budget: int | None = None,
    exhaustive: bool = False,
    clock: Clock = time.monotonic,
) -> Plan:
    """What a procedure would train, and how long that would take.

    Nothing is saved; the study folder is only read. Where it holds no finished trial that tells how long a step takes,
    some short trials are run and thrown away.

    Args:
        spec: what would be trained.
        out: the study folder, which need not exist.
        procedure: walks through its trials in the laboratory that it is given.
        engine: tells the number of workers, and runs the short trials.
        environment: versions whose curves do not mix, as for `StudyFolder.open`.
        fresh: whether the finished trials are to be thrown away.
        best: lr*, where the procedure is given it.
        unstable: the lowest unstable rate, likewise.
        budget: training steps allowed; None for any number.
        exhaustive: whether trials are run too that cannot change the answer.
        clock: seconds from any origin.

    Raises:
        StoreError: the folder holds another study or something else.
        WorkloadError: the workload does not work.
        BudgetSpent: the procedure raises it: the budget leaves it nothing to go on with.
        Interrupted: the user stopped it.
    """
    folder = SavedStudy(out, identity=spec.identity(), environment=environment, fresh=fresh)
    finished = tuple(folder.finished().values())
    problems = tuple(folder.problems)
    pace = _pace(folder, spec, engine, clock)
    has_validation = any(len(run.val_loss) for run in finished) if finished else pace.has_validation
    walk = DryRun(
        spec, folder, engine, Silent(), budget=budget, finished=finished, best=best, unstable=unstable,
        has_validation=has_validation, exhaustive=exhaustive,
    )  # fmt: skip
    workload = walk.own_workload
    procedure(walk)
    # a real study may need every trial: the assumed one leaves nothing open
    whole = walk if exhaustive else replace(walk, runs={}, controls={}, budget=None, batches=[], exhaustive=True)
    if whole is not walk:
        procedure(whole)
    pace = replace(pace, has_validation=has_validation)
    evaluated = pace.evaluations(workload.baseline) / max(1, workload.baseline.n_steps)
    return Plan(
        stages=tuple(_stages(walk.batches, pace)),
        jobs=pace.jobs,
        seconds_per_step=pace.per_step + pace.per_evaluation * evaluated,
        start_up=pace.start_up,
        assumptions=(*_assumptions(workload, walk), pace.source, *problems),
        worst_steps=sum(trial.n_steps for batch in whole.batches for trial in (*batch.missing, *batch.controls)),
    )


def _pace(folder: SavedStudy, spec: Spec, engine: Engine, clock: Clock) -> Pace:
    records = folder.records()
    if timing.of_finished(records, spec, jobs=1, start_up=0.0) is None:
        return timing.of_short_trials(spec, engine, clock)
    began = clock()
    jobs = int(engine.describe()["jobs"])
    pace = timing.of_finished(records, spec, jobs, start_up=clock() - began)
    assert pace is not None
    return pace


def _stages(batches: Sequence[Batch], pace: Pace) -> Iterator[PlannedStage]:
    for batch, part in zip(batches, _parts(batches), strict=True):
        if batch.controls:
            yield _stage(part, CONTROL, len(batch.controls), batch.controls, pace)
        yield _stage(part, batch.stage, batch.n_trials, batch.missing, pace)


def _stage(part: str, name: str, n_trials: int, missing: Sequence[Trial], pace: Pace) -> PlannedStage:
    return PlannedStage(
        part=part,
        name=name,
        trials=n_trials,
        reused=n_trials - len(missing),
        steps=sum(trial.n_steps for trial in missing),
        evaluations=sum(map(pace.evaluations, missing)),
        seconds=pace.together(missing),
    )


def _parts(batches: Sequence[Batch]) -> list[str]:
    """What each batch is for: what its stage names; else the first ones are the sweep, and later ones of the spec's own
    training belong to what came before them, or, where nothing of them is trained, to what they prepare."""
    parts: list[str] = []
    before = "sweep"
    for i, batch in enumerate(batches):
        coming = next((later.change for later in batches[i:] if later.change), before)
        begun = before != "sweep"
        named = batch.stage.partition(": ")[0] if ": " in batch.stage else ""
        parts.append(named or (coming if batch.change or (begun and not batch.missing) else before))
        before = parts[-1]
    return parts


def _assumptions(workload: SimulatedWorkload, walk: DryRun) -> Iterator[str]:
    best, edge = f"{workload.best_learning_rate:.4g}", f"{workload.unstable_base_learning_rate:.4g}"
    if walk.best is not None:
        yield f"lr* is {best}, as given, and training becomes unstable at {edge}"
    elif workload.from_trials:
        yield f"lr* is {best} and training becomes unstable at {edge}, as far as the finished trials tell"
    else:
        yield (
            f"lr* is {best}, in the middle of the swept rates (the sweep goes on where it is at an end of them), and "
            f"training becomes unstable at {edge}"
        )
    yield (
        f"where no trial has told yet, the unstable rate is {FROM_BEST:g} times lr*, a fix moves it up by a factor of "
        f"{FIX:g} and a pair of fixes by {PAIR:g}: none suffices, so that all are tried; a real one that does ends the "
        "procedure earlier"
    )
    if not walk.exhaustive:
        yield (
            "seeds that cannot change the answer are left out; where the real trials leave the verdict open, a sweep "
            "takes every seed at every rate"
        )
    yield "every trial is counted at its full length; an unstable one ends earlier"
