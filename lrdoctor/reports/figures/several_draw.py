"""Several trainings in ink: one colour and marker each, infeasible rates as crosses at the top."""

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
from lrdoctor.reports.figures.several import Several, Training
from lrdoctor.reports.figures.style import Draw
from lrdoctor.reports.numbers import number

Pen = tuple[str, str]
PENS: tuple[Pen, ...] = (
    (style.BLUE, "o"),
    (style.VERMILION, "s"),
    (style.GREEN, "D"),
    (style.PURPLE, "^"),
    (style.ORANGE, "v"),
    (style.BLACK, "P"),
    (style.SKY, "h"),
)
"""Colour and marker of each training in turn: told apart in grey as well."""
LONGEST_LABEL = 56
"""Characters of a label in the legend, which stands in one column."""
FEW = 3
"""Trainings up to which the ranges over the seeds and the numbers of lr* can still be told apart."""
LOG_FROM = 3.0
"""Ratio of the objectives from which a logarithmic axis keeps several curves apart where they are lowest."""
BAND = 0.035
"""Part of the axes that the crosses of one training take at the top, so that those of one rate do not cover each
other."""


def draw_several(plot: Several) -> Draw:
    """A line a training with its lr* starred; a ring of a cross where it is unstable, a cross at the top where it is
    infeasible."""

    def draw(figure: Figure) -> str:
        figure.set_size_inches(style.SIZE_INCHES[0], style.SIZE_INCHES[1] + 0.2 * len(plot.trainings))
        axes = figure.add_subplot()
        _draw_axes(axes, plot)
        for place, (one, pen) in enumerate(zip(plot.trainings, PENS, strict=False)):
            _draw_training(axes, one, pen, place, len(plot.trainings))
        _draw_meanings(axes, plot)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside lower center", ncols=1 if len(plot.trainings) > 2 else 2)
        return style.set_title(axes, plot.name, plot.headline)

    return draw


def _draw_axes(axes: Axes, plot: Several) -> None:
    notes = [plot.x_note] if plot.x_note else []
    notes += [f"{plot.not_drawn} more not drawn"] if plot.not_drawn else []
    axes.set_xlabel("base learning rate" + (f"\n({'; '.join(notes)})" if notes else ""))
    rates = [rate for one in plot.trainings for rate in one.rates]
    points = [point for one in plot.trainings for point in one.points]
    draw_rate_axis(axes, rates)
    if not points:
        axes.set_yticks([])
        style.say_instead(axes, "no feasible learning rate")
        return
    name_objective(axes, plot.objective, plot.n_seeds)
    values = [point.objective for point in points]
    log = is_log(points) or (min(values) > 0 and max(values) / min(values) > LOG_FROM)
    low, high = y_limits(points, log)
    band = _band(len(plot.trainings))
    if log:
        high = low * (high / low) ** (1 + band)
        style.make_log(axes, "y", low, high)
    else:
        axes.set_ylim(low, low + (high - low) * (1 + band))
    if any(one.infeasible for one in plot.trainings):
        draw_band(axes, band)


def _band(n: int) -> float:
    """The height of the band of crosses of so many trainings."""
    return max(INFEASIBLE_BAND, BAND * n)


def _draw_training(axes: Axes, of: Training, pen: Pen, place: int, n: int) -> None:
    colour, marker = pen
    label: str | None = style.cut(of.label, LONGEST_LABEL)
    for line in of.lines or ((),):
        x, y = [point.learning_rate for point in line], [point.objective for point in line]
        axes.plot(x, y, marker=marker, color=colour, markeredgecolor="white", markersize=6, linewidth=1.4, label=label)
        label = None
    if n <= FEW:
        draw_ranges(axes, of.points, colour, _band(n))
    draw_rising(axes, of.unstable)
    for point in of.points:
        if point.learning_rate == of.best:
            axes.plot(
                point.learning_rate, point.objective, "*", color=colour, markeredgecolor=style.BLACK, markersize=16,
                zorder=5,
            )  # fmt: skip
    if of.infeasible:
        height = 1 - _band(n) * (place + 0.5) / n
        axes.plot(
            of.infeasible, [height] * len(of.infeasible), "x", transform=axes.get_xaxis_transform(), color=colour,
            markersize=6, markeredgewidth=1.8,
        )  # fmt: skip


def _draw_meanings(axes: Axes, plot: Several) -> None:
    """What the signs mean, once for all trainings."""
    stars = [number(one.best) for one in plot.trainings if one.best in [point.learning_rate for point in one.points]]
    if stars:
        axes.plot(
            [], [], "*", linestyle="", color="white", markeredgecolor=style.BLACK, markersize=12,
            label=f"lr* ({', '.join(stars)})" if len(plot.trainings) <= FEW else "lr* of each",
        )  # fmt: skip
    if any(one.unstable for one in plot.trainings):
        name_rising(axes)
    if any(one.infeasible for one in plot.trainings):
        axes.plot([], [], "x", color=style.GREY, markersize=6, markeredgewidth=1.8, label="infeasible (at the top)")
