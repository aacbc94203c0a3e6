"""Residual branches that do not start at zero.

## What it sees
Residual branches whose output, before the first update, is more than a hundredth of what it is added to.

## Why it matters
Initialising residual branches to zero (or behind a gate that starts at 0, ReZero) is the sixth fix of the playbook: the
network starts as the identity and each branch grows as it learns. Most models that train well do without, so this is no
fault and only told: it is something to try when the training is unstable.

## Odd models
Where the scale of a branch cannot be measured, because its values are no real numbers or the skip is 0 throughout, the
branch is left out. Batch and weights at initialization decide the scale; another seed gives a slightly different one.
"""

from __future__ import annotations

from statistics import median

from lrdoctor.core.architecture import Architecture
from lrdoctor.rules._architecture import THRESHOLDS
from lrdoctor.rules.base import Found, Rule


def check(model: Architecture) -> Found:
    loud = [s.branch_scale for s in model.sites if s.branch_scale is not None and s.branch_scale > THRESHOLDS.quiet]
    if loud:
        yield RULE.finding(
            f"{len(loud)} of {len(model.sites)} residual branches do not start at zero: ||f(x)|| / ||x|| is "
            f"{median(loud):.2g} in the median and {max(loud):.2g} at most",
            observed=max(loud),
            threshold=THRESHOLDS.quiet,
        )


RULE = Rule(
    code="LRD704",
    name="branches not zero at init",
    severity="info",
    instability="architecture",
    summary="Residual branches do not start at zero, which is no fault and something to try.",
    manual=__doc__,
    check_model=check,
)
