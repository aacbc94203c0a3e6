"""Figure 9 in ink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrdoctor.core.curve import Curve
from lrdoctor.reports.figures import style
from lrdoctor.reports.figures.norms import Mark, NormPlot, Unstable
from lrdoctor.reports.figures.style import Draw
from lrdoctor.reports.numbers import number

COLOURS = (style.BLUE, style.SKY, style.GREEN, style.PURPLE, style.BLACK)
"""One a seed; more seeds share the first one."""
DASHES: tuple[str, ...] = ("-", "--")
"""The first threshold, and the one that came out best."""
ROOM = 1.15
"""Factor between the outermost norms and the ends of the axis."""


LONGEST_TITLE = 52
"""Characters of a title that fit over the axes."""
PANEL_INCHES = 2.5
"""Height of a panel where there are two."""


def draw_norms_by_step(plot: NormPlot) -> Draw:
    """The norm at every step on a logarithmic axis, a line a seed, thresholds across; the first unstable rate below."""

    def draw(figure: Figure) -> str:
        every = _panels(figure, plot)
        pens = _pens({*plot.seeds, *(plot.unstable.seeds if plot.unstable is not None else ())})
        _draw_curves(every[0], plot, plot.seeds, plot.curves, pens)
        words = _title(every[0], plot)
        if plot.unstable is not None:
            _draw_curves(every[1], plot, plot.unstable.seeds, plot.unstable.curves, pens)
            every[1].set_title(_unstable_title(plot, plot.unstable))
            words = f"{words}; {_unstable_title(plot, plot.unstable)}"
        every[-1].set_xlabel("step (optimizer updates)" + _not_drawn(plot))
        lines = {label: line for axes in every for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        of_seeds = {label: lines[label] for _, label in pens.values()}
        named = of_seeds | lines  # the seeds of both panels before the thresholds
        figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=2)
        return words

    return draw


def _panels(figure: Figure, plot: NormPlot) -> list[Axes]:
    """One under the other: lr*, and the first unstable rate where there is one."""
    if plot.unstable is None:
        return [figure.add_subplot()]
    figure.set_size_inches(style.SIZE_INCHES[0], 1.4 + 2 * PANEL_INCHES)
    return list(figure.subplots(2, 1))


Pens = Mapping[int, tuple[str, str]]
"""Seed -> colour of its line and what the legend says of it."""


def _pens(seeds: Set[int]) -> Pens:
    """The same for a seed in every panel; with more seeds than colours all lines are alike."""
    if len(seeds) > len(COLOURS):
        return dict.fromkeys(seeds, (COLOURS[0], "a line a seed"))
    return {seed: (colour, f"seed {seed}") for seed, colour in zip(sorted(seeds), COLOURS, strict=False)}


def _draw_curves(axes: Axes, plot: NormPlot, seeds: Sequence[int], curves: Sequence[Curve], pens: Pens) -> None:
    axes.set_ylabel("gradient norm" + (" before clipping" if plot.unstable is None else ""))
    style.make_log(axes, "y", plot.low / ROOM, plot.high * ROOM)
    for seed, curve in zip(seeds, curves, strict=True):
        colour, label = pens[seed]
        axes.plot(curve.step, np.minimum(curve.value, plot.high), color=colour, linewidth=0.8, label=label)
    for mark, dash in zip(plot.marks, DASHES, strict=False):
        axes.axhline(
            mark.clip_norm, color=style.VERMILION, linestyle=dash, label=_label(mark, len(plot.seeds)), zorder=4
        )


def draw_norm_histogram(plot: NormPlot) -> Draw:
    """How many updates had which norm; bars beyond the first threshold, which would be clipped, stand out."""

    def draw(figure: Figure) -> str:
        every = _panels(figure, plot)
        _draw_bars(every[0], plot, plot.counts, len(plot.seeds))
        words = _title(every[0], plot)
        if plot.unstable is not None:
            _draw_bars(every[1], plot, plot.unstable.counts, len(plot.unstable.seeds))
            every[1].set_title(_unstable_title(plot, plot.unstable))
            words = f"{words}; {_unstable_title(plot, plot.unstable)}"
        every[-1].set_xlabel("gradient norm before clipping" + _not_drawn(plot))
        figure.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=1)
        return words

    return draw


def _draw_bars(axes: Axes, plot: NormPlot, counts: Sequence[int], n_seeds: int) -> None:
    style.make_log(axes, "x", plot.low, plot.high)
    axes.set_ylabel(f"updates, of {_seeds(n_seeds)}")
    limit = plot.marks[0].clip_norm
    below = [left < limit * (1 - 1e-9) for left in plot.edges[:-1]]
    _bars(axes, plot, counts, below, style.BLUE, "clipping would leave these")
    _bars(axes, plot, counts, [not is_below for is_below in below], style.ORANGE, "clipping would scale these down")
    for mark, dash in zip(plot.marks, DASHES, strict=False):
        axes.axvline(
            mark.clip_norm, color=style.VERMILION, linestyle=dash, label=_label(mark, len(plot.seeds)), zorder=4
        )


def _bars(axes: Axes, plot: NormPlot, counts: Sequence[int], wanted: list[bool], colour: str, label: str) -> None:
    if any(wanted):  # one outline for all bars, which is a tenth of the file that a rectangle each would make
        heights = [count if want else 0 for count, want in zip(counts, wanted, strict=True)]
        axes.stairs(heights, plot.edges, fill=True, color=colour, label=label)


def _label(mark: Mark, n_seeds: int) -> str:
    if mark.percentile < 1:  # thresholds below the median may lie below nearly all norms
        return f"{number(mark.clip_norm)}, below nearly all norms"
    # the part of all norms that is above it is another one than of the seed whose percentile it is
    return f"{number(mark.clip_norm)}, {mark.percentile:.3g}th percentile{' of the median seed' if n_seeds > 1 else ''}"


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"


def _not_drawn(plot: NormPlot) -> str:
    notes = [f"{plot.not_drawn} norms of 0 are not drawn"] if plot.not_drawn else []
    if plot.unstable is not None and plot.unstable.cut_above:
        notes.append(f"the axis ends at {number(plot.high)}")
    return f"\n({'; '.join(notes)})" if notes else ""


def _title(axes: Axes, plot: NormPlot) -> str:
    first = plot.marks[0]
    where, share = f"gradient norms at {plot.rate_in_words}", f"{100 * first.share:.3g} % above {first.clip_norm:.4g}"
    fits = len(where) + len(share) < LONGEST_TITLE
    return style.set_title(axes, plot.name, *([f"{where}; {share}"] if fits else [where, share]))


def _unstable_title(plot: NormPlot, of: Unstable) -> str:
    return f"at {number(of.learning_rate)}, the first unstable rate; {100 * of.share:.3g} % above"
