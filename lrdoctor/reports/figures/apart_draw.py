"""The trainings at a low and at a high rate in ink: a panel a rate, smoothed lines over faint raw ones."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrdoctor.reports.figures import style
from lrdoctor.reports.figures.apart import Apart, RatePanel
from lrdoctor.reports.figures.several_draw import LONGEST_LABEL, PENS
from lrdoctor.reports.figures.style import Draw
from lrdoctor.reports.numbers import number

PANEL_INCHES = 2.6
"""Height of a panel."""


def draw_apart(plot: Apart) -> Draw:
    """One colour a training, the same in both panels."""

    def draw(figure: Figure) -> str:
        figure.set_size_inches(style.SIZE_INCHES[0], 1.2 + PANEL_INCHES * max(len(plot.panels), 1))
        if not plot.panels:
            axes = figure.add_subplot()
            axes.set_xticks([])
            axes.set_yticks([])
            style.say_instead(axes, "no training loss was recorded")
            return style.set_title(axes, plot.name, "training loss")
        every = figure.subplots(len(plot.panels), 1, squeeze=False)[:, 0]
        for axes, panel in zip(every, plot.panels, strict=True):
            _draw_panel(axes, panel)
        every[-1].set_xlabel("step (optimizer updates)")
        for place, label in enumerate(plot.labels[: len(PENS)]):
            every[0].plot([], [], color=PENS[place][0], linewidth=1.6, label=style.cut(label, LONGEST_LABEL))
        every[0].plot([], [], color=style.GREY, linewidth=0.6, label="raw values, and the other seeds smoothed")
        if any(line.break_at for panel in plot.panels for line in panel.lines):
            every[0].plot([], [], "X", linestyle="", color=style.GREY, markersize=8, label="ends non-finite")
        figure.legend(loc="outside lower center", ncols=1 if len(plot.labels) > 2 else 2)
        words = style.set_title(every[0], plot.name, *_title(plot.panels[0]))
        for axes, panel in zip(every[1:], plot.panels[1:], strict=True):
            axes.set_title("\n".join(_title(panel)))
        return f"{words}; {', '.join(panel.title for panel in plot.panels[1:])}" if len(plot.panels) > 1 else words

    return draw


def _title(panel: RatePanel) -> list[str]:
    end = f"; axis ends at {number(panel.high)}" if panel.cut_above else ""
    return [f"{panel.title}{end}"]


def _draw_panel(axes: Axes, panel: RatePanel) -> None:
    axes.set_ylabel("training loss")
    style.set_values(axes, panel.low, panel.high, log=panel.log_y)
    for line in panel.lines:
        colour = PENS[line.place % len(PENS)][0]
        axes.plot(line.raw.step, line.raw.value, color=colour, linewidth=0.6, alpha=0.35, zorder=2)
        for other in line.others:
            axes.plot(other.step, other.value, color=colour, linewidth=0.7, alpha=0.45, zorder=3)
        axes.plot(line.smoothed.step, line.smoothed.value, color=colour, linewidth=1.8, zorder=4)
        if line.break_at is not None:
            step, value = line.break_at[0], min(line.break_at[1], panel.high)
            axes.plot(step, value, "X", color=colour, markeredgecolor="white", markersize=9, zorder=6)
