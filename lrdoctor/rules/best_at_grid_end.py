"""A sweep whose best learning rate is the lowest or the highest one tried.

## What it sees
The best rate is the end of the swept grid, after the grid was extended by up to two decades.

## Why it matters
A best rate at the end of the grid is a corner, not an optimum: the real one may lie beyond it. The margin is then
measured from a rate that is not the best.

## Odd sweeps
An end that is followed by infeasible rates is no corner: the grid went far enough. Rates whose trials all failed say
nothing, so a best rate beside them counts as an end; the message then points at them.
"""

from __future__ import annotations

from lrdoctor.core.study import Study
from lrdoctor.rules.base import Found, Rule
from lrdoctor.rules.best_at_edge import SWEPT


def check(study: Study) -> Found:
    swept = [r.base_learning_rate for r in study.rates if r.stage in SWEPT and r.n_judged]
    best = study.best_learning_rate
    if best is None or not swept or best not in (min(swept), max(swept)):
        return
    if study.cut is not None and study.cut.may_move_best:
        yield RULE.skip("the budget ended before the rates beyond the best one were tried")
        return
    end = "lowest" if best == min(swept) else "highest"
    yield RULE.finding(
        f"the best learning rate {best:.4g} is the {end} one swept: the best one may lie beyond it; "
        + _advice(study, end),
        observed=best,
        threshold=None,
    )


def _advice(study: Study, end: str) -> str:
    best = study.best_learning_rate or 0.0
    failed = [r.base_learning_rate for r in study.rates if r.stage in SWEPT and not r.n_judged]
    if any(rate < best if end == "lowest" else rate > best for rate in failed):
        return f"all trials at the {'lower' if end == 'lowest' else 'higher'} ones failed: see why"
    return f"set sweep.{'min' if end == 'lowest' else 'max'} further out"


RULE = Rule(
    code="LRD403",
    name="best rate at the end of the grid",
    severity="warning",
    instability="edge",
    summary="The best learning rate is the lowest or highest one tried, even after extending the grid.",
    manual=__doc__,
    check_study=check,
)
