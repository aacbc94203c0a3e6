"""What a table of cells can be shaped like. The first shape that fits is taken; the last one fits everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from lrdoctor.logs.base import Table
from lrdoctor.logs.cells import Cells
from lrdoctor.logs.shapes import (
    long_format,
    measurements,
    plain,
    run_column,
    run_columns,
    tensorboard_csv,
    ultralytics,
    wandb_export,
    wandb_runs,
)


class Shape(Protocol):
    """A module of this folder."""

    NAME: str
    """What provenance calls it."""

    def fits(self, cells: Cells) -> bool:
        """Whether the cells have this shape, by their columns' names."""

    def tables(self, cells: Cells, source: str) -> Iterator[Table]:
        """The tables that the cells of `source` hold."""


SHAPES: tuple[Shape, ...] = (
    wandb_export,
    wandb_runs,
    tensorboard_csv,
    long_format,
    run_column,
    measurements,
    ultralytics,
    run_columns,
    plain,
)
