"""W&B's chart export: `Step`, then `<run> - <metric>` with its `__MIN` and `__MAX`, for every run in the chart.

The chart is what is exported, so long runs are thinned out: W&B draws at most a few hundred to a few thousand points.
Rows of other runs are blank cells.
"""

from __future__ import annotations

from collections.abc import Iterator

from lrdoctor.logs.base import Column, Table
from lrdoctor.logs.cells import Cells

NAME = "wandb chart export"

X_AXES = ("step", "relative time (wall)", "relative time (process)", "wall time", "_step", "trainer/global_step")
BETWEEN = " - "
RANGES = ("__MIN", "__MAX")
SAMPLED = "a W&B chart export: long runs are thinned out"


def fits(cells: Cells) -> bool:
    """Every column but the first is a run's metric, or the range of one."""
    names = list(cells.columns)
    return (
        len(names) > 1
        and (names[0].lower() in X_AXES or any(name.endswith(RANGES) for name in names))
        and all(BETWEEN in name for name in names[1:])
    )


def tables(cells: Cells, source: str) -> Iterator[Table]:
    x, *others = cells.columns
    runs: dict[str, dict[str, Column]] = {}
    ranges = [name for name in others if name.endswith(RANGES)]
    for name in others:
        if not name.endswith(RANGES) and cells.columns[name].logged.any():
            run, _, metric = name.rpartition(BETWEEN)
            runs.setdefault(run, {})[metric] = cells.columns[name]
    left_out = {f"{len(ranges)} columns __MIN and __MAX": "the range of the points that a drawn point stands for"}
    for run, columns in runs.items():
        # a metric called as the x axis, such as `_step`, is there once for every run
        own = {metric: column for metric, column in columns.items() if metric != x}
        yield Table(run, {x: cells.columns[x], **own}, {"sampled": SAMPLED}, left_out if ranges else {})
