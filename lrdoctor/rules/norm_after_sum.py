"""Normalization of the sum: Norm(x + f(x)).

## What it sees
The sum of a residual add is read by a normalization alone, and the model goes on from the normalized sum.

## Why it matters
Norm(x + f(x)) is known to cause issues, says the playbook: no way leads through the model without passing every norm,
so the gradient of the early layers is scaled by all later ones. It asks for x + Norm(f(x)) in its first edition (2023)
and for x + f(Norm(x)) in that of June 2024. Both are fine, and neither is reported.

## Odd models
The one norm that stands before the head, after all blocks, is no finding. Where operations could not be looked into,
what was seen is reported and the rest is named as not checked.
"""

from __future__ import annotations

from lrdoctor.core.architecture import Architecture, places
from lrdoctor.rules._architecture import unseen
from lrdoctor.rules.base import Found, Rule


def check(model: Architecture) -> Found:
    yield from unseen(RULE, model)
    sites = model.post_norm_sites
    if sites:
        yield RULE.finding(
            f"{len(sites)} of {len(model.sites)} residual adds are normalized after the sum, Norm(x + f(x)): at "
            f"{places(sites)}",
            observed=len(sites),
            threshold=0,
        )


RULE = Rule(
    code="LRD703",
    name="norm after the sum",
    severity="warning",
    instability="architecture",
    summary="Residual sums are normalized, Norm(x + f(x)), which is known to cause issues.",
    manual=__doc__,
    check_model=check,
)
