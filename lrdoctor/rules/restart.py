"""A log whose training loss goes up because somebody started the learning rate again.

## What it sees
A rise that begins where the logged learning rate jumps up by half after it had come down. From a restart on whose loss
did not come back, the best level begins anew: what follows is judged by itself.

## Why it matters
It is meant, and named so that nobody looks for an instability there; it counts for nothing. If nobody meant it, the
schedule was lost at a resume.

## Odd curves
A loss that is back where it began is no evidence of a restart: a blow-up looks the same. Without a logged learning rate
a warm restart of the schedule is a spike.
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
    summary="The learning rate was started again on purpose.",
    manual=__doc__,
    check_log=check,
)
