"""A trial whose training loss went up and stayed up: divergence, or a shift to a worse level.

## What it sees
A rise above the lowest loss so far that lasts to the end of the trial: the measurement and the limits are those of
logs (LRD204, LRD205), on the loss without what its batches do to it. A rise that the untrained weights show on the
same batches is the data's or the objective's, and no update's. A validation loss that lost a seventh of what the run
learns (of the way down from the loss of the untrained weights or of the best constant prediction, whichever is lower),
while the training loss went up with it, counts as well: the validation data are the same at every evaluation.

Rises that lower rates show as well are none of the rate's: a trial whose loss ends at the level of trials of its seed
at lower rates has not lost what they have (an objective that becomes harder does that). A loss that ends at more than
twice what the untrained weights lose on the same batches counts whatever came before.

## Why it matters
A sudden rise after a steady decline that never recovers is the playbook's mid-training instability (Figure 7b).

## Odd curves
Non-finite points are left out (LRD101 reports them). Losses of any sign are judged. Where too few points were trained
for a rise to be seen, the rule is skipped.
"""

from __future__ import annotations

import numpy as np

from lrdoctor.core.study import Study
from lrdoctor.measures import level, untrained
from lrdoctor.measures.view import View
from lrdoctor.rules import _events, _lower_rates
from lrdoctor.rules.base import Found, Rule

STAYED = ("divergence", "level_shift")


def check(view: View, study: Study) -> Found:
    found = [
        event
        for event in view.found
        if event.kind in STAYED and not _lower_rates.ends_no_worse(view, study, event.base)
    ]
    yield from _events.findings(RULE, view, found, "and did not come back")
    forgotten = view.beside.forgotten
    if forgotten is not None and not _lower_rates.forgets_no_more(view, study, forgotten):
        yield from _events.forgetting(RULE, view, found, came_back=False)
    times = view.beside.ends_above_untrained
    if not found and times is not None:
        loss = view.run.train_loss
        yield RULE.finding(
            f"training loss ends at {times:.3g} times what the untrained weights lose on the same batches",
            observed=times,
            threshold=float(np.exp(untrained.THRESHOLDS.single)),
            run=view.run,
            first_step=int(loss.step[int((1 - level.THRESHOLDS.end) * len(loss))]),
            last_step=int(loss.step[-1]),
        )
    if not found and view.is_blind:
        yield RULE.skip(view.is_blind, view.run)


RULE = Rule(
    code="LRD202",
    name="unrecovered rise",
    severity="error",
    instability="mid_training",
    summary="The training loss went up and stayed up until the end of the run.",
    manual=__doc__,
    check_trial=check,
)
