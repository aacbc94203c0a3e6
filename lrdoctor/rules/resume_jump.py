"""A log whose training loss jumps where the run was resumed.

## What it sees
A rise as in LRD204 or LRD206 that begins within three logged points of a step at which the log shows a resume: steps
that go back, a file that another one continues, or a learning rate that falls to a third or less from one point to the
next and then rises again, since the warmup began once more.

## Why it matters
This is a different disease from an instability: optimizer moments, the schedule's position, the random state or the
place in the data were not restored, so the run goes on as another one. Neither warmup nor clipping cures that; restore
everything.

## Odd curves
A rise that never came back is a divergence (LRD204), whatever began it. A log without a trace of the resume shows a
plain spike. Spikes in the part that a resume threw away are reported by LRD206: there the run was taken back because of
them.
"""

from __future__ import annotations

from lrdoctor.measures.view import View
from lrdoctor.rules import _events
from lrdoctor.rules.base import Found, Rule


def check(view: View) -> Found:
    for event in _events.costliest(view.at_resumes):
        yield _events.finding(RULE, view, event, f"{_events.words(view, event)}, where the run was resumed")


RULE = Rule(
    code="LRD601",
    name="resume discontinuity",
    severity="warning",
    instability="resume",
    summary="The training loss of a log jumps where the run was resumed.",
    manual=__doc__,
    check_log=check,
)
