"""What figures 4 and 8 show of several trainings at once: the objective of each against the base learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lrdoctor.core.study import Objective, Rate
from lrdoctor.reports.figures.objective import Point


@dataclass(frozen=True)
class Training:
    """One of them, over its rates."""

    label: str
    lines: tuple[tuple[Point, ...], ...]
    """Feasible rates, ascending; a line ends where an infeasible rate lies between."""
    unstable: tuple[Point, ...]
    """Those of the feasible that are unstable: they rise and come back."""
    infeasible: tuple[float, ...]
    best: float | None
    """Its lr*, starred."""

    @property
    def points(self) -> tuple[Point, ...]:
        return tuple(point for line in self.lines for point in line)

    @property
    def rates(self) -> tuple[float, ...]:
        return (*(point.learning_rate for point in self.points), *self.infeasible)


@dataclass(frozen=True)
class Several:
    """What the figure shows."""

    name: str
    headline: str
    objective: Objective
    n_seeds: int
    trainings: tuple[Training, ...]
    not_drawn: int = 0
    """Further trainings, which would cover one another."""
    x_note: str = ""
    """What to know about the learning rates."""


def training_of(label: str, rates: Sequence[Rate], best: float | None) -> Training:
    """Sorts the rates of a training into what can be drawn at a height and what cannot."""
    lines: list[list[Point]] = [[]]
    unstable, infeasible = [], []
    for rate in sorted(rates, key=lambda rate: rate.base_learning_rate):
        if not rate.n_judged:
            continue
        if rate.is_feasible and math.isfinite(rate.objective):
            point = Point(rate.base_learning_rate, rate.objective, rate.objective_low, rate.objective_high, swept=True)
            lines[-1].append(point)
            unstable += [point] if rate.is_unstable else []
        elif not rate.is_feasible:
            infeasible.append(rate.base_learning_rate)
            lines.append([])
    return Training(label, tuple(tuple(line) for line in lines if line), tuple(unstable), tuple(infeasible), best)
