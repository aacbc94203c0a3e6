"""A sweep that becomes unstable within ten times its best learning rate.

## What it sees
The stability margin is more than 2 and at most 10, or one of the checks at 5 and 10 times the best rate is unstable.
The margin of the seeds that were trained decides; with others it may be wider, as its interval says.

## Why it matters
The playbook double-checks with the training loss at 5 and 10 times the best rate (Figure 7b): a rise there means
that the model likely suffers from instability and that a fix is likely to help. The best rate itself has room, so
this is a warning.

## Odd sweeps
When the best rate already sits at the edge LRD401 says so and this rule is silent. While a check is missing or its
trials failed, the rule is skipped; so it is when every run is too short for a rise to be seen in it, since a room that
nobody could have seen the end of is no room.
"""

from __future__ import annotations

from dataclasses import dataclass

from lrdoctor.core.study import Study
from lrdoctor.measures.view import view_of
from lrdoctor.rules import best_at_edge
from lrdoctor.rules.base import Found, Rule


@dataclass(frozen=True)
class Thresholds:
    margin: float = 10.0
    """The upper of the playbook's two checks."""
    tolerance: float = 0.1
    """A rate this close to 10 x lr* stands for it."""


THRESHOLDS = Thresholds()


def check(study: Study) -> Found:
    if study.best_learning_rate is None:
        yield RULE.skip("no best learning rate to measure a margin from")
        return
    if study.cut is not None and study.cut.may_move_best:
        yield RULE.skip("the budget ended before the margin was known")
        return
    if study.runs and all(view_of(run, study.alpha).is_blind for run in study.runs):
        yield RULE.skip("every trial is too short to see a rise of its training loss: raise max_train_steps")
        return
    margin = study.stability_margin
    if margin is None:
        if (study.stable_up_to or 0.0) < THRESHOLDS.margin * (1 - THRESHOLDS.tolerance):
            yield RULE.skip("the rates up to 10 times the best one were not all tried")
        return
    if margin > THRESHOLDS.margin * (1 + THRESHOLDS.tolerance) or best_at_edge.side(study) == "within":
        return
    yield RULE.finding(
        f"training becomes unstable at {study.unstable_base_learning_rate:.4g}, {margin:.3g} times the best learning "
        f"rate{study.margin_range}; the playbook checks 5 and 10 times that rate, and where one of them is unstable a "
        "fix is likely to allow better training",
        observed=margin,
        threshold=THRESHOLDS.margin,
    )


RULE = Rule(
    code="LRD402",
    name="unstable within 10x",
    severity="warning",
    instability="edge",
    summary="Training becomes unstable within ten times the best learning rate.",
    manual=__doc__,
    check_study=check,
)
