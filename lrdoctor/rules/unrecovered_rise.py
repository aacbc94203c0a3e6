"""A trial whose training loss went up and stayed up: divergence, or a shift to a worse level.

## What it sees
The loss is read as medians of blocks (5 to 64 points), each compared with the lowest block before it. The rule fires
when *every* block of the last tenth of the run lies above that minimum by more than noise explains (risk 1 % a run,
the noise measured between neighbouring blocks) and by more than a quarter of the progress made until then.

## Why it matters
A sudden rise after a steady decline that never recovers is the playbook's mid-training instability (Figure 7b).

## Odd curves
Non-finite points are left out (LRD101 reports them). Losses of any sign are judged, since a rise is measured against
progress and not as a ratio of losses. Fewer than three blocks of finite points are skipped.
Logs are judged by LRD204 and LRD205.
"""

from __future__ import annotations

import numpy as np

from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.rules import _rises
from lrdoctor.rules.base import Found, Rule


def check(run: Run, study: Study) -> Found:
    rises = _rises.measure(run.train_loss)
    if rises is None:
        yield RULE.skip(_rises.TOO_SHORT, run)
        return
    if rises.is_recovered:
        return
    # the rise that is open at the end began after the last block that was not one
    onset = len(rises.level) - int(np.argmin(rises.is_above[::-1]))
    end = rises.level[-rises.n_end :]
    lowest = float(rises.level.min())
    yield RULE.finding(
        f"training loss rose from {lowest:.4g} to {float(end.min()):.4g} or more from step {rises.start[onset]} on "
        "and did not come back",
        observed=float(rises.lost[-rises.n_end :].min()),
        threshold=_rises.THRESHOLDS.share,
        run=run,
        first_step=int(rises.start[onset]),
        last_step=int(run.train_loss.step[-1]),
    )


RULE = Rule(
    code="LRD202",
    name="unrecovered rise",
    severity="error",
    instability="mid_training",
    summary="The training loss went up and stayed up until the end of the run.",
    manual=__doc__,
    check_trial=check,
)
