"""TensorBoard's "download as CSV": `Wall time,Step,Value`, one tag of one run, thinned out to 1000 points.

The tag stands in the file's name alone: `run-<run>-tag-<tag>.csv`, `/` written as `_`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lrdoctor.logs.base import Table
from lrdoctor.logs.cells import Cells

NAME = "tensorboard csv"
HEADER = ("wall time", "step", "value")

MOST_POINTS = 1000
"""What TensorBoard keeps of a scalar unless it was started with --samples_per_plugin."""

FILE_NAME = re.compile(r"(?:run-(?P<run>.*?)-)?tag-(?P<tag>.+?)(?:\s*\(\d+\))?(?:\.csv|\.tsv|\.txt)?(?:\.gz)?$")


def fits(cells: Cells) -> bool:
    return tuple(name.lower() for name in cells.columns) == HEADER


def tables(cells: Cells, source: str) -> Iterator[Table]:
    wall, step, value = cells.columns
    named = FILE_NAME.search(source)
    tag = named.group("tag") if named is not None else value
    facts = {"sampled": f"a TensorBoard download: at most {MOST_POINTS} points"} if cells.n_rows >= MOST_POINTS else {}
    columns = {wall: cells.columns[wall], step: cells.columns[step], tag: cells.columns[value]}
    yield Table("", columns, facts)
