"""Ultralytics' results.csv: one row an epoch, the training loss in parts (box, class, distribution focal loss, ...).

The parts are written as they enter the loss, already weighted, so their sum is what was minimised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from lrdoctor.logs.base import Column, Table
from lrdoctor.logs.cells import Cells

NAME = "ultralytics"
PART = re.compile(r"^(train|val)/(box|cls|dfl|obj|seg|sem|pose|kobj|rle|angle)(?:_loss|_om|_ol|_oo)?$")
NEEDED = {"train/box", "train/cls"}


def _parts(names: Mapping[str, Column], which: str) -> list[str]:
    return [name for name in names if (m := PART.match(name)) and m.group(1) == which]


def fits(cells: Cells) -> bool:
    found = {"/".join(m.groups()[:2]) for name in cells.columns if (m := PART.match(name))}
    return found >= NEEDED and "epoch" in cells.columns


def tables(cells: Cells, source: str) -> Iterator[Table]:
    columns = dict(cells.columns)
    for which, name in (("train", "train_loss"), ("val", "val_loss")):
        parts = _parts(columns, which)
        if parts and name not in columns:
            columns[" + ".join(parts) if which == "train" else name] = _sum([columns[part] for part in parts])
    total = " + ".join(_parts(cells.columns, "train"))
    yield Table("", columns, {"averaged": "epoch", "loss_column": total})


def _sum(parts: list[Column]) -> Column:
    """The sum where every part was logged."""
    logged = np.logical_and.reduce([part.logged for part in parts])
    value = np.sum([part.value for part in parts], axis=0)
    return Column(np.where(logged, value, np.nan), logged)
