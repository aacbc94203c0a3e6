"""Figure 5 in ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrdoctor.reports.figures import style
from lrdoctor.reports.figures.probe import Panel, ProbePlot, Trace
from lrdoctor.reports.figures.style import Draw
from lrdoctor.reports.numbers import number

SIZE_INCHES = (8.6, 4.4)
"""Two panels side by side."""


def draw_probe(plot: ProbePlot) -> Draw:
    """Every step as a line, what the schedule sees as joined squares; the other seeds faint behind."""

    def draw(figure: Figure) -> str:
        width, height = SIZE_INCHES
        figure.set_size_inches(width, height if plot.whole is None else 1.75 * height)
        grid = figure.subplots(1 if plot.whole is None else 2, 2, squeeze=False)
        left = grid[0][0]
        # a title a loss, so that neither panel is named by the other's
        title = style.set_title(left, plot.name, plot.headline, f"training loss, {_steps(plot)}")
        grid[0][1].set_title(f"evaluation loss, {_steps(plot)}")
        for axes, panel in zip(grid[0], plot.panels, strict=True):
            _draw_panel(axes, panel, plot, plot.n_shown)
        for axes, panel in zip(grid[1] if plot.whole else (), plot.whole or (), strict=True):
            _draw_panel(axes, panel, plot, plot.n_whole)
            axes.set_title(f"the whole run, {plot.n_whole} steps")
        if any(panel.median for panel in plot.panels):
            _draw_legend(figure, left, plot)
        return f"{title}: losses at every step and every {plot.eval_every} steps"

    return draw


PANEL_INCHES = (3.8, 2.7)
"""Of a loss of one study, where several stand beside each other."""
WIDEST_TITLE = 34
"""Characters over one of them."""


def draw_probes(plots: Sequence[ProbePlot]) -> Draw:
    """Several short runs beside each other, a column each: the training losses in the upper row, the evaluation below,
    on one axis a row."""

    def draw(figure: Figure) -> str:
        figure.set_size_inches(PANEL_INCHES[0] * len(plots), 0.9 + 2 * PANEL_INCHES[1])
        grid = figure.subplots(2, len(plots), squeeze=False)
        for row in (0, 1):
            shared = _shared([plot.panels[row] for plot in plots])
            for column, (plot, panel) in enumerate(zip(plots, shared, strict=True)):
                axes = grid[row][column]
                _draw_panel(axes, panel, plot, plot.n_shown)
                axes.set_xlabel("step (optimizer updates)" if row else "")
                if not row:
                    axes.set_title(f"{style.cut(plot.name, WIDEST_TITLE)}\n{plot.headline}")
        if any(panel.median for plot in plots for panel in plot.panels):
            _draw_legend(figure, grid[0][0], plots[0])
        names = ", ".join(f"{plot.name} at {plot.headline}" for plot in plots)
        return f"losses at every step and as the ordinary schedule sees them: {names}"

    return draw


def _shared(panels: Sequence[Panel]) -> list[Panel]:
    """The panels with the value axis that all of them fit on."""
    there = [panel for panel in panels if panel.median is not None]
    if not there:
        return list(panels)
    low, high = min(panel.low for panel in there), max(panel.high for panel in there)
    log = low > 0 and any(panel.log_y for panel in there)
    cut = any(panel.cut_above for panel in there)
    return [replace(panel, log_y=log, low=low, high=high, cut_above=cut) for panel in panels]


def _steps(plot: ProbePlot) -> str:
    return f"all {plot.n_shown} steps" if plot.whole is None else f"first {plot.n_shown} steps"


def _draw_panel(axes: Axes, panel: Panel, plot: ProbePlot, n_steps: int) -> None:
    axes.set_xlabel("step (optimizer updates)")
    axes.set_ylabel(panel.label + (f"\n(axis ends at {number(panel.high)})" if panel.cut_above else ""))
    if panel.median is None:
        axes.set_xticks([])
        axes.set_yticks([])
        style.say_instead(axes, panel.missing)
        return
    style.set_values(axes, panel.low, panel.high, log=panel.log_y)
    axes.set_xlim(-style.MARGIN * n_steps, (1 + style.MARGIN) * n_steps)
    for trace in panel.others:
        axes.plot(trace.every.step, trace.every.value, color=style.BLUE, linewidth=0.6, alpha=0.35, zorder=2)
        _draw_scheduled(axes, trace, 0.35)
    axes.plot(panel.median.every.step, panel.median.every.value, color=style.BLUE, linewidth=1.3, zorder=4)
    _draw_scheduled(axes, panel.median, 1.0)


def _draw_scheduled(axes: Axes, trace: Trace, alpha: float) -> None:
    strong = alpha == 1
    axes.plot(
        trace.scheduled.step,
        trace.scheduled.value,
        color=style.VERMILION,
        alpha=alpha,
        linewidth=1.3 if strong else 0.6,
        linestyle="--",
        # a square for each evaluation of each seed would be most of the file
        marker="s" if strong else None,
        markersize=6,
        zorder=5 if strong else 3,
    )


def _draw_legend(figure: Figure, axes: Axes, plot: ProbePlot) -> None:
    steps = "at every step" if plot.eval_every == 1 else f"every {plot.eval_every} steps, as an ordinary schedule looks"
    axes.plot([], [], color=style.BLUE, linewidth=1.3, label="at every step")
    axes.plot([], [], color=style.VERMILION, linestyle="--", marker="s", label=steps)
    if any(panel.others for panel in plot.panels):
        axes.plot([], [], color=style.GREY, linewidth=0.6, label="other seeds")
    figure.legend(loc="outside lower center", ncols=3)
