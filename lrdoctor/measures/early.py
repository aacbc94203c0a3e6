"""Which steps of a run are early: the one window for rules and fixes, for trials and logs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.core.run import Run
from lrdoctor.measures import learning_rates


@dataclass(frozen=True)
class Thresholds:
    steps: int = 500
    """The playbook's short run for early instability."""
    share: float = 0.05
    """Part of the run that counts as early where that is longer."""
    short_share: float = 0.1
    """Part of a run that counts as early where it is shorter than ten times `steps`."""
    least: int = 25
    after_ramp: int = 3
    """Lengths of the ramp that are early in a run that broke off: what a warmup does is seen over the ramp and twice as
    long at the full rate after it."""


THRESHOLDS = Thresholds()


def until(run: Run) -> int:
    """The first step that is not early.

    A log that ends non-finite broke off: its length tells where that was, and not how long the run was meant to be. The
    playbook's short run is early in it whole, and so is what the full rate does just after the ramp.
    """
    rates = learning_rates.rates_of(run.curve("learning_rate"))
    ramp = 0 if rates is None else rates.warmup_until
    n = int(run.train_loss.step[-1]) + 1 if len(run.train_loss) else 0
    of_length = int(THRESHOLDS.share * n)
    if run.trial is None and _broke_off(run):
        # steps that count samples or epochs say nothing of how many updates were made
        short = THRESHOLDS.steps if run.counts_updates else 0
        return 1 + max(ramp + short, THRESHOLDS.after_ramp * ramp, of_length)
    short = max(THRESHOLDS.least, int(THRESHOLDS.short_share * n))
    # counted from the end of the ramp: at its low rates nothing blows up yet
    return ramp + max(min(THRESHOLDS.steps, short), of_length)


def _broke_off(run: Run) -> bool:
    """Whether the last loss or gradient norm is not finite."""
    return any(len(curve) > 0 and not np.isfinite(curve.value[-1]) for curve in (run.train_loss, run.grad_norm))
