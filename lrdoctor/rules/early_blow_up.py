"""A trial whose training loss shot up right after the start, whether or not it came back.

## What it sees
Within the first updates (and the warmup, when there is one) the loss is far above what the *untrained* weights lose on
the same batches: on a single batch more than twice that (and twice what they usually lose), or by half as much again in
the median over three batches and more, and beyond the noise that batches show by themselves. The untrained weights
pass over the batches of every seed once: the control. Where losses are no ratios, since they reach 0 or below, the
limits are half of the way from the untrained level down to the lowest one, and all of it. A rise within the first
updates after the loss had come down counts as well.

## Why it matters
Some models blow up early, recover, and then train slowly but stably: an ordinary evaluation schedule misses it
(tuning playbook, Figure 5). A model that does worse than one that knows nothing was thrown away from its
initialization. The usual cure is learning-rate warmup.

## Odd curves
A batch that is as hard for the untrained weights is no blow-up, nor is an objective that rises by itself. Non-finite
values are LRD101's. Without a control (it failed, or the trial was saved by a version without one) the first loss
stands in for it. With fewer than three points in the early window the rule is skipped. Logs have no control: LRD208.
"""

from __future__ import annotations

import numpy as np

from lrdoctor.core.study import Study
from lrdoctor.measures.view import View
from lrdoctor.rules.base import Found, Rule


def check(view: View, study: Study) -> Found:
    run = view.run
    if view.n_early < 3:
        yield RULE.skip("fewer than 3 points of the training loss in the early window", run)
        return
    found = view.beside.blow_up
    if found is not None and found.first_step < view.early_until:
        peak, usual = found.peak, found.untrained
        factor = f"{peak / usual:.3g} times" if view.beside.is_ratio else f"{peak - usual:.3g} above"
        with np.errstate(over="ignore"):
            observed, threshold = (np.exp(x) if view.beside.is_ratio else x for x in (found.observed, found.limit))
        yield RULE.finding(
            f"training loss rose to {peak:.4g} at step {found.peak_step}, {factor} what the untrained weights lose on "
            f"the same batches ({usual:.4g})",
            observed=float(observed),
            threshold=float(threshold),
            run=run,
            first_step=found.first_step,
            last_step=found.last_step,
        )


RULE = Rule(
    code="LRD201",
    name="early blow-up",
    severity="error",
    instability="early",
    summary="Within the first updates the training loss was far above that of the untrained weights.",
    manual=__doc__,
    check_trial=check,
)
