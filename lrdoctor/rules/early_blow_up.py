"""A trial whose training loss shot up right after the start, whether or not it came back.

## What it sees
Within the first updates (and the warmup, when there is one) the training loss exceeds twice its first value, and
exceeds it by six times the noise between neighbouring points (of this trial, or of the same batches at the lowest
learning rate, where that is less), so that a first batch that happened to be easy is no blow-up. For a first loss L0
of any sign the limit is L0 + |L0|. One step is enough: blow-ups of a single update are real, and an ordinary schedule
never sees them.

## Why it matters
Some models blow up early, recover, and then train slowly but stably: an ordinary evaluation schedule misses it
(tuning playbook, Figure 5). A model that knows nothing has about the first loss; above twice that it was thrown
away from its initialization. The usual cure is learning-rate warmup.

## Odd curves
Non-finite values count as above every limit. With a first loss of 0, or fewer than three points in the early window,
nothing can be judged and the rule is skipped. Logs are read with more care for their noise: LRD208.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.rules.base import Found, Rule


@dataclass(frozen=True)
class Thresholds:
    peak: float = 1.0
    """Rise above the first loss, as a share of its size: 1 is twice the first loss, where a model does worse than an
    untrained one by as much as the untrained one does wrong. On the bundled conv pair it separates the rates at
    which stride 1 spikes from those at which stride 2 does not."""
    noise: float = 6.0
    """Standard deviations of the point-to-point noise: where batches differ so much that a loss of twice the first
    one is ordinary, only a rise far outside of that counts."""
    shortest_window: int = 25
    """Updates. Early blow-ups of the bundled workloads peak within some ten updates."""
    longest_window: int = 500
    """Updates: the length of the playbook's short run for early instability."""
    share: float = 0.05
    """Part of the run that counts as early, between the two."""


THRESHOLDS = Thresholds()


def window(n_steps: int, warmup_steps: int, thresholds: Thresholds = THRESHOLDS) -> int:
    """Updates from the start of a run that count as early."""
    share = int(thresholds.share * n_steps)
    return warmup_steps + min(thresholds.longest_window, max(thresholds.shortest_window, share))


def check(run: Run, study: Study) -> Found:
    assert run.trial is not None
    early = run.train_loss.before(window(run.trial.schedule_steps, run.trial.warmup_steps))
    if len(early) < 3 or not np.isfinite(early.value[0]) or early.value[0] == 0:
        yield RULE.skip("fewer than 3 points of the training loss in the early window, or a first loss of 0", run)
        return
    first = float(early.value[0])
    limit = first + max(THRESHOLDS.peak * abs(first), THRESHOLDS.noise * _noise(run, study, early))
    height = np.where(np.isfinite(early.value), early.value, np.inf)
    above = np.flatnonzero(height > limit)
    if not len(above):
        return
    finite = above[np.isfinite(early.value[above])]
    peak = finite[np.argmax(early.value[finite])] if len(finite) else above[0]
    yield RULE.finding(
        f"training loss rose from {first:.4g} to {early.value[peak]:.4g} at step {early.step[peak]}",
        observed=float(early.value[peak]),
        threshold=limit,
        run=run,
        first_step=int(early.step[above[0]]),
        last_step=int(early.step[above[-1]]),
    )


def _noise(run: Run, study: Study, early: Curve) -> float:
    """Noise between neighbouring points: of this run or, where that is less, of the same batches at the lowest rate.

    A run that is thrown about must not hide behind its own swings.
    """
    assert run.trial is not None
    same = [r for r in study.runs if r.trial is not None and r.trial.seed == run.trial.seed and r.status != "failed"]
    calmest = min(same, key=lambda r: r.trial.base_learning_rate if r.trial else np.inf, default=run)
    others = calmest.train_loss.before(int(early.step[-1]) + 1)
    return min(robust.noise(curve.finite.value) for curve in (early, others))


RULE = Rule(
    code="LRD201",
    name="early blow-up",
    severity="error",
    instability="early",
    summary="The training loss exceeded twice its first value within the first updates.",
    manual=__doc__,
    check_trial=check,
)
