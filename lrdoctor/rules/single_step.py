"""A log of every step in which single steps have a training loss far above their neighbours.

## What it sees
A point of a run that learns, 40 % above the levels before and after it, beyond six deviations of single points and
beyond what a tail through the highest 1 % of all points explains.

## Why it matters
One odd batch, such as a broken sample, looks like this, and so does the first sign of an instability. The loss was back
at the next step, so nothing was lost, and it is a note rather than a fault. When the gradient norm is far outside at
the same step, look at that batch.

## Odd curves
Where a log holds one point for several steps such a point stands for more than one step, and LRD206 reports it; so it
does for points side by side, and for one half above the first loss: that is worse than an untrained model.
"""

from __future__ import annotations

from lrdoctor.measures.view import View
from lrdoctor.rules import _events
from lrdoctor.rules.base import Found, Rule


def check(view: View) -> Found:
    if view.is_blind:
        return  # LRD206 says why
    yield from _events.findings(RULE, view, (e for e in view.found if e.kind == "outlier"), "for a single step")
    if view.run.counts_updates and view.gap > 1:
        yield RULE.skip(
            f"the log has one point in {view.gap} steps, so that what lasted for less may be missing from it", view.run
        )


RULE = Rule(
    code="LRD209",
    name="single-step outlier",
    severity="info",
    instability="mid_training",
    summary="Single steps of a log have a training loss far above their neighbours.",
    manual=__doc__,
    check_log=check,
)
