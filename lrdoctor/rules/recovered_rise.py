"""A trial whose training loss went up for a while and came back.

## What it sees
The same block medians and limits as LRD202, anywhere in the run: a block above the lowest one before it by more than
noise explains and by more than a quarter of the progress made until then, while the end of the run is back down.

## Why it matters
"If training loss goes up, not down, during periods of training" at rates above the best one, fixing the instability
is likely to give better training (tuning playbook). The run itself was feasible, so this is a warning; a majority of
seeds with such a rise makes their learning rate count as unstable.

## Odd curves
As LRD202; a trial that ended non-finite is skipped, since it did not come back. Logs are judged by LRD206.
"""

from __future__ import annotations

import numpy as np

from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.rules import _rises
from lrdoctor.rules.base import Found, Rule


def check(run: Run, study: Study) -> Found:
    if run.status == "diverged" or run.train_loss.first_non_finite is not None:
        yield RULE.skip("the run ended non-finite, so nothing can be said to have come back", run)
        return
    rises = _rises.measure(run.train_loss)
    if rises is None:
        yield RULE.skip(_rises.TOO_SHORT, run)
        return
    if not rises.is_recovered or not bool(rises.is_rise.any()):
        return
    at = np.flatnonzero(rises.is_rise)
    top = at[np.argmax(rises.height[at])]
    # the last block may be up again without all of the end being so
    end = "and the run ended before it came back" if rises.is_above[-1] else "and came back"
    yield RULE.finding(
        f"training loss rose by {rises.height[top]:.4g} to {rises.level[top]:.4g} around step {rises.start[top]} {end}",
        observed=float(rises.lost[top]),
        threshold=_rises.THRESHOLDS.share,
        run=run,
        first_step=int(rises.start[at[0]]),
        last_step=int(rises.start[at[-1]]),
    )


RULE = Rule(
    code="LRD203",
    name="rise",
    severity="warning",
    instability="mid_training",
    summary="The training loss went up for a while and came back.",
    manual=__doc__,
    check_trial=check,
)
