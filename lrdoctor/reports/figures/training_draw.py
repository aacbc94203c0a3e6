"""Figure 7b in ink."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrdoctor.reports.figures import style
from lrdoctor.reports.figures.style import Draw
from lrdoctor.reports.figures.training import RateTraces, Trace, TrainingCurves
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
PANEL_INCHES = 1.35
"""Height of the panel of one rate."""


def draw_training_curves(curves: TrainingCurves) -> Draw:
    """A panel a rate over the same axes: the smoothed loss over the faint raw one, the other seeds behind it, a cross
    where a training broke."""

    def draw(figure: Figure) -> str:
        end = f"; axis ends at {number(curves.high)}" if curves.cut_above else ""
        has_best = not curves.rates or curves.rates[0].multiple is not None
        words = f"training loss at {'lr* and above' if has_best else 'rates of which none is feasible'}{end}"
        if curves.missing:
            axes = figure.add_subplot()
            title = style.set_title(axes, curves.name, words)
            axes.set_xticks([])
            axes.set_yticks([])
            style.say_instead(axes, curves.missing)
            return f"{title}: {curves.missing}"
        figure.set_size_inches(style.SIZE_INCHES[0], 1.5 + PANEL_INCHES * len(curves.rates))
        panels = figure.subplots(len(curves.rates), 1, sharex=True, squeeze=False)[:, 0]
        # an empty line keeps the figure's title from that of its first panel
        style.set_title(panels[0], curves.name, words, "", _name(curves.rates[0]))
        for place, (axes, rate) in enumerate(zip(panels, curves.rates, strict=True)):
            style.set_values(axes, curves.low, curves.high, log=curves.log_y)
            if place:
                axes.set_title(_name(rate))
            _draw_rate(axes, rate, PENS[place % len(PENS)][0], curves.high)
        panels[-1].set_xlabel("step (optimizer updates)")
        figure.supylabel("training loss", fontsize="medium")
        _draw_meanings(panels[0], curves)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        return style.in_words(curves.name, words)

    return draw


def _draw_rate(axes: Axes, rate: RateTraces, colour: str, high: float) -> None:
    for trace in rate.others:
        axes.plot(trace.smoothed.step, trace.smoothed.value, color=colour, linewidth=0.7, alpha=0.5, zorder=3)
        _draw_break(axes, trace, colour, high, 5.0)
    axes.plot(rate.median.curve.step, rate.median.curve.value, color=colour, linewidth=0.6, alpha=0.35, zorder=2)
    axes.plot(rate.median.smoothed.step, rate.median.smoothed.value, color=colour, linewidth=1.8, zorder=4)
    _draw_break(axes, rate.median, colour, high, 9.0)


def _name(rate: RateTraces) -> str:
    """`0.02 = 2x lr*`, over the panel of the rate."""
    words = "" if rate.multiple is None else " = lr*" if rate.multiple == 1 else f" = {multiple(rate.multiple)} lr*"
    return f"{number(rate.learning_rate)}{words}"


def _draw_break(axes: Axes, trace: Trace, colour: str, high: float, size: float) -> None:
    """A cross at the last finite value, on the upper edge when that is beyond it."""
    if trace.break_at is not None:
        step, value = trace.break_at[0], min(trace.break_at[1], high)
        axes.plot(step, value, "X", color=colour, markeredgecolor="white", markersize=size, zorder=6, clip_on=False)


def _draw_meanings(axes: Axes, curves: TrainingCurves) -> None:
    """What the strokes mean, once for all panels."""
    seeds = any(rate.others for rate in curves.rates)
    axes.plot([], [], color=style.BLACK, linewidth=1.8, label="median seed, smoothed" if seeds else "smoothed")
    axes.plot([], [], color=style.GREY, linewidth=0.6, alpha=0.6, label="its raw values" if seeds else "raw values")
    if seeds:
        axes.plot([], [], color=style.GREY, linewidth=0.9, label="other seeds, smoothed")
    if any(trace.break_at for rate in curves.rates for trace in (rate.median, *rate.others)):
        axes.plot([], [], "X", linestyle="", color=style.GREY, markersize=8, label="ends non-finite")
