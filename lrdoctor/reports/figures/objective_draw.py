"""Figure 7a in ink."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrdoctor.reports.figures import style
from lrdoctor.reports.figures.objective import INFEASIBLE_BAND, AxisPlot, Point, headline, is_log, y_limits
from lrdoctor.reports.figures.objective_axes import below_band, draw_band, draw_rate_axis, name_objective
from lrdoctor.reports.figures.style import Draw
from lrdoctor.reports.numbers import multiple, number

CHECKED_MULTIPLES = ((5.0, "right"), (10.0, "left"))
"""Multiples of lr* at which the tuning playbook looks for instability, and which way their labels go."""
SWEPT_SIZE, CHECKED_SIZE = 7.0, 5.0
"""Marker sizes: the sweep's own rates stand out from those that were only checked."""


def draw_axis_plot(plot: AxisPlot) -> Draw:
    """Feasible rates at their height, infeasible ones as crosses at the top, lr* as a star."""

    def draw(figure: Figure) -> str:
        axes = figure.add_subplot()
        _draw_axes(axes, plot)
        _draw_lines(axes, plot)
        _draw_points(axes, plot)
        _draw_ranges(axes, plot.points)
        _draw_infeasible(axes, plot)
        _draw_unstable(axes, plot)
        above = _draw_multiples(axes, plot.best)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside lower center", ncols=2)
        return style.set_title(axes, plot.name, headline(plot), pad=20.0 if above else 8.0)

    return draw


def _draw_axes(axes: Axes, plot: AxisPlot) -> None:
    unknown = "1 rate" if plot.not_drawn == 1 else f"{plot.not_drawn} rates"
    axes.set_xlabel("base learning rate" + (f"\n({unknown} could not be judged)" if plot.not_drawn else ""))
    rates = [point.learning_rate for point in plot.points] + [rate for rate, _ in plot.infeasible]
    draw_rate_axis(axes, rates)
    if not plot.points:
        axes.set_yticks([])
        style.say_instead(axes, plot.missing or "no objective was measured")
        return
    name_objective(axes, plot.objective, plot.n_seeds)
    log = is_log(plot.points)
    low, high = y_limits(plot.points, log)
    if log:
        style.make_log(axes, "y", low, high)
    else:
        axes.set_ylim(low, high)


def _draw_lines(axes: Axes, plot: AxisPlot) -> None:
    for line in plot.lines:
        x, y = [point.learning_rate for point in line], [point.objective for point in line]
        axes.plot(x, y, color=style.BLUE, linewidth=1.4)


def _draw_ranges(axes: Axes, points: tuple[Point, ...]) -> None:
    """The range over the seeds; an arrow leaves towards the infeasible where a seed is."""
    ranged = [point for point in points if point.low < point.high]
    if not ranged:
        return
    bottom, ceiling = axes.get_ylim()[0], below_band(axes)
    x, y = [point.learning_rate for point in ranged], [point.objective for point in ranged]
    # a rounded median may lie outside its own range by a bit, and matplotlib refuses a negative length
    down = [max(point.objective - max(point.low, bottom), 0.0) for point in ranged]
    up = [max(min(point.high, ceiling) - point.objective, 0.0) for point in ranged]
    axes.errorbar(
        x,
        y,
        yerr=[down, up],
        fmt="none",
        ecolor=style.BLUE,
        elinewidth=1.0,
        capsize=3,
        zorder=1,
        label="range over the seeds",
    )
    broken = [point.learning_rate for point in ranged if math.isinf(point.high)]
    if broken:
        label = "some seeds infeasible"
        axes.plot(broken, [ceiling] * len(broken), "^", color=style.BLUE, markersize=6, label=label)


def _draw_points(axes: Axes, plot: AxisPlot) -> None:
    others = [point for point in plot.points if point.learning_rate != plot.best]
    swept = [point for point in others if point.swept]
    checked = [point for point in others if not point.swept]
    _dots(axes, swept, "feasible", SWEPT_SIZE, style.BLUE)
    _dots(axes, checked, "feasible, tried as a check", CHECKED_SIZE, "white")
    for point in plot.points:
        if point.learning_rate == plot.best:
            label = f"best, lr* = {number(point.learning_rate)}"
            _star(axes, point, label)


def _dots(axes: Axes, points: list[Point], label: str, size: float, inside: str) -> None:
    if points:
        x, y = [point.learning_rate for point in points], [point.objective for point in points]
        axes.plot(x, y, "o", color=style.BLUE, markerfacecolor=inside, markersize=size, label=label)


def _star(axes: Axes, point: Point, label: str) -> None:
    axes.plot(
        point.learning_rate,
        point.objective,
        "*",
        color=style.ORANGE,
        markeredgecolor=style.BLACK,
        markersize=16,
        zorder=5,
        label=label,
    )


def _draw_infeasible(axes: Axes, plot: AxisPlot) -> None:
    if not plot.infeasible:
        return
    draw_band(axes)
    _crosses(axes, [rate for rate, swept in plot.infeasible if swept], "infeasible", SWEPT_SIZE)
    checked = [rate for rate, swept in plot.infeasible if not swept]
    _crosses(axes, checked, "infeasible, tried as a check", CHECKED_SIZE)


def _crosses(axes: Axes, rates: list[float], label: str, size: float) -> None:
    if rates:
        axes.plot(
            rates,
            [1 - INFEASIBLE_BAND / 2] * len(rates),
            "x",
            transform=axes.get_xaxis_transform(),
            color=style.VERMILION,
            markersize=size,
            markeredgewidth=2,
            label=label,
        )


def _draw_unstable(axes: Axes, plot: AxisPlot) -> None:
    if plot.unstable is not None:
        # a rate below it at which half of the seeds train is infeasible already
        label = f"unstable from {number(plot.unstable)}{' (most seeds)' if plot.n_seeds > 1 else ''}"
        axes.axvline(plot.unstable, color=style.BLACK, linestyle=(0, (5, 3)), linewidth=1.2, zorder=1, label=label)


def _draw_multiples(axes: Axes, best: float | None) -> bool:
    """Marks the checked multiples of lr* over the axes; whether there was one to mark."""
    low, high = axes.get_xlim()
    top = axes.get_xaxis_transform()
    marks = [(factor * (best or math.nan), factor, align) for factor, align in CHECKED_MULTIPLES]
    inside = [mark for mark in marks if low <= mark[0] <= high]
    for at, factor, align in inside:
        axes.plot([at, at], [0.97, 1.02], transform=top, color=style.GREY, linewidth=1.0, clip_on=False)
        text = f"{multiple(factor)} lr*"
        axes.text(at, 1.03, text, transform=top, ha=align, color=style.GREY, fontsize=9)
    return bool(inside)
