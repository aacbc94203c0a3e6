"""algoperf's measurements.csv: training rows (loss, grad_norm) and evaluation rows in one table, written by pandas.

pandas writes nan as an empty cell. Rows of bare commas after the last loss are therefore losses that were nan: an
evaluation row, the other reason for an empty loss, has other cells filled.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lrdoctor.logs.base import Column, Table
from lrdoctor.logs.cells import Cells

NAME = "algoperf measurements"
MARKS = frozenset({"global_step", "loss", "accumulated_submission_time"})
STEP, WRITTEN = "global_step", ("loss", "grad_norm")


def fits(cells: Cells) -> bool:
    return set(cells.columns) >= MARKS


def tables(cells: Cells, source: str) -> Iterator[Table]:
    others = [column.logged for name, column in cells.columns.items() if name != STEP]
    bare = cells.columns[STEP].logged & ~np.logical_or.reduce(others)
    columns = dict(cells.columns)
    for name in WRITTEN:
        if name in columns:
            columns[name] = Column(columns[name].value, columns[name].logged | bare)
    n = int(bare.sum())
    note = f"{n} rows hold nothing but their step: the loss was nan, written as an empty cell" if n else None
    yield Table("", columns, {"nan_is_empty": True, **({"notes": (note,)} if note else {})})
