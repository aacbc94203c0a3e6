"""What a worker begins that would have nothing to do: a trial that will probably be asked for.

It is trained as any trial, into an attempt of its own in the study folder, and becomes a trial of the study when it is
asked for. Until then nobody looks at it: what a study says, and what its folder holds in the end, are the same for any
number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from lrdoctor.core.run import Run
from lrdoctor.core.study import Stage, Study
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import LooksAhead, Task
from lrdoctor.examine.laboratory import Laboratory, nothing
from lrdoctor.procedures import look_ahead
from lrdoctor.procedures.reach import Outcome
from lrdoctor.procedures.sparing import Known, Pair, Step
from lrdoctor.procedures.sweep import objective_of


@dataclass
class Ahead:
    """The guess of a stage of trials."""

    laboratory: Laboratory
    likely: Callable[[], Iterable[Trial]]
    """Trials that will probably be asked for, the likeliest first; asked anew each time."""

    def __call__(self) -> Task | None:
        """The task that a worker without one begins; before a trial of a new seed its control."""
        laboratory = self.laboratory
        # where a budget is given each trial is weighed, and what nobody asked for yet is worth less than any
        if laboratory.budget is not None or laboratory.allowance is not None:
            return None
        for trial in self.likely():
            for wanted in (*laboratory.new_controls([trial]).values(), trial):
                key = laboratory.key(wanted)
                if key not in laboratory.ahead | laboratory.asked and not laboratory.is_saved(key):
                    laboratory.ahead.add(key)
                    return laboratory.task(key, wanted)
                if wanted is not trial:
                    break  # the trial is told what its control shows: not before that is there
        return None


def drop(laboratory: Laboratory) -> int:
    """Ends what was begun ahead at the end of a procedure, as nothing more is asked for; the steps it had taken."""
    if isinstance(laboratory.engine, LooksAhead):
        laboratory.engine.forget()
    unasked = [key for key in laboratory.ahead if not laboratory.is_saved(key)]
    laboratory.ahead.clear()
    return sum(laboratory.folder.n_rows_begun(key) for key in unasked)


@contextmanager
def guessed(laboratory: Laboratory, likely: Callable[[], Iterable[Trial]]) -> Iterator[None]:
    """Within it workers that have nothing to do begin these trials."""
    laboratory.guess = Ahead(laboratory, likely)
    try:
        yield
    finally:
        laboratory.guess = nothing


@dataclass
class SweepAhead:
    """What a sweep will ask for when a step of it has ended."""

    laboratory: Laboratory
    plan: look_ahead.Plan
    known: Known
    """Before the step."""
    study: Study
    step: Step
    trials: Mapping[Pair, Trial]
    """Of the step."""
    trial: Callable[[Pair], Trial]
    """Makes the trial of a rate and a seed."""

    def __post_init__(self) -> None:
        self._n_ended = -1
        self._likely: tuple[Trial, ...] = ()

    def __call__(self) -> tuple[Trial, ...]:
        runs = {pair: self.laboratory.runs.get(self.laboratory.key(trial)) for pair, trial in self.trials.items()}
        ended = {pair: run for pair, run in runs.items() if run is not None}
        if len(ended) != self._n_ended:
            self._n_ended = len(ended)
            stages: dict[float, Stage] = {rate: self.step.stage or "check" for rate, _ in self.step.pairs}
            known = look_ahead.with_outcomes(self.known, stages, [self._outcome(*each) for each in ended.items()])
            left = [pair for pair in self.trials if pair not in ended]
            pairs = look_ahead.likely_next(self.plan, known, stages, left)
            self._likely = tuple(self.trial(pair) for pair in pairs)
        return self._likely

    def _outcome(self, pair: Pair, run: Run) -> Outcome:
        """What the trial did, as far as that is known before it is judged: whether it was ended for its loss."""
        is_unstable = run.status == "truncated"
        objective = float("inf") if is_unstable else objective_of(run, self.study.objective)
        return Outcome(*pair, is_unstable, objective)
