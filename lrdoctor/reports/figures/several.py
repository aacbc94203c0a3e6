"""What figures 4 and 8 show of several trainings at once: the objective of each against the base learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrdoctor.core.study import Objective, Rate
from lrdoctor.reports.figures.objective import Point
from lrdoctor.reports.figures.series import Series, rising, series


@dataclass(frozen=True)
class Training(Series):
    """One of them, over its rates."""

    unstable: tuple[Point, ...]
    """Those of the feasible that are unstable: they rise and come back."""
    best: float | None
    """Its lr*, starred."""


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
    """The training's rates, those marked that are feasible and unstable."""
    found = series(label, rates)
    return Training(
        label,
        found.lines,
        found.infeasible,
        unstable=rising(found, rates),
        best=best,
    )
