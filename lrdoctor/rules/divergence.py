"""A log whose training loss went up and never came back: it climbed to the end, or stayed near where it had climbed.

## What it sees
A healthy loss has a trend that never goes up, and noise around it. Three things make a rise: it is large (5 % over
the best level that the run had *held* before; a few easy batches are none); it is beyond the noise of blocks, as the
blocks *before* it show it and with the tail that it has, at all scales from a few points to a twelfth of the log
(`--alpha`, 1 % a run); and it is beyond chance: the values since that level was reached, put in any order, would
hardly ever stand so high side by side. A rise that lasts for a tenth of the log may lie beyond the noise of the whole
log instead, a hundred times further beyond chance. A rise that lasts to the end of the log is a divergence when the
end is back at the first loss, or when it is still within a fifth of its height and at least 25 % up. So is a loss
that jumps 40 % above its very first value and stays there, one of twice its first losses for a tenth of the run, and
one that ends a hundred times above them, however few the points.

## Why it matters
It is the playbook's plainest sign of a learning rate beyond what the model bears: the updates after it were wasted.

## Odd curves
Non-finite points are left out; LRD101 reports them. A loss is read as the logarithm of itself and a hundredth of its
first level: a rise from almost nothing to almost nothing is small. One that reaches 0 or is negative is measured in
shares of the progress made. Where a rise means nothing by itself (reinforcement learning, adversarial training) only a
loss that ends a hundred times above its first value is reported. In fewer than 20 points only a rise by 80 % is seen,
and in a smooth curve, whose neighbours are alike, one by half. A run that does not learn, its first tenth no higher
than its best, has lost nothing by an excursion that its data show elsewhere too: there such rises are passed over.
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
