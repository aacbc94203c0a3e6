"""A log whose training loss went up and never came back: it climbed to the end, or stayed near where it had climbed.

## What it sees
The running minimum of block medians is the level that the run had reached; a block above it by more than noise
explains is a rise. Noise is what the blocks *before* it show, so that a run cannot hide its blow-up behind its own
swings, and the risk of taking noise for a rise is shared by all scales of blocks, from a few points to a twelfth of the
log (`--alpha`, 1 % a run). A rise that lasts to the end of the log is a divergence when the end is back at the first
loss, or when it is still within a fifth of its height and at least 25 % up.

## Why it matters
It is the playbook's plainest sign of a learning rate beyond what the model bears: the updates after it were wasted.

## Odd curves
Non-finite points are left out; LRD101 reports them. A loss that reaches 0 or is negative is measured in shares of the
progress made and not as a ratio. Where a rise means nothing by itself (reinforcement learning, adversarial training)
only a loss that ends a hundred times above its first value is reported. Fewer than 20 points, and curves smoothed over
most of their length, are skipped.
"""

from __future__ import annotations

from lrdoctor.measures.view import View
from lrdoctor.rules import _events
from lrdoctor.rules.base import Found, Rule


def check(view: View) -> Found:
    found = [event for event in view.found if event.kind == "divergence"]
    yield from _events.findings(RULE, view, found, "and never came back")
    if not found and view.is_blind:
        yield RULE.skip(view.is_blind, view.run)


RULE = Rule(
    code="LRD204",
    name="divergence",
    severity="error",
    instability="mid_training",
    summary="The training loss of a log climbed and never came back.",
    manual=__doc__,
    check_log=check,
)
