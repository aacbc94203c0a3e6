"""The folders of labelled training logs that LRDOCTOR_LOGS names, separated as in PATH, each with an INDEX.csv.

They are logs of other people and no part of this repository; tests that need them skip without the variable.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path

VARIABLE = "LRDOCTOR_LOGS"
NONE = f"{VARIABLE} names no folder of labelled logs"


def first() -> list[Path]:
    """The first folder, whose index names columns and formats as the tests of single readers take them."""
    return folders()[:1]


def folders() -> list[Path]:
    """Those of the variable; none without it."""
    return [Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]


def rows(among: Iterable[Path] | None = None) -> list[dict[str, str]]:
    """The rows of the INDEX.csv of these folders, of all by default; `file` is a path with the folder."""
    found = []
    for folder in folders() if among is None else among:
        with (folder / "INDEX.csv").open(encoding="utf-8-sig", newline="") as file:
            found += [{**row, "file": str(folder / row["file"])} for row in csv.DictReader(file)]
    return found
