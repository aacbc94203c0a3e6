"""Ultralytics' results.csv: one row an epoch, the training loss in parts (box, class, distribution focal loss, ...)."""

from __future__ import annotations

from collections.abc import Iterator

from lrdoctor.logs import sums
from lrdoctor.logs.base import Table
from lrdoctor.logs.cells import Cells

NAME = "ultralytics"


def fits(cells: Cells) -> bool:
    return sums.has_detection_parts(list(cells.columns)) and "epoch" in cells.columns


def tables(cells: Cells, source: str) -> Iterator[Table]:
    columns, total = sums.with_detection_losses(cells.columns)
    yield Table("", columns, {"averaged": "epoch", "loss_column": total})
