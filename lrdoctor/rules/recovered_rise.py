"""A trial whose training loss went up for a while and came back.

## What it sees
A rise as in LRD202 that ends before the trial does, anywhere in it. Where a trial of the seed at half the rate or less
rises in the same steps, by half as much or more, the batches or the objective do it, and it is none. A trial that does
worse than the untrained weights on the same batches, in the median over 17 of them and more, counts too.

## Why it matters
"If training loss goes up, not down, during periods of training" at rates above the best one, fixing the instability
is likely to give better training (tuning playbook). The run itself was feasible, so this is a warning; a majority of
seeds with such a rise makes their learning rate count as unstable.

## Odd curves
As LRD202; a trial that ended non-finite is skipped, since it did not come back. A single step that stands out for
nothing but one odd batch is none.
"""

from __future__ import annotations

from dataclasses import dataclass

from lrdoctor.core.robust import median
from lrdoctor.core.study import Study
from lrdoctor.measures.events import Event
from lrdoctor.measures.view import View
from lrdoctor.rules import _events, _lower_rates
from lrdoctor.rules.base import Found, Rule


@dataclass(frozen=True)
class Thresholds:
    untrained: float = 0.9
    """Part of the loss of the untrained weights from which on a loss is about theirs: batches differ by as much."""


THRESHOLDS = Thresholds()

CAME_BACK = ("spike", "early")


def check(view: View, study: Study) -> Found:
    run = view.run
    if run.status == "diverged" or run.train_loss.first_non_finite is not None:
        yield RULE.skip("the run ended non-finite, so nothing can be said to have come back", run)
        return
    found = [
        event
        for event in view.found
        if event.kind in CAME_BACK
        and not _is_of_the_first_updates(view, event)
        and not _lower_rates.is_shared(view, study, event)
    ]
    yield from _events.findings(RULE, view, found, "and came back")
    yield from _events.forgetting(RULE, view, found, came_back=True)
    if not found and view.is_blind:
        yield RULE.skip(view.is_blind, view.run)
    lost = view.beside.lost_for_long
    if lost is None or lost.first_step < view.early_until or view.beside.ends_above_untrained is not None:
        return
    if not any(event.first_step <= lost.last_step and lost.first_step <= event.last_step for event in view.found):
        yield RULE.finding(
            f"training loss rose to {lost.peak:.4g} at step {lost.peak_step}, and was above what the untrained weights "
            f"lose on the same batches in {lost.n_points} steps from {lost.first_step} to {lost.last_step}",
            observed=lost.observed,
            threshold=lost.limit,
            run=run,
            first_step=lost.first_step,
            last_step=lost.last_step,
            instability="mid_training",
        )


def _is_of_the_first_updates(view: View, event: Event) -> bool:
    """Whether an early rise begins where the untrained weights are: nothing was learned that it could lose, and LRD201
    measures it batch by batch, with limits of its own."""
    control = view.run.control
    if control is None or not len(control.finite) or event.kind != "early":
        return False
    return event.base >= THRESHOLDS.untrained * float(median(control.finite.value))


RULE = Rule(
    code="LRD203",
    name="rise",
    severity="warning",
    instability="mid_training",
    summary="The training loss went up for a while and came back.",
    manual=__doc__,
    check_trial=check,
)
