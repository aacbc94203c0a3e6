"""The cells of a file of few rows, without pandas: importing it takes longer than reading and judging such a file.

Only what every CSV writer writes is read here, with the same answer as pandas gives: one block, no quotes, no comments,
points in numbers, no line with too many cells. Everything else is left to `cells`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from lrdoctor.core.curve import Values
from lrdoctor.logs._names import Texts
from lrdoctor.logs.base import Marks
from lrdoctor.logs.dialect import BLANKS, COMMENT, Dialect
from lrdoctor.logs.numbers import NAN, is_missing, number

MOST_BYTES = 1024 * 1024
"""Of a block that is read here, some 50,000 rows of two columns: from there on pandas saves more than its import."""

EMPTY = frozenset({
    "", "#N/A", "#N/A N/A", "#NA", "<NA>", "N/A", "NA", "NULL", "None", "n/a", "null", "none", "NONE", "Null", "-",
    "--",
})  # fmt: skip
"""Cells that pandas takes as empty, with those that `cells` adds, but for the spellings of nan."""

TRUTHS = {"True": 1.0, "TRUE": 1.0, "true": 1.0, "False": 0.0, "FALSE": 0.0, "false": 0.0}
"""A column of nothing else is one of numbers."""


@dataclass(frozen=True)
class Few:
    """One column of the rows; see `cells.Gathered.add`."""

    name: str
    value: Values
    logged: Marks
    texts: Texts | None
    unreadable: Marks


def rows_of(block: bytes, dialect: Dialect) -> list[list[str]] | None:
    """The cells of every row; None where the block is to be read by pandas."""
    delimiter = dialect.delimiter
    is_plain = dialect.decimal == "." and not dialect.comments and delimiter != BLANKS and len(block) <= MOST_BYTES
    if not is_plain or b'"' in block or b"\0" in block or not block.isascii():
        return None
    width, rows = len(dialect.names), list[list[str]]()
    for line in block.decode("ascii").split("\n"):
        if not line:
            continue
        cells = line.split(delimiter)
        if line.isspace() or len(cells) > width:
            return None
        if " " in line:
            cells = [cell.lstrip(" ") for cell in cells]
        rows.append(cells if len(cells) == width else cells + [""] * (width - len(cells)))
    return rows or None


def columns_of(rows: Sequence[Sequence[str]], dialect: Dialect, may_hold_nan: bool) -> tuple[list[Few], int]:
    """The columns of the rows, without rows that repeat the header, and how many those were.

    Args:
        rows: of as many cells as the dialect has names.
        dialect: of the file.
        may_hold_nan: whether the block holds a spelling of nan; then a text column keeps `NA` and its like as texts.
    """
    n = len(rows)
    found = [
        _column(name, cells, may_hold_nan) for name, cells in zip(dialect.names, zip(*rows, strict=True), strict=True)
    ]
    keep = np.ones(n, dtype=bool)
    for k, column in enumerate(found):
        if column.texts is not None:
            repeats = (cell == column.name or (k == 0 and (cell or "").startswith(COMMENT)) for cell in column.texts)
            keep &= ~np.fromiter(repeats, bool, n)
    return (found if keep.all() else list(_kept(found, keep))), n - int(keep.sum())


def _kept(columns: Sequence[Few], keep: Marks) -> Iterator[Few]:
    for one in columns:
        texts = None if one.texts is None else one.texts[keep]
        yield Few(one.name, one.value[keep], one.logged[keep], texts, one.unreadable[keep])


def _column(name: str, cells: Sequence[str], may_hold_nan: bool) -> Few:
    n = len(cells)
    none = np.zeros(n, dtype=bool)
    try:
        value = np.array(list(map(float, cells)), dtype=np.float64)
    except ValueError:
        pass
    else:
        if not any("_" in cell for cell in cells):  # Python reads 1_000, and nobody writes it so
            return Few(name, value, ~none, None, none)
    if all(cell in TRUTHS for cell in cells):
        return Few(name, np.array([TRUTHS[cell] for cell in cells]), ~none, None, none)
    read = {cell: _read(cell) for cell in set(cells)}
    value = np.array([nan if read[cell] is None else read[cell] for cell in cells], dtype=np.float64)
    empty = np.array([cell in EMPTY or (read[cell] is None and is_missing(cell)) for cell in cells])
    logged = np.array([read[cell] is not None for cell in cells])
    unreadable = ~(logged | empty)
    if not unreadable.any():
        return Few(name, value, logged, None, unreadable)
    texts = np.array([None if cell in EMPTY and not may_hold_nan else cell for cell in cells], dtype=object)
    return Few(name, value, logged, texts, unreadable)


def _read(cell: str) -> float | None:
    if cell in NAN:
        return nan
    return None if cell in EMPTY or is_missing(cell) else number(cell)
