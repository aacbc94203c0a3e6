"""The trials of a study as others are held against them, looked through once for all that are judged beside them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from lrdoctor.core.run import Run, trials_of
from lrdoctor.core.study import Study
from lrdoctor.measures.view import view_of

if TYPE_CHECKING:
    from lrdoctor.core.trial import Trial
    from lrdoctor.measures.level import Level

    Known = tuple[Trial, Run, Level]
    """A trial, its run, and the level at its end."""


class Trials:
    """Trials by seed, by learning rate and by the level at their end.

    Args:
        runs: the trials; logs among them are passed over.
        alpha: false-alarm budget of a run, for what is measured of it.
    """

    def __init__(self, runs: Iterable[Run], alpha: float) -> None:
        self._every, self._alpha = tuple(trials_of(runs)), alpha

    @cached_property
    def of_seed(self) -> Mapping[int, Sequence[tuple[Trial, Run]]]:
        """The trials of each seed, in the order of the runs: they saw the same batches."""
        found: dict[int, list[tuple[Trial, Run]]] = {}
        for trial, run in self._every:
            found.setdefault(trial.seed, []).append((trial, run))
        return found

    def best_below(self, rate: float, seed: int) -> Known | None:
        """The one that ends lowest among those that learned at lower rates, of the seed where there is one."""
        of_seed = [of for of in self.of_seed.get(seed, ()) if of[0].base_learning_rate < rate and self._learned(of[1])]
        if of_seed:
            return min(self._known(of_seed), key=_mean, default=None)
        at = bisect_left(self._best_up_to, rate, key=lambda of: of[0])
        return self._best_up_to[at - 1][1] if at else None

    @cached_property
    def _best_up_to(self) -> Sequence[tuple[float, Known]]:
        """Every rate at which a trial learned, ascending, with the best such trial at it or below."""
        learned = self._known(of for of in self._every if self._learned(of[1]))
        found: list[tuple[float, Known]] = []
        # of two that end alike, the first one of the study
        for known in sorted(enumerate(learned), key=lambda of: (of[1][0].base_learning_rate, of[0])):
            best = min((*(of for _, of in found[-1:]), known[1]), key=_mean)
            found.append((known[1][0].base_learning_rate, best))
        return found

    def rates_at(
        self, level: float, by: float, seed: int, is_asked: Callable[[float], bool]
    ) -> tuple[set[float], bool]:
        """The rates at which a completed trial ends at a level, and whether one of these trials is of another seed.

        Args:
            level: mean loss at the end.
            by: what theirs may differ from it by.
            seed: the seed that others differ from.
            is_asked: whether a rate is looked at.
        """
        rates, is_of_others = set[float](), False
        for rate, ends in self._ends.items():
            if not is_asked(rate):
                continue
            first = bisect_left(ends, True, key=lambda of: level - of[0] <= by)
            after = bisect_left(ends, True, key=lambda of: of[0] - level > by)
            if first < after:
                rates.add(rate)
                is_of_others = is_of_others or any(ends[at][1] != seed for at in range(first, after))
        return rates, is_of_others

    @cached_property
    def _ends(self) -> Mapping[float, Sequence[tuple[float, int]]]:
        """Rate -> mean loss at the end and seed of each of its completed trials, ascending."""
        found: dict[float, list[tuple[float, int]]] = {}
        for trial, _, level in self._known(of for of in self._every if of[1].status == "completed"):
            found.setdefault(trial.base_learning_rate, []).append((level.mean, trial.seed))
        return {rate: sorted(ends) for rate, ends in found.items()}

    def _learned(self, run: Run) -> bool:
        return run.status == "completed" and bool(view_of(run, self._alpha).beside.learned)

    def _known(self, trials: Iterable[tuple[Trial, Run]]) -> Iterator[Known]:
        for trial, run in trials:
            if (level := view_of(run, self._alpha).level) is not None:
                yield trial, run, level


def _mean(known: Known) -> float:
    return known[2].mean


def trials_in(study: Study) -> Trials:
    """The trials that those of a study are held against: all of them, unless `held_against` said which."""
    # kept with the study itself, as views are kept with their run
    if "_trials" not in study.__dict__:
        held_against(study, Trials(study.runs, study.alpha))
    found: Trials = study.__dict__["_trials"]
    return found


def held_against(study: Study, trials: Trials) -> Study:
    """The study, whose trials are held against these: looked through once, though many studies have them in common."""
    study.__dict__["_trials"] = trials
    return study
