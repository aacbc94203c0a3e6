"""The stability margin held against a demand."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lrdoctor.core.report import Report
from lrdoctor.core.sections import MarginStatus, MinMargin

ROUND_OFF = 1e-6
"""Relative: a margin of exactly 5 grid steps is not always 5.0 in floating point."""


@dataclass(frozen=True)
class Margin:
    """A stability margin, or the multiple of lr* up to which no instability was found."""

    value: float
    is_bound: bool = False

    def __str__(self) -> str:
        return f">= {self.value:.3g}x, none found" if self.is_bound else f"{self.value:.3g}x"

    def is_at_least(self, required: float) -> bool | None:
        """None where no instability was found, but no rate so high was tried."""
        if self.value >= required * (1 - ROUND_OFF):
            return True
        return None if self.is_bound else False


def margin_of(report: Report) -> Margin | None:
    """The report's margin; None where it is not known."""
    return margin_in(report.stability_margin, report.sweep.stable_up_to if report.sweep else None)


def margin_in(margin: float | None, bound: float | None) -> Margin | None:
    """The same of the two values that it stands in; nan counts as not known."""
    if margin is not None and not math.isnan(margin):
        return Margin(margin)
    return None if margin is not None or bound is None else Margin(float(bound), is_bound=True)


def hold_to_margin(report: Report, required: float) -> MinMargin:
    """`Report.min_margin`: whether the stability margin of the training as it is reaches `required`."""
    margin = margin_of(report)
    reached = None if margin is None else margin.is_at_least(required)
    cut = report.sweep.cut if report.sweep else None
    # what a budget left out may move lr*, and where it cannot it may still find the edge further down
    if cut is not None and (reached or cut.may_move_best):
        reached = None
    status: MarginStatus = "unknown" if reached is None else "passed" if reached else "failed"
    return MinMargin(
        required=required,
        observed=None if margin is None else margin.value,
        is_bound=margin is not None and margin.is_bound,
        status=status,
        message=_message(report, margin, required, status),
    )


def _message(report: Report, margin: Margin | None, required: float, status: MarginStatus) -> str:
    demanded = f"the {required:.3g}x that --min-margin demands"
    if margin is None:
        why = "no learning rates were swept" if not report.sweep else "the sweep did not find it"
        return f"the stability margin is not known ({why}), so it cannot be held to {demanded}"
    if status == "unknown" and report.sweep and report.sweep.cut:
        return f"the budget ended before the stability margin was known, so it cannot be held to {demanded}"
    if status == "unknown":
        return f"no instability was found up to {margin.value:.3g}x lr*, and nothing up to {demanded} was tried"
    return f"the stability margin ({margin}) {'reaches' if status == 'passed' else 'is below'} {demanded}"
