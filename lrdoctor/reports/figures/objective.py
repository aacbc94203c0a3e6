"""What figure 7a shows, the axis plot: the objective against the base learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lrdoctor.core.study import Objective, Rate, Study
from lrdoctor.reports.numbers import multiple, number

DECADES_FOR_LOG = 1.0
"""A linear axis shows a factor of ten and less well enough."""
INFEASIBLE_BAND = 0.09
"""Top part of the axes kept for crosses: an infeasible rate has no value worth a height."""
ROOM_BELOW, ROOM_ABOVE = 0.06, 0.08
"""Empty parts of the axes under the lowest and over the highest value, the band not counted."""


@dataclass(frozen=True)
class Point:
    """A feasible rate."""

    learning_rate: float
    objective: float
    low: float
    high: float
    """Lowest and highest of the seeds; high is inf when a seed is infeasible."""
    swept: bool
    """Tried as part of the sweep, not as a check or to locate the unstable rate."""


@dataclass(frozen=True)
class AxisPlot:
    """What figure 7a shows."""

    name: str
    objective: Objective
    n_seeds: int
    lines: tuple[tuple[Point, ...], ...]
    """Feasible rates, ascending; a line ends where an infeasible rate lies between."""
    infeasible: tuple[tuple[float, bool], ...]
    """(learning rate, swept)."""
    not_drawn: int
    """Rates of which nothing is known: no trial was judged, or the objective was not measured."""
    best: float | None
    missing: str
    """Why there is no best rate, empty when there is."""
    unstable: float | None
    stable_up_to: float | None

    @property
    def points(self) -> tuple[Point, ...]:
        return tuple(point for line in self.lines for point in line)


def axis_plot(study: Study) -> AxisPlot:
    """Sorts the rates of a sweep into what can be drawn at a height, what cannot, and what is not known."""
    lines: list[list[Point]] = [[]]
    infeasible: list[tuple[float, bool]] = []
    not_drawn = 0
    for rate in study.rates:
        if not rate.n_judged or (rate.is_feasible and not math.isfinite(rate.objective)):
            not_drawn += 1
        elif rate.is_feasible:
            lines[-1].append(_point(rate))
        else:
            infeasible.append((rate.base_learning_rate, _swept(rate)))
            lines.append([])
    return AxisPlot(
        name=study.name,
        objective=study.objective,
        n_seeds=max((rate.n_judged for rate in study.rates), default=0),
        lines=tuple(tuple(line) for line in lines if line),
        infeasible=tuple(infeasible),
        not_drawn=not_drawn,
        best=study.best_learning_rate,
        missing=why_no_best(study) if study.best_learning_rate is None else "",
        unstable=study.unstable_base_learning_rate,
        stable_up_to=study.stable_up_to,
    )


def why_no_best(study: Study) -> str:
    """What a study without a best learning rate lacks."""
    if any(rate.n_judged and rate.is_feasible for rate in study.rates):
        return "best learning rate not determined"
    judged = any(rate.n_judged for rate in study.rates)
    return "no feasible learning rate" if judged else "no learning rate was judged"


def _swept(rate: Rate) -> bool:
    return rate.stage in ("grid", "extension")


def _point(rate: Rate) -> Point:
    return Point(
        learning_rate=rate.base_learning_rate,
        objective=rate.objective,
        low=rate.objective_low,
        high=rate.objective_high,
        swept=_swept(rate),
    )


def is_log(points: Sequence[Point]) -> bool:
    """The objectives are positive and span more than a linear axis shows."""
    values = [point.objective for point in points]
    return bool(values) and min(values) > 0 and math.log10(max(values) / min(values)) > DECADES_FOR_LOG


def y_limits(points: Sequence[Point], log: bool) -> tuple[float, float]:
    """Limits that hold every finite value, with the room kept free above and below.

    >>> point = Point(0.1, 2.0, 1.0, 3.0, True)
    >>> low, high = y_limits([point], log=False)
    >>> low < 1.0 and 3.0 < high - INFEASIBLE_BAND * (high - low)
    True
    """
    values = [value for point in points for value in (point.objective, point.low, point.high)]
    values = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    low, high = min(values), max(values)
    if log:
        low, high = math.log10(low), math.log10(high)
    if low == high:
        half = abs(high) / 2 or 0.5
        low, high = low - half, high + half
    span = high - low
    whole = span / (1 - ROOM_BELOW - ROOM_ABOVE - INFEASIBLE_BAND)
    low -= ROOM_BELOW * whole
    return (10**low, 10 ** (low + whole)) if log else (low, low + whole)


def headline(plot: AxisPlot) -> str:
    """The verdict's numbers in one line."""
    if plot.best is None:
        return plot.missing
    if plot.unstable is not None:
        margin = multiple(plot.unstable / plot.best)
        return f"lr* = {number(plot.best)}, unstable from {number(plot.unstable)} ({margin} lr*)"
    if plot.stable_up_to is None or plot.stable_up_to <= 1:
        return f"lr* = {number(plot.best)}, no higher rate was judged"
    return f"lr* = {number(plot.best)}, no instability found up to {multiple(plot.stable_up_to)} lr*"
