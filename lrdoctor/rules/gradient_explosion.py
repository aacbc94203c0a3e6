"""A log whose gradient norm grew a hundredfold and stayed there.

## What it sees
Block medians of the gradient norm a hundred times above the lowest block in the tenth of the log before them, and ten
times above the level of the first tenth, for a fiftieth of the log and three blocks at least.

## Why it matters
The loss can look harmless meanwhile, stuck on a plateau: the updates are clipped or normalised, but point nowhere. A
run that does learn afterwards has lost the steps until then.

## Odd curves
Norms that are not finite are left out (LRD101), and fewer than 30 are skipped. Norms that grow over a whole training do
not explode, however far, nor do those that vanish with the loss and grow again.
"""

from __future__ import annotations

from lrdoctor.measures import gradients
from lrdoctor.measures.view import View
from lrdoctor.rules import _grad_norms
from lrdoctor.rules.base import Found, Rule


def check(view: View) -> Found:
    reason = _grad_norms.too_few(view)
    if reason:
        yield RULE.skip(reason, view.run)
        return
    found = view.explosion
    if found is None:
        return
    with_factor = found.level / found.usual if found.usual else float("inf")
    yield RULE.finding(
        f"gradient norm grew from {found.usual:.4g} to {found.level:.4g} in steps {found.first_step} to "
        f"{found.last_step}",
        observed=with_factor,
        threshold=gradients.THRESHOLDS.explosion,
        run=view.run,
        first_step=found.first_step,
        last_step=found.last_step,
    )


RULE = Rule(
    code="LRD502",
    name="gradient explosion",
    severity="error",
    instability="gradient",
    summary="The gradient norm of a log grew a hundredfold and stayed there.",
    manual=__doc__,
    check_log=check,
)
