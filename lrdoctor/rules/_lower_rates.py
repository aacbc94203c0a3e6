"""A trial's rise beside trials at lower rates, which saw the same batches: what they show as well is not the rate's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lrdoctor.core.run import Run, trial_of
from lrdoctor.core.study import Study
from lrdoctor.measures import control
from lrdoctor.measures.evaluations import Forgotten
from lrdoctor.measures.events import Event
from lrdoctor.measures.trials import trials_in
from lrdoctor.measures.view import View, view_of


@dataclass(frozen=True)
class Thresholds:
    apart: float = 2.0
    """How much lower the rate of a trial is that shows the same by itself: an instability sets in elsewhere there."""
    shared: float = 0.5
    """Part of a rise that such a trial shows in the same steps where hard batches or the objective make it."""
    worse: float = 0.25
    """Part of a rise that lasts by which the trial ends above what lower rates reach, at least: where it ends no worse
    than they do, they have not come down yet, and what rises is the objective."""


THRESHOLDS = Thresholds()


def is_shared(view: View, study: Study, event: Event) -> bool:
    """Whether a trial of the seed at a rate at most half as high rises in the same steps, by half as much at least."""
    if not view.units.is_log:
        return False
    stretch = event.first_step, event.last_step
    return any(
        control.own_rise(other.train_loss, *stretch) >= THRESHOLDS.shared * event.height
        for other in _below(view.run, study, THRESHOLDS.apart)
    )


def ends_no_worse(view: View, study: Study, base: float) -> bool:
    """Whether a trial ends at the level that lower rates end at, though that is a rise from its own lowest one.

    Args:
        view: of a trial.
        study: with the others.
        base: the trial's lowest level before.
    """
    mine = view.level
    if view.run.status != "completed" or mine is None:
        return False
    levels = [ends.mean for other in _below(view.run, study) if (ends := view_of(other, study.alpha).level) is not None]
    return bool(levels) and mine.mean - min(levels) < THRESHOLDS.worse * (mine.mean - base)


def forgets_no_more(view: View, study: Study, found: Forgotten) -> bool:
    """Whether what a trial forgot until its end it only shares with lower rates: its training loss ends at their level,
    or its evaluations do."""
    if ends_no_worse(view, study, view.beside.lowest):
        return True
    mine = view.run.val_loss.finite.value
    last = [other.val_loss.finite.value[-1] for other in _below(view.run, study) if len(other.val_loss.finite)]
    return bool(last) and bool(len(mine)) and mine[-1] - min(last) < THRESHOLDS.worse * (mine[-1] - found.base)


def _below(run: Run, study: Study, apart: float = 1.0) -> Iterator[Run]:
    """Completed trials of the same seed at lower rates."""
    mine = trial_of(run)
    for trial, other in trials_in(study).of_seed.get(mine.seed, ()):
        if other.status != "completed":
            continue
        rate = trial.base_learning_rate
        if rate < mine.base_learning_rate and apart * rate <= mine.base_learning_rate:
            yield other
