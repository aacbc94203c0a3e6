"""What the figures of objectives against learning rates (4, 7a and 8) have in common, in ink."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lrdoctor.core.study import Objective
from lrdoctor.reports.figures import style
from lrdoctor.reports.figures.objective import INFEASIBLE_BAND, Point

OBJECTIVE_WORDS: dict[Objective, str] = {
    "best_val_loss": "best validation loss",
    "best_train_loss": "best training loss",
}


def draw_rate_axis(axes: Axes, rates: Sequence[float]) -> None:
    """A logarithmic axis of the learning rates, without ticks where there are none."""
    if not rates:
        axes.set_xticks([])
        return
    # half a decade beside a single rate, otherwise room for a marker on each side
    pad = (max(rates) / min(rates)) ** 0.06 if max(rates) > min(rates) else 10**0.5
    style.make_log(axes, "x", min(rates) / pad, max(rates) * pad)


def name_objective(axes: Axes, objective: Objective, n_seeds: int) -> None:
    seeds = "1 seed" if n_seeds == 1 else f"median of up to {n_seeds} seeds"
    axes.set_ylabel(f"{OBJECTIVE_WORDS[objective]}\n({seeds})")


def draw_band(axes: Axes, band: float = INFEASIBLE_BAND) -> None:
    """The part at the top, as a share of the height, in which infeasible rates are crosses."""
    axes.add_patch(Rectangle((0.0, 1 - band), 1, band, transform=axes.transAxes, color="#F4F4F4", zorder=0))


def below_band(axes: Axes, band: float = INFEASIBLE_BAND) -> float:
    """The objective at the lower edge of the band."""
    height: float = axes.transData.inverted().transform(axes.transAxes.transform((0.0, 1 - band)))[1]
    return height


def draw_ranges(axes: Axes, points: Sequence[Point], colour: str, band: float = INFEASIBLE_BAND) -> None:
    """The range over the seeds, up to the band where a seed is infeasible."""
    bottom, ceiling = axes.get_ylim()[0], below_band(axes, band)
    for point in points:
        low, high = max(point.low, bottom), ceiling if math.isinf(point.high) else point.high
        axes.plot([point.learning_rate] * 2, [low, high], "_-", color=colour, linewidth=1.0, alpha=0.6, zorder=1)


def draw_rising(axes: Axes, points: Sequence[Point]) -> None:
    """Crosses over feasible rates at which most seeds rise and come back."""
    if points:
        x, y = [point.learning_rate for point in points], [point.objective for point in points]
        axes.plot(x, y, "x", color=style.BLACK, markersize=9, markeredgewidth=1.6, zorder=6)


def name_rising(axes: Axes) -> None:
    """What those crosses mean, for the legend."""
    axes.plot([], [], "x", color=style.BLACK, markersize=8, markeredgewidth=1.6, label="unstable: rises, comes back")
