"""A loss that is logged in parts alone: their sum is what was minimised."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from lrdoctor.logs.base import Column

DETECTION_PART = re.compile(r"^(train|val)/(box|cls|dfl|obj|seg|sem|pose|kobj|rle|angle)(?:_loss|_om|_ol|_oo)?$")
"""The parts of Ultralytics' models, which are written as they enter the loss, already weighted."""
NEEDED = frozenset({"train/box", "train/cls"})


def summed(parts: Sequence[Column]) -> Column:
    """The sum where every part was logged."""
    logged = np.logical_and.reduce([part.logged for part in parts])
    with np.errstate(invalid="ignore", over="ignore"):
        value = np.sum([part.value for part in parts], axis=0)
    return Column(np.where(logged, value, np.nan), logged)


def detection_parts(names: Sequence[str], which: str) -> list[str]:
    """The columns that are parts of the `train` or the `val` loss."""
    return [name for name in names if (found := DETECTION_PART.match(name)) and found[1] == which]


def has_detection_parts(names: Sequence[str]) -> bool:
    """Whether the training loss is there in parts."""
    return {"/".join(found.groups()[:2]) for name in names if (found := DETECTION_PART.match(name))} >= NEEDED


def with_detection_losses(columns: Mapping[str, Column]) -> tuple[dict[str, Column], str]:
    """The columns with those of the losses, and the name of the training loss."""
    found = dict(columns)
    names = list(columns)
    total = " + ".join(detection_parts(names, "train"))
    for which, name in (("train", "train_loss"), ("val", "val_loss")):
        parts = detection_parts(names, which)
        if parts and name not in columns:
            found[total if which == "train" else name] = summed([columns[part] for part in parts])
    return found, total
