"""A long stretch of layers without normalization.

## What it sees
More than 8 layers with weights of their own lie on one way through the model without a normalization between them,
those of residual branches included.

## Why it matters
Normalization is architecture best practice in the playbook: it keeps the scale of the signal whatever the weights do.
Without it the scale multiplies from layer to layer, and one update too large at every layer at once can blow it up.

## Odd models
Residual branches that add nothing at initialization, or almost nothing (ReZero, Fixup, LayerScale), do the same
service at the start, so a model all of whose branches do is left alone. A recurrence counts its layers once. What a
module is called tells whether it is a norm; one that is written out in plain operations is not recognised. Where
operations could not be looked into, the rule is skipped.
"""

from __future__ import annotations

from lrdoctor.core.architecture import Architecture
from lrdoctor.rules._architecture import THRESHOLDS, unseen
from lrdoctor.rules.base import Found, Rule


def check(model: Architecture) -> Found:
    if model.unknown:
        yield from unseen(RULE, model)
    elif model.distinct_without_norm > THRESHOLDS.deep and not _is_quiet(model):
        seen = f"{model.n_norms} elsewhere in the model" if model.n_norms else "none in the whole model"
        yield RULE.finding(
            f"{model.distinct_without_norm} layers follow one another without a normalization between them; {seen}",
            observed=model.distinct_without_norm,
            threshold=THRESHOLDS.deep,
        )


def _is_quiet(model: Architecture) -> bool:
    """Whether the model is close to its layers outside the branches, and these are few."""
    few = model.distinct_outside_residuals <= THRESHOLDS.deep
    small = (s.branch_scale is not None and s.branch_scale <= THRESHOLDS.quiet for s in model.sites)
    return few and bool(model.sites) and all(small)


RULE = Rule(
    code="LRD702",
    name="deep without norm",
    severity="warning",
    instability="architecture",
    summary="Many layers lie one behind the other without a normalization.",
    manual=__doc__,
    check_model=check,
)
