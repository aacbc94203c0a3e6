"""The bytes of a source that has to be read as a whole, and columns of which only some rows were logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Values
from lrdoctor.logs.base import Column, Source
from lrdoctor.logs.text import raw

Rows = npt.NDArray[np.int64]


def whole(source: Source) -> tuple[bytes, str | None]:
    """The source's content, unpacked when it is gzipped, and why its end is missing when it is.

    Raises:
        LogError: the file cannot be read.
    """
    left_out: dict[str, str] = {}
    content = b"".join(raw(source, left_out))
    return content, next((f"the gzip stream is {reason}" for reason in left_out.values()), None)


class SparseColumns(Mapping[str, Column]):
    """Columns made when they are asked for, from the rows that have an entry.

    A log of a thousand quantities that were each logged once would fill a thousand columns of a thousand rows.

    Args:
        n_rows: rows of the table.
        entries: name -> the rows with an entry, ascending, and their values.
    """

    def __init__(self, n_rows: int, entries: Mapping[str, tuple[Rows, Values]]) -> None:
        self._n_rows = n_rows
        self._entries = entries

    def __getitem__(self, name: str) -> Column:
        rows, values = self._entries[name]
        value = np.full(self._n_rows, np.nan)
        logged = np.zeros(self._n_rows, dtype=np.bool_)
        value[rows] = values
        logged[rows] = True
        return Column(value, logged)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
