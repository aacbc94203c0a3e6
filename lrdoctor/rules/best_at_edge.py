"""A sweep whose best learning rate sits at the edge of instability.

## What it sees
The stability margin, unstable_base_learning_rate / best_learning_rate, is 2 or less, or it is less than 5 and no
swept rate lies between the two, or no rate is feasible at all.

## Why it matters
Instability is a problem when it forces a learning rate that is too small. When the best rate is the last one before
training breaks, it is likely that better rates lie beyond the edge (tuning playbook, Figure 7a), and the short run
at twice the best rate will be unstable. One slightly worse feasible point above it is still "at the edge".

## Odd sweeps
Rates whose trials all failed say nothing. Whether the checks at 5 and 10 times the best rate are missing is LRD402's
business: an edge that was found is one whatever lies above it. Where both rates were given (`--lr`, `--unstable-lr`)
and nothing was swept, the margin of 2 alone decides: there is no grid whose next rate could be the edge.
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
    clear: float = 5.0
    """The lower of the playbook's two checks: a margin this large is room, however coarse the grid."""


THRESHOLDS = Thresholds()


def check(study: Study) -> Found:
    judged = [r for r in study.rates if r.n_judged]
    if study.best_learning_rate is None:
        if judged:
            yield RULE.finding("no learning rate is feasible in a majority of seeds", observed=0.0, threshold=1.0)
        return
    unstable, margin = study.unstable_base_learning_rate, study.stability_margin
    if unstable is None or margin is None:
        return
    swept = [r.base_learning_rate for r in judged if r.stage in SWEPT]
    is_next = bool(swept) and not any(study.best_learning_rate < rate < unstable for rate in swept)
    if margin > THRESHOLDS.margin and not (is_next and margin < THRESHOLDS.clear):
        return
    yield RULE.finding(
        f"{study.best_in_words} sits at the edge of instability: {_where(unstable, margin)}",
        observed=margin,
        threshold=THRESHOLDS.margin,
    )


def _where(unstable: float, margin: float) -> str:
    if margin <= 1:
        return f"training is already unstable at {unstable:.4g}, {'below it' if margin < 1 else 'the same rate'}"
    only = "only " if margin <= THRESHOLDS.margin else ""
    return f"training is unstable from {unstable:.4g} on, {only}{margin:.3g}x higher"


RULE = Rule(
    code="LRD401",
    name="best rate at the edge",
    severity="error",
    instability="edge",
    summary="The best learning rate is the last one before training becomes unstable.",
    manual=__doc__,
    check_study=check,
)
