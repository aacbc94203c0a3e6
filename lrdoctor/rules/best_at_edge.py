"""A sweep whose best learning rate sits at the edge of instability.

## What it sees
The stability margin, unstable_base_learning_rate / best_learning_rate, is 2 or less, or no swept rate lies between
the two, or no rate is feasible at all.

## Why it matters
Instability is a problem when it forces a learning rate that is too small. When the best rate is the last one before
training breaks, it is likely that better rates lie beyond the edge (tuning playbook, Figure 7a), and the short run
at twice the best rate will be unstable. One slightly worse feasible point above it is still "at the edge".

## Odd sweeps
Rates whose trials all failed say nothing. Without a best rate, or while the checks at 5 and 10 times it are missing,
the rule is skipped and the verdict is inconclusive.
"""

from __future__ import annotations

from dataclasses import dataclass

from lrdoctor.core.study import Study
from lrdoctor.rules.base import Found, Rule

SWEPT = ("grid", "extension")


@dataclass(frozen=True)
class Thresholds:
    margin: float = 2.0
    """The playbook's short run for early instability goes to 2 x the best rate: instability within that factor."""


THRESHOLDS = Thresholds()


def check(study: Study) -> Found:
    judged = [r for r in study.rates if r.n_judged]
    if not judged:
        return
    if study.best_learning_rate is None:
        yield RULE.finding("no learning rate is feasible in a majority of seeds", observed=0.0, threshold=1.0)
        return
    unstable, margin = study.unstable_base_learning_rate, study.stability_margin
    if unstable is None or margin is None:
        return
    between = [r for r in judged if r.stage in SWEPT and study.best_learning_rate < r.base_learning_rate < unstable]
    if margin > THRESHOLDS.margin and between:
        return
    room = f"{margin:.3g}x" if margin > THRESHOLDS.margin else f"only {margin:.3g}x"
    yield RULE.finding(
        f"the best learning rate {study.best_learning_rate:.4g} sits at the edge of instability: training is unstable "
        f"from {unstable:.4g} on, {room} higher",
        observed=margin,
        threshold=THRESHOLDS.margin,
    )


RULE = Rule(
    code="LRD401",
    name="best rate at the edge",
    severity="error",
    instability="edge",
    summary="The best learning rate is the last one before training becomes unstable.",
    manual=__doc__,
    check_study=check,
)
