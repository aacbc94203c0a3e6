"""How large the signal is along the chain of blocks: activations and gradients at every place, log scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from lrdoctor.core.architecture import Scale
from lrdoctor.core.curve import Curve
from lrdoctor.core.sections import Model
from lrdoctor.reports.html import plot
from lrdoctor.reports.html.drawn import MOST_POINTS
from lrdoctor.reports.html.figures import Figure
from lrdoctor.reports.html.findings import MOST_ROWS
from lrdoctor.reports.html.plot import Line, Panel
from lrdoctor.reports.html.svg import tenth
from lrdoctor.reports.numbers import multiple
from lrdoctor.reports.sites import LONGEST_NAME, modules_in_short
from lrdoctor.reports.tables import chain_table
from lrdoctor.reports.untrusted import one_line

PANEL_HEIGHT = 110.0
LONGEST_END = 25
"""Characters of the name of the chain's first and last layer under the plot."""
ENDS = 24.0
"""Room for these names."""


@dataclass(frozen=True)
class Course:
    """How a value goes along the chain."""

    name: str
    values: tuple[float | None, ...]
    """At every place of the chain; None where it is not known, not finite or 0."""
    growth: str


def courses(model: Model) -> tuple[Course, Course]:
    """The activations and the gradients along the chain, those that a logarithmic axis can show."""
    return (
        Course(
            "activation (rms)",
            _shown(scale.activation for scale in model.chain),
            f"last / first {_factor(model.activation_growth)}",
        ),
        Course(
            "gradient (L2 norm)",
            _shown(scale.gradient for scale in model.chain),
            f"first / last {_factor(model.gradient_growth)}",
        ),
    )


def _shown(values: Iterable[float | None]) -> tuple[float | None, ...]:
    return tuple(value if value is not None and value > 0 and math.isfinite(value) else None for value in values)


def _factor(growth: float | None) -> str:
    return "not known" if growth is None else multiple(growth)


def stretches(values: Sequence[float | None]) -> list[tuple[int, list[float]]]:
    """The known values between the gaps: the place of the first, from 1, and the values.

    >>> stretches([1.0, None, None, 2.0, 3.0])
    [(1, [1.0]), (4, [2.0, 3.0])]
    """
    groups = groupby(enumerate(values, 1), key=lambda item: item[1] is not None)
    known = [list(items) for is_known, items in groups if is_known]
    return [(items[0][0], [value for _, value in items if value is not None]) for items in known]


def scale_figure(model: Model) -> Figure | None:
    """Both drawn over the places of the chain; None when there is nothing to draw.

    Args:
        model: `Report.architecture`, with a chain.
    """
    panels = [_panel(course, kind) for course, kind in zip(courses(model), ("first", "third"), strict=True)]
    panels = [panel for panel in panels if panel.lines]
    if not panels:
        return None
    n = len(model.chain)
    markup, box = plot.draw(panels, (), MOST_POINTS)
    first, last = (_named(model.chain[i]) for i in (0, -1))
    height = float(box.split()[3])
    names = (
        plot.text(plot.LEFT, height + 9, f"1: {one_line(first, LONGEST_END)}", "start"),
        plot.text(plot.WIDTH - plot.RIGHT, height + 9, f"{n}: {one_line(last, LONGEST_END)}", "end"),
    )
    said = f"From {one_line(first, LONGEST_NAME)} to {one_line(last, LONGEST_NAME)}. " + ". ".join(
        f"{course.name}: {course.growth}" for course in courses(model)
    )
    title = f"Activations and gradients along the chain, {n} places, logarithmic"
    whole = f"0 0 {tenth(plot.WIDTH)} {tenth(height + ENDS)}"
    return Figure(
        "scales", title, said, markup + Markup("".join(names)), whole, "drawn", (chain_table(model).first(MOST_ROWS),)
    )


def _panel(course: Course, kind: str) -> Panel:
    lines = tuple(Line(Curve.of(values, start), kind) for start, values in stretches(course.values))
    return Panel(f"{course.name}, {course.growth}", lines, PANEL_HEIGHT, is_log=True)


def _named(scale: Scale) -> str:
    return f"{scale.operation} {modules_in_short((scale.module,), LONGEST_NAME)}"
