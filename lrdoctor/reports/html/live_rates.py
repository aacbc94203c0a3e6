"""Figure 7a of a study that still runs: the best loss of every finished trial of the sweep, by its learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.reports.html.figures import Figure
from lrdoctor.reports.html.plot import Axis, path, text, ticks
from lrdoctor.reports.html.svg import tenth
from lrdoctor.reports.numbers import number

SWEEP = "sweep"
"""The procedure of the trials that are drawn: those of the fixes are trained otherwise."""
WIDTH, HEIGHT = 400.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 8.0, 18.0, 34.0
ROOM = 1.15
"""Factor by which the axis of the rates goes beyond the lowest and the highest one, so that no point is on the rim."""

Point = tuple[float, float]


def rates_figure(id_: str, done: Sequence[Run]) -> Figure | None:
    """A dot for every finished trial, a cross at the rim for one that did not come to its end.

    No verdict: judging takes all seeds of a rate and the controls, and waits for the end of the sweep.

    Args:
        id_: of the figure on the page.
        done: finished trials, of any procedure.

    Returns:
        None where no trial of the sweep has a finite loss to draw.
    """
    swept = [(run.trial.base_learning_rate, run) for run in done if run.trial and run.trial.procedure == SWEEP]
    reached = [(lr, best_loss(run)) for lr, run in swept if run.status == "completed"]
    points = [(lr, loss) for lr, loss in reached if math.isfinite(loss)]
    if not points:
        return None
    broken = [lr for lr, run in swept if run.status == "diverged"]
    rates, losses = [*(lr for lr, _ in points), *broken], [loss for _, loss in points]
    across = Axis(min(rates) / ROOM, max(rates) * ROOM, LEFT, WIDTH - RIGHT, is_log=True)
    low, high = min(losses), max(losses)
    rim = (high - low or abs(high) or 1.0) * 0.05
    up = Axis(low - rim, high + rim, TOP + HEIGHT, TOP)
    title = f"Best loss by base learning rate so far: {len(points)} trials completed, {len(broken)} diverged (crosses)"
    lowest = min(points, key=lambda point: point[1])
    said = f"so far the lowest is {number(lowest[1])} at {number(lowest[0])}; nothing is judged before the sweep ends"
    box = f"0 0 {tenth(WIDTH)} {tenth(TOP + HEIGHT + BOTTOM)}"
    return Figure(id_, title, said, Markup("".join(_parts(across, up, points, broken))), box, "drawn")


def best_loss(run: Run) -> float:
    """The lowest validation loss, of a training without one the lowest training loss; nan where none is finite."""
    curve: Curve = (run.val_loss if len(run.val_loss) else run.train_loss).finite
    return float(curve.value.min()) if len(curve) else math.nan


def _parts(across: Axis, up: Axis, points: Sequence[Point], broken: Sequence[float]) -> Iterator[str]:
    for tick in ticks(up.low, up.high, is_log=False):
        y = tenth(up.at(tick))
        yield f'<path class="grid" d="M{tenth(LEFT)} {y}H{tenth(WIDTH - RIGHT)}"/>'
        yield text(LEFT - 5, up.at(tick) + 4, number(tick), "end")
    for tick in ticks(across.low, across.high, is_log=True):
        yield text(across.at(tick), TOP + HEIGHT + 14, number(tick), "middle")
    for lr, loss in points:
        yield f'<path class="line first dot" d="{path(iter([(across.at(lr), up.at(loss))]))}"/>'
    crosses = "".join(f"M{tenth(across.at(lr) - 3)} {tenth(up.end)}l6 6m0 -6l-6 6" for lr in broken)
    if crosses:
        yield f'<path class="cross" d="{crosses}"/>'
    yield text(LEFT, TOP - 7, "best loss", "start", "name")
    yield text((LEFT + WIDTH - RIGHT) / 2, TOP + HEIGHT + 28, "base learning rate", "middle", "name")
