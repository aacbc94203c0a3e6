"""A log whose learning rate is 0 throughout, or whose training loss is exactly 0 or the same number again and again.

## What it sees
At least ten points, and half of the log, from some point to its end with one and the same value. A loss of exactly 0
in a log of the Hugging Face Trainer is an error: its `logging_nan_inf_filter` writes that for a loss that is not
finite.

A learning rate of 0 in all logged points, ten at least, is one too. Where that or one and the same loss goes on from
the first point to the last, nothing can be said of stability.

## Why it matters
Real losses vary from batch to batch. One that does not is not training: every label masked, a learning rate of 0,
parameters that the optimizer does not know, or a loss that overflowed in half precision and was hidden by the logger.

## Odd curves
Values printed with few digits repeat by themselves, so that a loss that has converged and is rounded to a printed digit
that it does not reach is no finding unless it is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.measures.view import NO_LOSS, View
from lrdoctor.rules.base import Found, Rule


@dataclass(frozen=True)
class Thresholds:
    fewest_points: int = 10
    """Equal points in a row; fewer happen where losses are printed with few digits."""
    share: float = 0.5
    """Part of the log that they are, so that early stopping on a solved task is none."""


THRESHOLDS = Thresholds()


def check(view: View) -> Found:
    loss = view.loss
    if not len(loss):
        yield RULE.skip(NO_LOSS, view.run)
        return
    rate = view.run.curve("learning_rate").finite
    if len(rate) >= THRESHOLDS.fewest_points and not (rate.value > 0).any():
        yield RULE.finding(
            f"the learning rate is 0 in all {len(rate)} points that the log has of it: nothing is trained",
            observed=0.0,
            threshold="a rate above 0",
            run=view.run,
            first_step=int(rate.step[0]),
            last_step=int(rate.step[-1]),
        )
        yield RULE.skip("the learning rate is 0 throughout, so nothing is trained", view.run, "does_not_train")
    last = float(loss.value[-1])
    different = np.flatnonzero(loss.value != last)
    first = int(different[-1]) + 1 if len(different) else 0
    n_equal = len(loss) - first
    if n_equal < max(THRESHOLDS.fewest_points, THRESHOLDS.share * len(loss)):
        return
    is_rounded = "quantised" in view.run.provenance and first > 0
    if last != 0 and is_rounded:
        return
    if first == 0:
        yield RULE.skip(f"it does not train: the loss is {last:.4g} throughout", view.run, "does_not_train")
    filtered = last == 0 and view.run.has_trainer_filter and view.objective.kind == "minimized"
    why = "; the logger writes 0 for a loss that is not finite" if filtered else ""
    yield RULE.finding(
        f"training loss is exactly {last:.4g} at {n_equal} points, from step {loss.step[first]} to the end{why}",
        observed=last,
        threshold="a loss that varies",
        run=view.run,
        first_step=int(loss.step[first]),
        last_step=int(loss.step[-1]),
        severity="error" if filtered else None,
        instability="non_finite" if filtered else None,
    )


RULE = Rule(
    code="LRD102",
    name="dead run",
    severity="warning",
    instability="dead",
    summary="The training loss of a log is exactly 0 or exactly constant, or its learning rate is 0 throughout.",
    manual=__doc__,
    check_log=check,
)
