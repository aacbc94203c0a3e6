"""Figure 6 in ink: two axes over one another, both logarithmic."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrdoctor.core.curve import Curve
from lrdoctor.reports.figures import style
from lrdoctor.reports.figures.style import Draw
from lrdoctor.reports.figures.training_ink import MARGIN, PENS, Pen
from lrdoctor.reports.figures.warmup import WarmupCurves, WarmupTrace
from lrdoctor.reports.numbers import number

HEIGHTS = (2, 1)
"""Of the losses and of the learning rates."""
OWN_PENS: tuple[Pen, ...] = ((style.BLACK, "P"), *PENS[1:])
"""The star is for lr*, which is not here."""
MARKERS = 6
"""Markers along a curve, evenly over the logarithm of the steps."""


def draw_warmup_curves(curves: WarmupCurves) -> Draw:
    """The loss of each warmup over its learning rate, one strong line a warmup, the other seeds faint behind it."""

    def draw(figure: Figure) -> str:
        losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=HEIGHTS)
        title = style.set_title(losses, curves.name, *_lines(curves))
        rates.set_xlabel("update, counted from 1")
        losses.set_ylabel("training loss")
        rates.set_ylabel("learning rate")
        if not curves.traces:
            for axes in (losses, rates):
                axes.set_xticks([])
                axes.set_yticks([])
            style.say_instead(losses, "no trial could be judged")
            return title
        _draw_axes(losses, rates, curves)
        for place, (trace, pen) in enumerate(zip(curves.traces, OWN_PENS, strict=False)):
            _draw_trace(losses, rates, trace, pen, place, curves.high)
        _draw_others(losses, curves)
        figure.legend(*losses.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        return title

    return draw


def _lines(curves: WarmupCurves) -> list[str]:
    notes = [f"axis ends at {number(curves.high)}"] if curves.cut_above else []
    notes += [f"{curves.not_drawn} more not drawn"] if curves.not_drawn else []
    return [f"warmup to {number(curves.base_learning_rate)}", *(["; ".join(notes)] if notes else [])]


def _draw_axes(losses: Axes, rates: Axes, curves: WarmupCurves) -> None:
    last = max(int(curve.step[-1]) for trace in curves.traces for curve in (trace.loss, *trace.others))
    low, high = curves.low, curves.high
    if low > 0 and high > low:
        room = (high / low) ** MARGIN
        style.make_log(losses, "y", low / room, high * room)
    else:  # a negative loss has no logarithm
        room = MARGIN * (high - low) or abs(high) or 1.0
        losses.set_ylim(low - room, high + room)
    lowest = min((float(t.learning_rate.value.min()) for t in curves.traces if len(t.learning_rate)), default=1.0)
    top = max(curves.base_learning_rate, lowest)
    style.make_log(rates, "y", lowest / 1.5, top * 1.5)
    style.make_log(losses, "x", 0.9, max(last, 2) * 1.1)


def _draw_trace(losses: Axes, rates: Axes, trace: WarmupTrace, pen: Pen, place: int, high: float) -> None:
    """Markers on the strong line tell the warmups apart without colour; `place` staggers them."""
    colour, marker = pen
    for curve in trace.others:
        losses.plot(curve.step, curve.value, color=colour, linewidth=0.5, alpha=0.3, zorder=2)
    steps = f"{trace.warmup_steps} step{'' if trace.warmup_steps == 1 else 's'}"
    label = f"{steps}: holds in {trace.n_held} of {trace.n_judged}"
    dots = _marked(trace.loss, place / len(OWN_PENS))
    look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 6, "markeredgecolor": "white"}
    width = 1.4 if trace.holds else 0.9
    losses.plot(trace.loss.step, trace.loss.value, markevery=dots, linewidth=width, zorder=3, label=label, **look)
    if trace.ends_non_finite:
        end = (int(trace.loss.step[-1]), min(float(trace.loss.value[-1]), high))
        losses.plot(*end, "X", color=colour, markeredgecolor="white", markersize=9, zorder=6)
    rates.plot(trace.learning_rate.step, trace.learning_rate.value, color=colour, linewidth=width)


def _marked(curve: Curve, offset: float) -> list[int]:
    """Indices of the points to mark; `offset`, in distances between two marks, keeps those of two curves apart."""
    last = float(curve.step[-1])
    at = [last ** ((i + offset) / MARKERS) for i in range(MARKERS)]
    return sorted({int(i) for i in np.searchsorted(curve.step, at)})


def _draw_others(losses: Axes, curves: WarmupCurves) -> None:
    if any(trace.others for trace in curves.traces):
        losses.plot([], [], color=style.GREY, linewidth=0.6, alpha=0.6, label="other seeds")
    if any(trace.ends_non_finite for trace in curves.traces):
        losses.plot([], [], "X", linestyle="", color=style.GREY, markersize=8, label="ends non-finite")
