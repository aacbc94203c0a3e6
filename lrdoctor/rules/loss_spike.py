"""A log whose training loss shot up and came back.

## What it sees
A rise as in LRD204 that ends: a later block is back below half the limit. Bursts too short for a block count when
several points lie side by side more often than values in any order would put them there; the more often it happens the
surer it is. A single point counts, in a run that learns, when it lies 40 % above the levels before and after it, beyond
six deviations and beyond what a tail through the highest 1 % of all points (20 at least) explains. Where the log holds
every step a single point may be one odd batch (LRD209) unless it is worse than an untrained model: half above the first
loss. Spikes in a piece that a resume threw away count too: the run was taken back to before them.

## Why it matters
"If training loss goes up, not down, during periods of training", fixing that is likely to give better training
(tuning playbook). The steps from the beginning of a spike to its end are what it cost; the costliest are listed.

## Odd curves
As LRD204. Spikes shorter than the distance of two logged points may not be in the log at all. Rises at a resume or a
restart are LRD601 and LRD602, early ones LRD208.
"""

from __future__ import annotations

from lrdoctor.measures.view import View
from lrdoctor.rules import _events
from lrdoctor.rules.base import Found, Rule


def check(view: View) -> Found:
    found = [event for event in view.found if event.kind == "spike"]
    yield from _events.findings(RULE, view, found, "and came back")
    for rerun, events in view.rolled_back:
        yield from _events.findings(RULE, rerun, events, "in a part that a resume took back")
    if not found and view.is_blind:
        yield RULE.skip(view.is_blind, view.run)
    elif not found and view.doubtful and view.is_blurred:
        yield RULE.skip(view.is_blurred, view.run, "blurred")


RULE = Rule(
    code="LRD206",
    name="loss spike",
    severity="error",
    instability="mid_training",
    summary="The training loss of a log shot up and came back.",
    manual=__doc__,
    check_log=check,
)
