"""The short run of the playbook's Figure 5: above lr*, with both losses at every step.

Some models blow up within the first updates, recover, and then train slowly but stably; an ordinary evaluation schedule
misses it. Pure: which trials to run, and what a schedule would have shown of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run, trial_of
from lrdoctor.core.sections import Peak, Reading
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial


@dataclass(frozen=True)
class Settings:
    factor: float = 2.0
    """The probed rate as a multiple of lr* (tuning playbook)."""
    steps: int = 500
    """Length in updates after the training's own warmup, or the whole schedule where that is shorter (tuning
    playbook)."""
    eval_examples: int = 256
    """Validation examples of an evaluation. Evaluating on everything at every step would cost most of a step; this
    many show the height of a blow-up, which is far above the noise of a mean over them."""
    digits: int = 4
    """Significant digits of the probed rate."""
    blown_up: float = 1.0
    """Rise above the first training loss, as a share of its size, from which on a schedule would have shown a blow-up:
    the rule for early blow-ups looks for the same."""


@dataclass(frozen=True, kw_only=True)
class Probed:
    """The short runs, and where lr* comes from."""

    study: Study
    """The sweep that found lr*; without runs where lr* was given."""
    base_learning_rate: float | None
    """The probed rate; None when there is no lr*."""
    settings: Settings
    eval_every: int
    """Updates between two evaluations of the ordinary schedule."""
    runs: tuple[Run, ...] = ()
    """One a seed."""

    @property
    def as_study(self) -> Study:
        """The short runs alone, to be judged: a longer training is no measure of a shorter one."""
        return replace(self.study, runs=self.runs, rates=())

    @property
    def evaluated(self) -> int | None:
        """Validation examples that an evaluation held; None without validation data."""
        return next((run.provenance["evaluated"] for run in self.runs if "evaluated" in run.provenance), None)


def probed_rate(best_learning_rate: float, settings: Settings) -> float:
    """The rate of the short run."""
    return float(f"{settings.factor * best_learning_rate:.{settings.digits - 1}e}")


def probe_trial(baseline: Trial, settings: Settings) -> Trial:
    """The first part of a training, evaluated at every step.

    Args:
        baseline: the training at the probed rate; its schedule is kept at its full length.
        settings: of the probe.
    """
    steps = baseline.warmup_steps + settings.steps  # a warmup is added to the run here too, or it would fill the probe
    stop = steps if steps < baseline.schedule_steps else None
    return replace(baseline, procedure="probe", eval_every=1, eval_examples=settings.eval_examples, stop_after=stop)


def reading(run: Run, eval_every: int, settings: Settings) -> Reading:
    """The peaks of a short run at every step and at the scheduled ones.

    Args:
        run: a run of a probe's trial.
        eval_every: updates between two evaluations of the ordinary schedule.
        settings: of the probe.
    """
    trial, every = trial_of(run), (run.train_loss, run.val_loss)
    scheduled = tuple(curve.at_schedule(eval_every, trial.schedule_steps) for curve in every)
    first = float(run.train_loss.value[0]) if len(run.train_loss) else math.nan
    limit = first + settings.blown_up * abs(first)
    return Reading(
        run=run.name,
        seed=trial.seed,
        first_loss=first,
        limit=limit,
        train_peak=peak(every[0]),
        val_peak=peak(every[1]),
        train_seen=peak(scheduled[0]),
        val_seen=peak(scheduled[1]),
        blew_up=_above(every, limit),
        shown=run.status != "completed" or _above(scheduled, limit),
    )


def peak(curve: Curve) -> Peak | None:
    """The highest value, None of an empty curve.

    >>> peak(Curve.of([2.0, 30.0, 0.5])), peak(Curve.of([2.0, math.nan]))
    (Peak(step=1, value=30.0), Peak(step=1, value=inf))
    """
    if not len(curve):
        return None
    # a loss that is not finite is higher than any
    height = np.where(np.isfinite(curve.value), curve.value, math.inf)
    at = int(np.argmax(height))
    return Peak(int(curve.step[at]), float(height[at]))


def _above(curves: tuple[Curve, ...], limit: float) -> bool:
    peaks = [top.value for top in map(peak, curves) if top is not None]
    return any(value > limit for value in peaks)
