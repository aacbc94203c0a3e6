"""A residual branch that adds nothing and never will.

## What it sees
The branch is exactly 0 before the first update, the sum has a gradient, and no parameter on the branch has one.

## Why it matters
A branch that starts at zero is meant to grow, which needs one factor that is 0 and a gradient at that factor. With two
of them - a gate of 0 on a branch that is 0 already - each one's gradient is multiplied by the other, and both stay 0
for ever. So does a zeroed layer behind which a ReLU stands, whose slope at 0 is 0.

## Odd models
Where the sum itself has no gradient yet, because a later gate is still 0, nothing is said: the branch may come to life
once that gate has moved. A dropout that drops everything in this one batch looks the same as a dead branch; look again
with another seed.
"""

from __future__ import annotations

from lrdoctor.core.architecture import Architecture, places
from lrdoctor.rules.base import Found, Rule


def check(model: Architecture) -> Found:
    dead = [site for site in model.sites if site.is_dead]
    if dead:
        yield RULE.finding(
            f"{len(dead)} of {len(model.sites)} residual branches are 0 and none of their parameters has a gradient, "
            f"so that they stay 0: at {places(dead)}; let one of two zero factors start away from 0",
            observed=len(dead),
            threshold=0,
        )


RULE = Rule(
    code="LRD706",
    name="dead branch",
    severity="warning",
    instability="architecture",
    summary="Residual branches are 0 at initialization and no gradient reaches their parameters.",
    manual=__doc__,
    check_model=check,
)
