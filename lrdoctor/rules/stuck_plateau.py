"""A trial that sticks at a loss far above what a lower learning rate reaches, with no NaN and no spike.

## What it sees
Three things together. *High*: the last tenth of the training loss lies above that of a trial at a **lower** rate by
more than a quarter of the way from the loss at initialization down to that trial's. *Flat*: over its second half the
loss came down by less than a tenth of that way. *Beyond noise*: the difference is larger than the noise of either.

## Why it matters
The playbook calls a trial infeasible when its loss is NaN *or uncharacteristically high*. Deep post-norm
Transformers fail this way at high rates: the loss settles at the entropy of single tokens, the gradient norm is
small, and nothing looks wrong until it is compared.

## Odd curves
Only lower rates are compared, since a rate that is merely too low is slow, not unstable. A trial without a lower rate
that trained is skipped; a single log has nothing to compare with and is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.curve import Curve, Values
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.rules.base import Found, Rule


@dataclass(frozen=True)
class Thresholds:
    gap: float = 0.25
    """Part of the better trial's progress that is missing. High rates that train, if noisily, miss up to 0.18 on the
    bundled workloads; the Transformer stuck at the entropy of single characters misses 0.36."""
    still_falling: float = 0.1
    """Part of that progress made in the second half of the run: above it the trial is slow rather than stuck."""
    end: float = 0.1
    """Part of the run whose median is its final level."""
    noise: float = 3.0
    """Standard deviations of the block medians that the gap exceeds."""
    fewest_points: int = 30
    """Points of the training loss needed: a final level of three points and a second half to compare it with."""


THRESHOLDS = Thresholds()


def check(run: Run, study: Study) -> Found:
    loss = run.train_loss
    if len(loss.finite) < THRESHOLDS.fewest_points or loss.first_non_finite is not None:
        yield RULE.skip("too few points before the run ended to see a plateau", run)
        return
    better = _best_below(run, study)
    if better is None:
        yield RULE.skip("no trial at a lower learning rate to compare with", run)
        return
    reference, final = _final(better.train_loss), _final(loss)
    way = float(loss.value[0]) - reference
    if way <= 0:
        yield RULE.skip("no trial at a lower learning rate came below the loss at initialization", run)
        return
    gap = (final - reference) / way
    if gap <= THRESHOLDS.gap or final - reference <= THRESHOLDS.noise * _noise(loss, better.train_loss):
        return
    if _fallen(loss.value) > THRESHOLDS.still_falling * way:
        return
    assert better.trial is not None
    yield RULE.finding(
        f"training loss is stuck at {final:.4g}; a learning rate of {better.trial.base_learning_rate:.4g} reaches "
        f"{reference:.4g} (loss at initialization {loss.value[0]:.4g})",
        observed=gap,
        threshold=THRESHOLDS.gap,
        run=run,
        first_step=int(loss.step[len(loss) // 2]),
        last_step=int(loss.step[-1]),
    )


def _best_below(run: Run, study: Study) -> Run | None:
    """The run with the lowest final training loss among those at lower rates, of the same seed where there is one."""
    if run.trial is None:
        return None
    below = [
        other
        for other in study.runs
        if other.trial is not None
        and other.status == "completed"
        and other.trial.base_learning_rate < run.trial.base_learning_rate
        and len(other.train_loss.finite) >= THRESHOLDS.fewest_points
    ]
    same_seed = [other for other in below if other.trial is not None and other.trial.seed == run.trial.seed]
    return min(same_seed or below, key=lambda other: _final(other.train_loss), default=None)


def _final(loss: Curve) -> float:
    return float(np.median(robust.last(loss, THRESHOLDS.end)))


def _fallen(values: Values) -> float:
    """How far the loss came down from the middle fifth of the run to its last fifth."""
    n = len(values)
    return float(np.median(values[int(0.4 * n) : int(0.6 * n)]) - np.median(values[int(0.8 * n) :]))


def _noise(*losses: Curve) -> float:
    """The larger noise of the curves' second halves."""
    halves = [loss.finite.value[len(loss.finite) // 2 :] for loss in losses]
    return max(robust.noise(robust.block_medians(half, robust.block_length(len(half)))) for half in halves)


RULE = Rule(
    code="LRD301",
    name="stuck",
    severity="error",
    instability="plateau",
    summary="The training loss settled far above what a lower learning rate reaches.",
    manual=__doc__,
    check_trial=check,
)
