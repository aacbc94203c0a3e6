"""A log whose training loss goes up because somebody started something again.

## What it sees
A rise after which the loss repeats, point for point within a fifth of its fall, what it did after the start of the run:
the training was started again. Or a rise that came back and that begins where the logged learning rate jumps up by half
after it had come down: the schedule was.

## Why it matters
Both are meant. They are named so that nobody looks for an instability there, and they count for nothing.

## Odd curves
Without a logged learning rate a warm restart of the schedule looks like a spike. A rise that never came back is a
divergence, whatever began it.
"""

from __future__ import annotations

from lrdoctor.measures.view import View
from lrdoctor.rules import _events
from lrdoctor.rules.base import Found, Rule


def check(view: View) -> Found:
    for event, restart in view.at_restarts:
        what = f"the learning rate starts again at step {restart.step}"
        yield _events.finding(RULE, view, event, f"{_events.words(view, event)}: {what}")


RULE = Rule(
    code="LRD602",
    name="restart",
    severity="info",
    instability="restart",
    summary="The training or its learning rate was started again on purpose.",
    manual=__doc__,
    check_log=check,
)
