"""Lines about runs that are being watched."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.robust import min_max_decimate
from lrdoctor.core.run import Run
from lrdoctor.reports.numbers import number, printable
from lrdoctor.reports.terminal import sparkline

Watched = Sequence[tuple[Run, str]]
"""Runs with the verdict on each so far."""
NOTHING = "watching: nothing to judge yet"
MOST_POINTS = 2000
"""Of a curve that is drawn in a line."""
FEWEST_COLUMNS = 8
"""Below which a curve says nothing."""


def heartbeat(runs: Watched) -> str:
    """`watching: a.csv at step 1200, loss 2.31, stable`; of several runs how many have which verdict as well."""
    if not runs:
        return NOTHING
    run, verdict = _newest(runs)
    head = f"watching: {run.name} {_where(run)}, {verdict}"
    if len(runs) == 1:
        return head
    counted = ", ".join(f"{n} {verdict}" for verdict, n in Counter(verdict for _, verdict in runs).most_common())
    return f"{head}; {len(runs)} runs: {counted}"


def live_line(runs: Watched, width: int | None = None) -> str:
    """The same for a terminal, with the curve of the loss as far as the line has room."""
    width = shutil.get_terminal_size().columns if width is None else width
    words = printable(heartbeat(runs))
    room = width - len(words) - 2
    if not runs or room < FEWEST_COLUMNS:
        return words[: width - 1]
    loss = _loss(_newest(runs)[0])
    if len(loss.finite) > MOST_POINTS:
        loss = min_max_decimate(loss.finite, MOST_POINTS)
    is_ascii = not (sys.stderr.encoding or "").lower().startswith("utf")
    return f"{words} {sparkline.draw(loss, sparkline.Axis.of(loss, room), ascii_only=is_ascii)}"


def _newest(runs: Watched) -> tuple[Run, str]:
    """The first unstable run, else the last one that was found."""
    return next((one for one in runs if one[1] == "unstable"), runs[-1])


def _loss(run: Run) -> Curve:
    return run.train_loss if len(run.train_loss) else run.val_loss


def _where(run: Run) -> str:
    loss = _loss(run)
    if not len(loss):
        return "without a loss"
    value = float(loss.value[-1])
    return f"at step {int(loss.step[-1])}, loss {number(value) if np.isfinite(value) else value}"
