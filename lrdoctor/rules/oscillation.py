"""A log whose training loss began to swing far more than before, or that loses what it learned again and again.

## What it sees
The log in fifty blocks: the distance of the 20 % and the 80 % quantile around each block's own slope is its spread. It
fires when the spread of two blocks in a row is twice that of the twelve blocks before them, and beyond three times what
spreads vary by among these, in the loss *and* in its logarithm: as a loss falls to 0 its logarithm becomes noisier of
itself, and at a large early loss the loss does. It also fires when the loss is three times above the best level that it
had held for a tenth of the run, three times at least, and stays there for longer than values in any order would.

## Why it matters
Growing swings around a level that hardly changes are the edge of stability: the learning rate just bears it. A run that
is thrown back again and again is beyond it. Where the level itself rises, or the run was started again, another rule
says so and this one is silent.

## Odd curves
Blocks that cover more than twice the steps of those before them do not compare and are passed over, as are wider swings
for less than a twentieth of a run that does not learn: they may be hard data. Losses whose rise is no failure
(reinforcement learning) are skipped, and in fewer than 120 points only a run that is thrown back is seen.
"""

from __future__ import annotations

from lrdoctor.measures import swings
from lrdoctor.measures.view import View
from lrdoctor.rules import _events
from lrdoctor.rules.base import Found, Rule


def check(view: View) -> Found:
    if view.is_blind:
        yield RULE.skip(view.is_blind, view.run)
        return
    swing = view.swing
    if swing is None:
        n, fewest = len(view.loss), swings.THRESHOLDS.fewest_points * swings.THRESHOLDS.fewest_blocks
        if n < fewest:
            needed = f"{n} finite points of the training loss: it takes {fewest} to tell whether its swings grow"
            yield RULE.skip(needed, view.run)
        return
    step = view.loss.step
    first, last = int(step[swing.first]), int(step[min(swing.end, len(step)) - 1])
    what = f"training loss swings {swing.wider:.3g} times as far in steps {first} to {last} as before"
    if swing.times:
        what = (
            f"training loss lost what it had learned {swing.times} times in steps {first} to {last}: for "
            f"{100 * swing.share:.2g} % of the run it was {swing.wider:.3g} times the level that it had held"
        )
    yield RULE.finding(
        what + _events.alone(view),
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
    summary="The training loss of a log began to swing far more than before, or is thrown back again and again.",
    manual=__doc__,
    check_log=check,
)
