"""A deep model in which no residual add was recognised.

## What it sees
Not one sum x + f(x) ran for the batch, and more than 8 layers with weights of their own lie one behind the other.

## Why it matters
Residual connections are architecture best practice in the playbook: without them the gradient passes through every
layer, and what each of them takes off or adds multiplies. Such models become unstable at learning rates that others
train at. The change has no unique place, so it is the author's to make.

## Odd models
A recurrence uses the same weights at every step; its layers count once. Skips that concatenate, highway gates, and sums
written as stack().sum(), lerp or addmm or inside a fused kernel are not recognised: if the model has such skips, ignore
this finding. Where operations could not be looked into, the rule is skipped: nothing found there means unknown.
"""

from __future__ import annotations

from lrdoctor.core.architecture import Architecture
from lrdoctor.rules._architecture import THRESHOLDS, unseen
from lrdoctor.rules.base import Found, Rule


def check(model: Architecture) -> Found:
    if model.unknown and not model.sites:
        yield from unseen(RULE, model)
    elif not model.sites and model.distinct_outside_residuals > THRESHOLDS.deep:
        yield RULE.finding(
            f"{model.distinct_outside_residuals} layers follow one another, and no residual connection was seen "
            "between them; if there are some, written as stack().sum(), lerp or in a fused kernel, which cannot be "
            "seen here, ignore this",
            observed=model.distinct_outside_residuals,
            threshold=THRESHOLDS.deep,
        )


RULE = Rule(
    code="LRD701",
    name="deep without residuals",
    severity="warning",
    instability="architecture",
    summary="Many layers lie one behind the other without a residual connection.",
    manual=__doc__,
    check_model=check,
)
