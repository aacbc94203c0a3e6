"""Figure 9 in ink."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrdoctor.reports.figures import style
from lrdoctor.reports.figures.norms import Mark, NormPlot
from lrdoctor.reports.figures.style import Draw
from lrdoctor.reports.numbers import number

COLOURS = (style.BLUE, style.SKY, style.GREEN, style.PURPLE, style.BLACK)
"""One a seed; more seeds share the first one."""
DASHES: tuple[str, ...] = ("-", "--")
"""The first threshold, and the one that came out best."""
ROOM = 1.15
"""Factor between the outermost norms and the ends of the axis."""


def draw_norms_by_step(plot: NormPlot) -> Draw:
    """The norm at every step on a logarithmic axis, a line a seed, thresholds across."""

    def draw(figure: Figure) -> str:
        axes = figure.add_subplot()
        axes.set_xlabel("step (optimizer updates)" + _not_drawn(plot))
        axes.set_ylabel("gradient norm before clipping")
        style.make_log(axes, "y", plot.low / ROOM, plot.high * ROOM)
        for i, (seed, curve) in enumerate(zip(plot.seeds, plot.curves, strict=True)):
            named = len(plot.seeds) <= len(COLOURS)
            label = f"seed {seed}" if named else "a line a seed" if i == 0 else "_"
            colour = COLOURS[i] if named else COLOURS[0]
            axes.plot(curve.step, curve.value, color=colour, linewidth=0.8, label=label)
        for mark, dash in zip(plot.marks, DASHES, strict=False):
            axes.axhline(mark.clip_norm, color=style.VERMILION, linestyle=dash, label=_label(mark), zorder=4)
        figure.legend(loc="outside lower center", ncols=2)
        return _title(axes, plot)

    return draw


def draw_norm_histogram(plot: NormPlot) -> Draw:
    """How many updates had which norm; bars beyond the first threshold, which would be clipped, stand out."""

    def draw(figure: Figure) -> str:
        axes = figure.add_subplot()
        style.make_log(axes, "x", plot.low, plot.high)
        axes.set_xlabel("gradient norm before clipping" + _not_drawn(plot))
        axes.set_ylabel(f"updates, of {_seeds(plot)}")
        limit = plot.marks[0].clip_norm
        _bars(axes, plot, [left < limit * (1 - 1e-9) for left in plot.edges[:-1]], style.BLUE, "left as they are")
        _bars(axes, plot, [left >= limit * (1 - 1e-9) for left in plot.edges[:-1]], style.ORANGE, "scaled down")
        for mark, dash in zip(plot.marks, DASHES, strict=False):
            axes.axvline(mark.clip_norm, color=style.VERMILION, linestyle=dash, label=_label(mark), zorder=4)
        figure.legend(loc="outside lower center", ncols=2)
        return _title(axes, plot)

    return draw


def _bars(axes: Axes, plot: NormPlot, wanted: list[bool], colour: str, label: str) -> None:
    bars = [(plot.edges[i], plot.edges[i + 1], plot.counts[i]) for i, want in enumerate(wanted) if want]
    if bars:
        left, right, counts = zip(*bars, strict=True)
        widths = [high - low for low, high in zip(left, right, strict=True)]
        axes.bar(left, counts, widths, align="edge", color=colour, edgecolor="white", linewidth=0.4, label=label)


def _label(mark: Mark) -> str:
    return f"{number(mark.clip_norm)}, {mark.percentile:g}th percentile"


def _seeds(plot: NormPlot) -> str:
    return "1 seed" if len(plot.seeds) == 1 else f"{len(plot.seeds)} seeds"


def _not_drawn(plot: NormPlot) -> str:
    return f"\n({plot.not_drawn} norms of 0 are not drawn)" if plot.not_drawn else ""


def _title(axes: Axes, plot: NormPlot) -> str:
    first = plot.marks[0]
    line = (
        f"gradient norms at lr* = {number(plot.learning_rate)}; {100 * first.share:.3g} % above {first.clip_norm:.4g}"
    )
    return style.set_title(axes, plot.name, line)
