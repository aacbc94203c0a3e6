"""A log with single gradient norms far above the others.

## What it sees
Norms ten times the median of the hundred before them, and beyond twice what the largest of as many log-normal norms
would be.

## Why it matters
Such steps throw a model off, or are about to: gradient spikes come before loss spikes, and are more frequent. By
themselves they are no failure, since clipping and Adam absorb many of them. When they precede a rise of the loss,
clipping at the 90th percentile of the unclipped norms is the playbook's answer.

## Odd curves
Norms that are not finite are left out (LRD101), and fewer than 30 are skipped. Norms that were logged after clipping
cannot show outliers. Large norms in the first steps are common and are compared with the few before them only.
"""

from __future__ import annotations

from lrdoctor.measures import gradients
from lrdoctor.measures.view import View
from lrdoctor.rules import _grad_norms
from lrdoctor.rules.base import Found, Rule

NAMED = 5
"""Steps that the message names."""


def check(view: View) -> Found:
    reason = _grad_norms.too_few(view)
    if reason:
        yield RULE.skip(reason, view.run)
        return
    found = view.outliers
    if found is None:
        return
    yield RULE.finding(
        f"gradient norm of {found.largest:.4g} at step {found.largest_step} where {found.usual:.4g} is usual"
        + _others(found),
        observed=found.largest,
        threshold=found.limit,
        run=view.run,
        first_step=int(found.steps[0]),
        last_step=int(found.steps[-1]),
    )


def _others(found: gradients.Outliers) -> str:
    """`; also at steps 5, 9`: the outliers beside the largest."""
    steps = [str(step) for step in found.steps.tolist() if step != found.largest_step]
    if not steps:
        return ""
    more = f" and {len(steps) - NAMED} more" if len(steps) > NAMED else ""
    return f"; also far outside at step{'s' if len(steps) > 1 else ''} {', '.join(steps[:NAMED])}{more}"


RULE = Rule(
    code="LRD501",
    name="gradient outliers",
    severity="info",
    instability="gradient",
    summary="Single gradient norms of a log lie far above the others.",
    manual=__doc__,
    check_log=check,
)
