"""A log whose training loss began to swing far more than before.

## What it sees
The log in fifty blocks: the distance of the 10 % and the 90 % quantile around each block's own slope is its spread. It
fires when the spread of two blocks in a row is twice that of the twelve blocks before them, and beyond four times what
spreads vary by among these, in the loss *and* in its logarithm: as a loss falls to 0 its logarithm becomes noisier of
itself, and at a large early loss the loss does.

## Why it matters
Growing swings around a level that hardly changes are the edge of stability: the learning rate just bears it. Where
the level itself rises, or the run was started again, another rule says so and this one is silent.

## Odd curves
Blocks that cover more than twice the steps of those before them do not compare and are passed over. Fewer than 120
points are skipped, as are losses whose rise is no failure (reinforcement learning).
"""

from __future__ import annotations

from lrdoctor.measures import swings
from lrdoctor.measures.view import View
from lrdoctor.rules.base import Found, Rule


def check(view: View) -> Found:
    if view.is_blind:
        yield RULE.skip(view.is_blind, view.run)
        return
    swing = view.swing
    if swing is None:
        n, fewest = len(view.loss), swings.THRESHOLDS.fewest_points * swings.THRESHOLDS.fewest_blocks
        if n < fewest:
            needed = f"{n} finite points of the training loss, {fewest} are needed to compare its swings"
            yield RULE.skip(needed, view.run)
        return
    step = view.loss.step
    first, last = int(step[swing.first]), int(step[min(swing.end, len(step)) - 1])
    what = f"training loss swings {swing.wider:.3g} times as far in steps {first} to {last} as before"
    if swing.times:
        what = (
            f"training loss lost what it had learned {swing.times} times in steps {first} to {last}: for "
            f"{100 * swing.share:.2g} % of the run it was {swing.wider:.3g} times its best level and more"
        )
    yield RULE.finding(
        what,
        observed=swing.wider,
        threshold=swing.limit,
        run=view.run,
        first_step=first,
        last_step=last,
        instability="early" if first < view.early_until else None,
    )


RULE = Rule(
    code="LRD207",
    name="oscillation",
    severity="error",
    instability="mid_training",
    summary="The training loss of a log began to swing far more than before.",
    manual=__doc__,
    check_log=check,
)
