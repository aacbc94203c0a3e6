"""A log whose training loss jumped, came down a part of the way, and stayed above where it had been.

## What it sees
A rise as in LRD204 that lasts to the end of the log, but whose end lies below four fifths of its height, or less than
25 % above the level before: the run trains on from a worse place. The size is the least of its signs: a run is known
whose loss went from 1.96 to 2.02, came back to 1.975, and was dead.

## Why it matters
A spike that recovers costs some steps; this one costs what was learned. It is the mid-training instability that a
glance at the last value of a curve does not see.

## Odd curves
As LRD204. A rise in the very last points of a log cannot have come back yet and is reported here or there by its size.
"""

from __future__ import annotations

from lrdoctor.measures.view import View
from lrdoctor.rules import _events
from lrdoctor.rules.base import Found, Rule


def check(view: View) -> Found:
    found = [event for event in view.found if event.kind == "level_shift"]
    yield from _events.findings(RULE, view, found, "and ended above where it had been")
    if not found and view.is_blind:
        yield RULE.skip(view.is_blind, view.run)
    elif not found and view.doubtful and view.is_blurred:
        yield RULE.skip(view.is_blurred, view.run, "blurred")


RULE = Rule(
    code="LRD205",
    name="level shift",
    severity="error",
    instability="mid_training",
    summary="The training loss of a log jumped and stayed above where it had been.",
    manual=__doc__,
    check_log=check,
)
