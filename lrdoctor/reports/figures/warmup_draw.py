"""Figure 6 in ink: losses over learning rates, logarithmic; the rate that was asked for above the one reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrdoctor.core.curve import Curve
from lrdoctor.reports.figures import style
from lrdoctor.reports.figures.style import Draw
from lrdoctor.reports.figures.training_draw import PENS, Pen
from lrdoctor.reports.figures.warmup import WarmupCurves, WarmupTrace
from lrdoctor.reports.numbers import number

HEIGHTS = (2, 1)
"""Of the losses and of the learning rates."""
SECOND_INCHES = 3.4
"""What the panels of a second rate add to the height."""
LABEL_INCHES = 0.1
"""What a warmup adds to it as well, since the legend of two rates has one column."""
FEW_TICKS = 4
"""Labels of the learning rates' axis, which is low."""
OWN_PENS: tuple[Pen, ...] = ((style.BLACK, "P"), *PENS[1:])
"""The star is for lr*, which is not here."""
MARKERS = 6
"""Markers along a curve, evenly over the logarithm of the steps."""


def draw_warmup_curves(every: Sequence[WarmupCurves]) -> Draw:
    """The loss of each warmup over its learning rate: one strong smoothed line a warmup over its faint raw values, the
    other seeds thin behind it.

    Args:
        every: the rate that was asked for where no warmup holds there, and the rate that was reached.
    """

    def draw(figure: Figure) -> str:
        width, height = style.SIZE_INCHES
        steps = sorted({trace.warmup_steps for curves in every for trace in curves.traces})
        further = (SECOND_INCHES + LABEL_INCHES * len(steps)) * (len(every) - 1)
        figure.set_size_inches(width, height + further + 0.4)
        panels = figure.subplots(2 * len(every), 1, sharex=True, height_ratios=HEIGHTS * len(every))
        pens = {warmup: OWN_PENS[place % len(OWN_PENS)] for place, warmup in enumerate(steps)}
        titles: list[str] = []
        for losses, rates, curves in zip(panels[::2], panels[1::2], every, strict=True):
            titles.append(_draw_rate(losses, rates, curves, pens, is_first=not titles, is_alone=len(every) == 1))
        panels[-1].set_xlabel("update, counted from 1")
        _draw_legend(panels[0], every, pens)
        # two rates make long labels, of which only one fits beside another
        columns = 2 if len(every) == 1 else 1
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=columns)
        return "; ".join(titles)

    return draw


def _draw_rate(
    losses: Axes, rates: Axes, curves: WarmupCurves, pens: Mapping[int, Pen], *, is_first: bool, is_alone: bool
) -> str:
    """The two panels of one base rate; gives their title."""
    lines = _lines(curves, "" if is_alone else ": asked for, no warmup holds" if is_first else ": the rate reached")
    if is_first:
        title = style.set_title(losses, curves.name, *lines)
    else:
        losses.set_title("\n".join(lines))
        title = ". ".join(lines)
    losses.set_ylabel("training loss")
    rates.set_ylabel("learning\nrate")
    if not curves.traces:
        for axes in (losses, rates):
            axes.set_xticks([])
            axes.set_yticks([])
        style.say_instead(losses, "no trial could be judged")
        return title
    _draw_axes(losses, rates, curves)
    for place, trace in enumerate(curves.traces):
        _draw_trace(losses, rates, trace, pens[trace.warmup_steps], place, curves.high)
    return title


def _draw_legend(axes: Axes, every: Sequence[WarmupCurves], pens: Mapping[int, Pen]) -> None:
    """A warmup once, with how often it held at each of the rates."""
    for warmup, (colour, marker) in pens.items():
        held = []
        for curves in every:
            found = next((trace for trace in curves.traces if trace.warmup_steps == warmup), None)
            if found is not None:  # not every warmup is tried at both rates
                where = "" if len(every) == 1 else f" at {number(curves.base_learning_rate)}"
                held.append(f"{found.n_held} of {found.n_judged}{where}")
        words = f"{warmup} step{'' if warmup == 1 else 's'}: holds in {', '.join(held)}"
        axes.plot([], [], color=colour, marker=marker, markersize=6, markeredgecolor="white", label=words)
    traces = [trace for curves in every for trace in curves.traces]
    if any(trace.others for trace in traces):
        axes.plot([], [], color=style.GREY, linewidth=0.6, alpha=0.6, label="other seeds, smoothed")
    if any(trace.ends_non_finite for trace in traces):
        axes.plot([], [], "X", linestyle="", color=style.GREY, markersize=8, label="ends non-finite")


def _lines(curves: WarmupCurves, what: str) -> list[str]:
    notes = [f"axis ends at {number(curves.high)}"] if curves.cut_above else []
    notes += [f"{curves.not_drawn} more not drawn"] if curves.not_drawn else []
    return [f"warmup to {number(curves.base_learning_rate)}{what}", *(["; ".join(notes)] if notes else [])]


def _draw_axes(losses: Axes, rates: Axes, curves: WarmupCurves) -> None:
    last = max(int(curve.step[-1]) for trace in curves.traces for curve in (trace.loss, *trace.others))
    # a negative loss has no logarithm
    style.set_values(losses, curves.low, curves.high, log=curves.high > curves.low > 0)
    lowest = min((float(t.learning_rate.value.min()) for t in curves.traces if len(t.learning_rate)), default=1.0)
    top = max(curves.base_learning_rate, lowest)
    style.make_log(rates, "y", lowest / 1.5, top * 1.5, FEW_TICKS)
    style.make_log(losses, "x", 0.9, max(last, 2) * 1.1)


def _draw_trace(losses: Axes, rates: Axes, trace: WarmupTrace, pen: Pen, place: int, high: float) -> None:
    """Markers on the strong line tell the warmups apart without colour; `place` staggers them."""
    colour, marker = pen
    losses.plot(trace.loss.step, trace.loss.value, color=colour, linewidth=0.5, alpha=0.3, zorder=2)
    for curve in trace.others:
        losses.plot(curve.step, curve.value, color=colour, linewidth=0.6, alpha=0.45, zorder=2)
    look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 6, "markeredgecolor": "white"}
    width = 1.8 if trace.holds else 1.2
    line = trace.smoothed
    dots = _marked(line, place / len(OWN_PENS))
    losses.plot(line.step, line.value, markevery=dots, linewidth=width, zorder=3, **look)
    if trace.ends_non_finite:
        end = (int(trace.loss.step[-1]), min(float(trace.loss.value[-1]), high))
        losses.plot(*end, "X", color=colour, markeredgecolor="white", markersize=9, zorder=6)
    rates.plot(trace.learning_rate.step, trace.learning_rate.value, color=colour, linewidth=width)


def _marked(curve: Curve, offset: float) -> list[int]:
    """Indices of the points to mark; `offset`, in distances between two marks, keeps those of two curves apart."""
    last = float(curve.step[-1])
    at = [last ** ((i + offset) / MARKERS) for i in range(MARKERS)]
    return sorted({int(i) for i in np.searchsorted(curve.step, at)})
