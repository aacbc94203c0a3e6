"""A log of every step in which single steps have a training loss far above their neighbours.

## What it sees
A point 40 % to 100 % above the medians of the five steps before and after it, beyond what noise with the tail of the
highest 1 % of all points does, and beyond twice what the curve ever dips below both sides.

## Why it matters
One odd batch, such as a broken sample, looks like this, and so does the first sign of an instability. The loss was back
at the next step, so nothing was lost, and it is a note rather than a fault. When the gradient norm is far outside at
the same step, look at that batch.

## Odd curves
Where a log holds one point for several steps such a point stands for more than one step, and LRD206 reports it; so it
does for two such points side by side, and for one that is twice as high as its sides.
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
        yield RULE.skip(f"one point per {view.gap} steps: what lasts for less may not be in the log", view.run)


RULE = Rule(
    code="LRD209",
    name="single-step outlier",
    severity="info",
    instability="mid_training",
    summary="Single steps of a log have a training loss far above their neighbours.",
    manual=__doc__,
    check_log=check,
)
