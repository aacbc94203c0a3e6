"""Figure 7b in ink."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrdoctor.reports.figures import style
from lrdoctor.reports.figures.style import Draw
from lrdoctor.reports.figures.training import RateTraces, TrainingCurves
from lrdoctor.reports.numbers import multiple, number

Pen = tuple[str, str]
PENS: tuple[Pen, ...] = (
    (style.BLACK, "*"),
    (style.SKY, "o"),
    (style.ORANGE, "s"),
    (style.GREEN, "D"),
    (style.VERMILION, "^"),
    (style.PURPLE, "v"),
)
"""Colour and marker; lr* takes the first. Dashes would drown in the noise of a raw loss."""
MARKERS = 6
"""Markers along a curve: enough to tell it from the others without colour."""
MARGIN = 0.05
"""Part of the axis kept free on each side."""


def draw_training_curves(curves: TrainingCurves) -> Draw:
    """One strong line a rate, the other seeds faint behind it, a cross where a training broke."""

    def draw(figure: Figure) -> str:
        axes = figure.add_subplot()
        axes.set_xlabel("step (optimizer updates)")
        end = f"; axis ends at {number(curves.high)}" if curves.cut_above else ""
        title = style.set_title(axes, curves.name, f"training loss at lr* and above{end}")
        if curves.missing:
            axes.set_xticks([])
            axes.set_yticks([])
            style.say_instead(axes, curves.missing)
            return f"{title}: {curves.missing}"
        axes.set_ylabel("training loss")
        _draw_value_axis(axes, curves)
        for place, (rate, pen) in enumerate(zip(curves.rates, PENS, strict=False)):
            _draw_rate(axes, rate, pen, place)
        _draw_other_seeds(axes, curves)
        _draw_breaks(axes, curves)
        figure.legend(loc="outside lower center", ncols=2)
        return title

    return draw


def _draw_value_axis(axes: Axes, curves: TrainingCurves) -> None:
    low, high = curves.low, curves.high
    if curves.log_y:
        room = (high / low) ** MARGIN
        style.make_log(axes, "y", low / room, high * room)
    else:
        room = MARGIN * (high - low) or abs(high) or 1.0
        axes.set_ylim(low - room, high + room)


def _draw_rate(axes: Axes, rate: RateTraces, pen: Pen, place: int) -> None:
    """A strong line with markers on top of every line; `place` staggers the markers of the rates."""
    colour, marker = pen
    for trace in rate.others:
        axes.plot(trace.curve.step, trace.curve.value, color=colour, linewidth=0.5, alpha=0.3, zorder=2)
    best, curve = rate.multiple == 1, rate.median.curve
    look: dict[str, Any] = {"color": colour, "linewidth": 1.3 if best else 0.9}
    axes.plot(curve.step, curve.value, zorder=3, **look)
    every = max(len(curve) // MARKERS, 1)
    where = slice(min(place * every // len(PENS), len(curve) - 1), None, every)
    dots: dict[str, Any] = {"marker": marker, "markersize": 9 if best else 6, "markeredgecolor": "white"}
    axes.plot(curve.step[where], curve.value[where], linestyle="", color=colour, zorder=4, **dots)
    label = "lr*" if best else f"{multiple(rate.multiple)} lr*"
    axes.plot([], [], label=f"{number(rate.learning_rate)} = {label}", **look, **dots)


def _draw_breaks(axes: Axes, curves: TrainingCurves) -> None:
    """A cross at the last finite value, on the upper edge when that is beyond it."""
    label = "ends non-finite"
    for rate, (colour, _) in zip(curves.rates, PENS, strict=False):
        for trace in (rate.median, *rate.others):
            if trace.break_at is None:
                continue
            size, height = (9.0, 6) if trace is rate.median else (5.0, 5)
            step, value = trace.break_at[0], min(trace.break_at[1], curves.high)
            axes.plot(step, value, "X", color=colour, markeredgecolor="white", markersize=size, zorder=height)
            if label:
                axes.plot([], [], "X", color=style.GREY, markersize=8, label=label)
                label = ""


def _draw_other_seeds(axes: Axes, curves: TrainingCurves) -> None:
    if any(rate.others for rate in curves.rates):
        axes.plot([], [], color=style.GREY, linewidth=0.6, alpha=0.6, label="other seeds")
