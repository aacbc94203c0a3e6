"""A log whose training loss blew up early and recovered.

## What it sees
A rise as in LRD204 or LRD206 that begins in the early window and ends again. The window is the warmup, when the logged
learning rate shows one, also where the run was stopped in it, and a tenth of the run, 500 steps at most, or a twentieth
of the run where that is longer. A single step counts as well when its loss is twice the first and the gradient norm
within three steps of it is twice what it is anywhere else: blow-ups of one or two updates are real.

## Why it matters
"Some models show early instability followed by a recovery that results in slow but stable training; common evaluation
schedules can miss it" (tuning playbook, Figure 5). It is what learning-rate warmup is for.

## Odd curves
A log that does not show the first steps one by one cannot show what happened there: a blow-up of some dozens of steps
is gone in one point per hundred, or in a mean. The rule then says so, and that a run of 500 steps logged at every step
would tell; this counts neither for nor against the run.
"""

from __future__ import annotations

from lrdoctor.measures.view import View
from lrdoctor.rules import _events
from lrdoctor.rules.base import Found, Rule


def check(view: View) -> Found:
    found = [event for event in view.found if event.kind == "early"]
    yield from _events.findings(RULE, view, found, "and recovered")
    if not found and view.early_unseen:
        yield RULE.skip(view.early_unseen, view.run, "not_checked" if view.is_blind else "early_unseen")


RULE = Rule(
    code="LRD208",
    name="early rise",
    severity="error",
    instability="early",
    summary="The training loss of a log blew up early and recovered.",
    manual=__doc__,
    check_log=check,
)
