"""The entries of one column that only some rows have."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Values
from lrdoctor.logs._growing import Growing
from lrdoctor.logs.base import Column, Marks

Places = npt.NDArray[np.int64]

SHOWN = 40
"""Characters of an unreadable entry that a message repeats."""


class Entries:
    """Numbers and their rows, added block by block.

    As long as every row has a number, the rows are not written down: they are 0, 1, 2, ...
    """

    def __init__(self) -> None:
        self.value: Growing[np.float64] = Growing(np.float64)
        self.row: Growing[np.int64] = Growing(np.int64)
        self.other: Growing[np.int64] = Growing(np.int64)
        """Rows whose entry is no number."""
        self.wrong: str | None = None
        """The first entry that is neither a number nor a word for nothing."""

    @property
    def size(self) -> int:
        """Entries, numbers or not."""
        return self.value.size + self.other.size

    @property
    def shown(self) -> str:
        """The first entry that is no number as messages quote it, "" when there is none."""
        return "" if self.wrong is None else repr(self.wrong[:SHOWN])

    def add(self, rows: Places, value: Values, marks: Marks) -> None:
        """Adds entries of rows after all rows so far; `marks` tells which are numbers."""
        if not marks.all():
            self.other.append(rows[~marks])
            rows, value = rows[marks], value[marks]
        if not len(rows):
            return
        goes_on = not self.row.size and rows[0] == self.value.size and rows[-1] - rows[0] == len(rows) - 1
        if not goes_on:
            self._write_down_rows()
            self.row.append(rows)
        self.value.append(value)

    def _write_down_rows(self) -> None:
        if self.row.size < self.value.size:
            self.row.append(np.arange(self.value.size))

    def rows(self) -> Places:
        """The rows that have an entry, numbers first."""
        numbers = self.row.now() if self.row.size else np.arange(self.value.size)
        return np.concatenate([numbers, self.other.now()])

    def by_run(self, codes: Places, place: Places) -> dict[int, Entries]:
        """The entries of each run that has any.

        Args:
            codes: int64[rows]; the number of a row's run.
            place: int64[rows]; a row's number within its run.
        """
        found: dict[int, Entries] = {}
        value, rows = self.value.now(), self.rows()
        for code, at in _grouped(codes[rows[: value.size]]):
            found[code] = Entries()
            found[code].add(place[rows[at]], value[at], np.ones(len(at), dtype=np.bool_))
        other = rows[value.size :]
        for code, at in _grouped(codes[other]):
            found.setdefault(code, Entries()).other.append(place[other[at]])
            found[code].wrong = self.wrong
        return found

    def column(self, size: int) -> Column:
        """The column of a table of that many rows; nothing is to be added afterwards."""
        if self.value.size == size:
            return Column(self.value.finish(), np.ones(size, dtype=np.bool_))
        value, logged = np.full(size, np.nan), np.zeros(size, dtype=np.bool_)
        rows = self.row.now() if self.row.size else slice(self.value.size)
        value[rows], logged[rows] = self.value.now(), True
        return Column(value, logged)


def _grouped(codes: Places) -> Iterator[tuple[int, Places]]:
    """Every code and the places where it stands."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    for start, end in pairwise((*starts.tolist(), len(codes))):
        yield int(codes[order[start]]), order[start:end]


def places(codes: Places, filled: Marks) -> Places:
    """int64[n]: of every filled row its number among those with its code."""
    place = np.zeros(len(codes), dtype=np.int64)
    rows = np.flatnonzero(filled)
    for _, at in _grouped(codes[rows]):
        place[rows[at]] = np.arange(len(at))
    return place
