"""One way of training over its rates, as figures 4 and 8 show it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lrdoctor.core.study import Rate
from lrdoctor.reports.figures.objective import Point


@dataclass(frozen=True)
class Series:
    """One way of training, over its rates."""

    label: str
    lines: tuple[tuple[Point, ...], ...]
    """Feasible rates, ascending; a line ends where an infeasible rate lies between."""
    infeasible: tuple[float, ...]

    @property
    def points(self) -> tuple[Point, ...]:
        return tuple(point for line in self.lines for point in line)

    @property
    def rates(self) -> tuple[float, ...]:
        return (*(point.learning_rate for point in self.points), *self.infeasible)


def rising(of: Series, rows: Sequence[Rate]) -> tuple[Point, ...]:
    """The feasible rates that are unstable: their training rises and comes back, for most seeds."""
    unstable = {row.base_learning_rate for row in rows if row.is_unstable}
    return tuple(point for point in of.points if point.learning_rate in unstable)


def series(label: str, rows: Sequence[Rate]) -> Series:
    """Sorts the rates (as the report has them) into what can be drawn at a height and what cannot."""
    lines: list[list[Point]] = [[]]
    infeasible: list[float] = []
    for row in sorted(rows, key=lambda row: row.base_learning_rate):
        if not row.n_judged:
            continue
        if row.is_feasible and math.isfinite(row.objective):
            lines[-1].append(
                Point(row.base_learning_rate, row.objective, row.objective_low, row.objective_high, swept=True)
            )
        elif not row.is_feasible:
            infeasible.append(row.base_learning_rate)
            lines.append([])
    return Series(label, tuple(tuple(line) for line in lines if line), tuple(infeasible))
