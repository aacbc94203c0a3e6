"""How long trials take: from finished ones, else from short ones that are thrown away."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median

import numpy as np

from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Engine, Failed, Finished, Progress, Started, Task
from lrdoctor.errors import EngineError, WorkloadError
from lrdoctor.examine import range_test
from lrdoctor.examine.allowance import FORWARD, Clock
from lrdoctor.examine.laboratory import baseline_trial
from lrdoctor.procedures.probe import Settings as ProbeSettings
from lrdoctor.spec import Spec
from lrdoctor.store import TrialRecord

STEPS = 60
"""Updates of the longest short trial: a dozen times those of the shortest, so that the start tells itself apart."""
ENOUGH = 1.0
"""Seconds that the longest one takes, at least; where steps are so quick, some ten thousandths of a second decide."""
MANY = 10 * STEPS
"""Updates of one more where it takes less."""
FEW = 5
"""Updates of the shortest one."""
FULL, SOME = 3, 10
"""Updates of the trials with an evaluation after each: on all validation data, and on as many as the probe takes."""
UNKNOWN_EVALUATION = 1.0
"""Cost of an evaluation of the probe in steps, where finished trials tell that of a step alone."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What trials cost in time when as many as there are workers run side by side."""

    jobs: int
    start_up: float
    """Seconds until the workers are ready."""
    per_trial: float
    """Seconds before a trial's first step."""
    per_step: float
    per_evaluation: float
    """On all validation data."""
    per_short_evaluation: float
    """On a part of them."""
    source: str
    """Where the figures come from, as a sentence."""
    has_validation: bool = True

    def evaluations(self, trial: Trial) -> int:
        """How often the trial is evaluated."""
        return -(-trial.n_steps // trial.eval_every) if self.has_validation else 0

    def seconds(self, trial: Trial) -> float:
        """From the trial's begin to its end, where it runs in full."""
        each = self.per_evaluation if trial.eval_examples is None else self.per_short_evaluation
        per_step = FORWARD * self.per_step if trial.control else self.per_step
        return self.per_trial + per_step * trial.n_steps + each * self.evaluations(trial)

    def together(self, trials: Iterable[Trial]) -> float:
        """From the first one's begin to the last one's end; a worker that is free takes the next."""
        free = [0.0] * self.jobs
        for trial in trials:
            heapq.heapreplace(free, free[0] + self.seconds(trial))
        return max(free)


def of_finished(records: Sequence[TrialRecord], spec: Spec, jobs: int, start_up: float) -> Pace | None:
    """The pace of trials that ran in full; None when there is none with the spec's own evaluations."""
    each: dict[bool, list[float]] = {True: [], False: []}
    for record in records:
        if record.trial.control:
            continue
        usual = record.trial.eval_examples is None and record.trial.eval_every == spec.steps_between_evaluations
        if record.status == "completed" and record.n_rows and (usual or record.trial.eval_every == 1):
            each[usual].append(record.seconds / record.n_rows)
    if not each[True]:
        return None
    step = median(each[True])
    probed = median(each[False]) if each[False] else (1 + UNKNOWN_EVALUATION) * step
    return Pace(
        jobs=jobs,
        start_up=start_up,
        per_trial=0.0,  # part of the steps' time
        per_step=step,
        per_evaluation=0.0,
        per_short_evaluation=max(0.0, probed - step),
        source=f"a step takes what it took in {len(each[True])} finished trials (median), evaluations included",
    )


def of_short_trials(spec: Spec, engine: Engine, clock: Clock = time.monotonic) -> Pace:
    """The pace of short trials at the lowest swept rate, as many at once as there are workers; none is saved.

    Raises:
        WorkloadError: the workload does not work.
        EngineError: the trials kill their workers.
        Interrupted: the user stopped it.
    """
    began = clock()
    jobs = int(engine.describe()["jobs"])
    first = _timed(spec, engine, jobs, clock, FEW)
    first_seconds = clock() - began
    samples = _timed(spec, engine, jobs, clock, FEW)
    start_up = first_seconds - median(sample.seconds for sample in samples)
    for n, every, examples in _KINDS:
        samples += _timed(spec, engine, jobs, clock, n, every, examples)
    if max(sample.seconds for sample in samples) < ENOUGH:
        samples += _timed(spec, engine, jobs, clock, MANY)
    rows = np.array([sample.counts for sample in samples], dtype=np.float64)
    seconds = np.array([sample.seconds for sample in samples])
    # the four costs that explain the samples best; what was not seen, as without validation data, costs nothing
    costs = np.maximum(np.linalg.lstsq(rows, seconds, rcond=None)[0], 0.0)
    longest = max(sample.steps for sample in samples)
    return Pace(
        jobs=jobs,
        start_up=max(0.0, start_up),
        per_trial=float(costs[0]),
        per_step=float(costs[1]),
        per_evaluation=float(costs[2]),
        per_short_evaluation=float(costs[3]),
        source=f"a step takes what it took in short trials of up to {longest} steps, {jobs} at once: "
        "the machine is taken to be as busy as it was then",
        has_validation=any(sample.evaluations for sample in (*first, *samples)),
    )


_KINDS: tuple[tuple[int, int | None, int | None], ...] = (
    (STEPS, None, None),
    (FULL, 1, None),
    (SOME, 1, ProbeSettings.eval_examples),
)
"""(updates, updates between evaluations, validation examples of one)."""


@dataclass(frozen=True, kw_only=True)
class _Sample:
    steps: int
    evaluations: int
    partly: bool
    """Evaluated on a part of the validation data."""
    seconds: float

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Trials, steps, evaluations on all data, evaluations on a part."""
        whole, part = (0, self.evaluations) if self.partly else (self.evaluations, 0)
        return 1, self.steps, whole, part


def _timed(
    spec: Spec, engine: Engine, jobs: int, clock: Clock, n: int, every: int | None = None, examples: int | None = None
) -> list[_Sample]:
    """Short trials of one kind, one a worker; `every` None evaluates after the last update alone."""
    trials = {}
    for i in range(jobs):
        baseline = baseline_trial(spec, range_test.to_begin_with(spec)[0], spec.seeds[i % len(spec.seeds)])
        trial = replace(baseline, stop_after=n, eval_every=every or baseline.schedule_steps, eval_examples=examples)
        trials[f"timing {i}"] = trial
    began: dict[str, float] = {}
    rows: dict[str, list[tuple[float | None, ...]]] = {key: [] for key in trials}
    samples = []
    tasks = [Task(key, {"kind": "trial", "trial": asdict(trial)}, trial.seed) for key, trial in trials.items()]
    for event in engine.run(tasks):
        key = event.task.key
        if isinstance(event, Started):
            began[key], rows[key] = clock(), []
        elif isinstance(event, Progress):
            rows[key] += event.value
        else:
            _refuse_failure(event)
            evaluations = sum(row[-1] is not None for row in rows[key])
            seconds = clock() - began[key]
            n_rows = len(rows[key])
            samples.append(_Sample(steps=n_rows, evaluations=evaluations, partly=examples is not None, seconds=seconds))
    return samples


def _refuse_failure(event: Finished | Failed) -> None:
    if isinstance(event, Failed):
        raise EngineError(f"a short trial that was to be timed ended: {event.reason}")
    if event.result["status"] == "failed":
        raise WorkloadError(f"a short trial that was to be timed failed: {event.result['reason']}")
