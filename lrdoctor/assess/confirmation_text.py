"""What fresh seeds say of a fix, in sentences that every command uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lrdoctor.assess.clip_text import OBJECTIVE
from lrdoctor.assess.comparison_text import change
from lrdoctor.core.study import Objective
from lrdoctor.procedures.confirmation import Confirmation, Failing, Outcome, spread_of

REFUTED: Mapping[Failing, str] = {
    "unstable": "it is not stable at the rate to use",
    "loss": "its loss is higher",
    "doubt": "its loss may be higher",
    "nothing": "it helps nothing there",
}


def in_short(found: Confirmation) -> str:
    """`confirmed on 5 fresh seeds`, or why it is not."""
    if found.failing is None:
        return f"confirmed on {len(found.fresh)} fresh seeds"
    return f"rejected on fresh seeds: {REFUTED[found.failing]}"


def confirmed(found: Confirmation, objective: Objective) -> Iterator[str]:
    """What was seen on the fresh seeds: stable trials at the rates that were claimed, and the losses."""
    claim = found.claim
    yield in_short(found)
    yield f"stable in {_stable(found.at_use)} at {claim.base_learning_rate:.4g}"
    if claim.widens and (found.at_reach or found.of_baseline_at_reach):
        with_it = f"stable in {_stable(found.at_reach)} at {claim.reach:.4g}, and " * (
            claim.reach != claim.base_learning_rate
        )
        yield f"{with_it}without it in {_stable(found.of_baseline_at_reach)} at {claim.baseline_reach:.4g}"
    after, before = spread_of(found.at_use), spread_of(found.of_baseline)
    if after is not None and claim.baseline_learning_rate is None:
        yield (
            f"{OBJECTIVE[objective]} {_spread(after)} at {claim.base_learning_rate:.4g} with it, and no rate trains "
            "well without"
        )
    if after is not None and before is not None and found.paired is not None:
        yield (
            f"{OBJECTIVE[objective]} {_spread(after)} at {claim.base_learning_rate:.4g} with it, {_spread(before)} at "
            f"lr* = {claim.baseline_learning_rate:.4g} without, after equal numbers of steps: {change(found.paired)}"
        )


def _stable(outcomes: Mapping[int, Outcome]) -> str:
    return f"{sum(not o.is_unstable for o in outcomes.values())} of {len(outcomes)}"


def _spread(values: tuple[float, float, float]) -> str:
    middle, low, high = values
    return f"{middle:.4g} ({low:.4g}..{high:.4g})"
