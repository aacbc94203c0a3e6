"""Figure 8 in ink."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrdoctor.reports.figures import style
from lrdoctor.reports.figures.objective import INFEASIBLE_BAND, is_log, y_limits
from lrdoctor.reports.figures.objective_axes import (
    draw_band,
    draw_ranges,
    draw_rate_axis,
    draw_rising,
    name_objective,
    name_rising,
)
from lrdoctor.reports.figures.series import Series
from lrdoctor.reports.figures.style import Draw
from lrdoctor.reports.figures.with_fix import WithFix
from lrdoctor.reports.numbers import number

Pen = tuple[str, str, float]
WITHOUT: Pen = (style.BLUE, "o", 0.3)
WITH: Pen = (style.VERMILION, "s", 0.7)
"""Colour, marker, and the height of the crosses within the band, so that those of one rate do not cover each other."""

MARK_COLOUR = {"best": style.GREY, "unstable": style.BLACK}
MARK_DASHES = {"best": (0, (1, 2)), "unstable": (0, (5, 3))}


def draw_with_fix(plot: WithFix) -> Draw:
    """Two curves over the rates; infeasible rates are crosses at the top."""

    def draw(figure: Figure) -> str:
        axes = figure.add_subplot()
        _draw_axes(axes, plot)
        for one, pen in ((plot.without, WITHOUT), (plot.with_fix, WITH)):
            _draw_series(axes, one, pen)
        draw_rising(axes, plot.unstable)
        if plot.unstable:
            name_rising(axes)
        _draw_rates(axes, plot)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside lower center", ncols=2)
        return style.set_title(axes, plot.name, *plot.headline)

    return draw


def _draw_axes(axes: Axes, plot: WithFix) -> None:
    axes.set_xlabel(plot.x_label)
    rates, points = (*plot.without.rates, *plot.with_fix.rates), (*plot.without.points, *plot.with_fix.points)
    draw_rate_axis(axes, rates)
    if not points:
        axes.set_yticks([])
        style.say_instead(axes, "no feasible learning rate")
        return
    name_objective(axes, plot.objective, plot.n_seeds)
    log = is_log(points)
    low, high = y_limits(points, log)
    if log:
        style.make_log(axes, "y", low, high)
    else:
        axes.set_ylim(low, high)
    if plot.without.infeasible or plot.with_fix.infeasible:
        draw_band(axes)


def _draw_series(axes: Axes, series: Series, pen: Pen) -> None:
    colour, marker, place = pen
    for line in series.lines:
        x, y = [point.learning_rate for point in line], [point.objective for point in line]
        label = series.label if line is series.lines[0] else None
        axes.plot(x, y, marker=marker, color=colour, markeredgecolor="white", markersize=7, linewidth=1.4, label=label)
    draw_ranges(axes, series.points, colour)
    if series.infeasible:
        height = 1 - INFEASIBLE_BAND * (1 - place)
        axes.plot(
            series.infeasible,
            [height] * len(series.infeasible),
            "x",
            transform=axes.get_xaxis_transform(),
            color=colour,
            markersize=7,
            markeredgewidth=2,
            label=f"{series.label}: infeasible",
        )


def _draw_rates(axes: Axes, plot: WithFix) -> None:
    low, high = axes.get_xlim()
    for mark in plot.marks:
        if low <= mark.rate <= high:
            colour = WITH[0] if mark.of_fix else MARK_COLOUR[mark.kind]
            label = f"{mark.words} {number(mark.rate)}"
            dashes = MARK_DASHES[mark.kind]
            axes.axvline(mark.rate, color=colour, linestyle=dashes, linewidth=1.2, zorder=1, label=label)
    axes.set_xlim(low, high)
