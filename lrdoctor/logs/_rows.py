"""Rows with different keys, gathered into the columns of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lrdoctor.logs._decode import numbers
from lrdoctor.logs.base import Column, Table

MAX_COLUMNS = 1000
"""More columns than any log that people read has; what lies beyond is named as left out."""
MAX_CELLS = 200_000_000
"""Rows times columns of a table, about 2 GB; columns with few entries are left out beyond it."""
SHOWN = 40
"""Characters of an unreadable entry that a message repeats."""


def counted(count: int, thing: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


class Rows:
    """Collects rows; a key that a row lacks is not logged there."""

    def __init__(self) -> None:
        self._entries: dict[str, list[Any]] = {}
        self._rows: dict[str, list[int]] = {}
        self.size = 0

    def add(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Adds one row, unless it is empty; None is a missing entry, of a repeated key the first entry counts."""
        row = self.size
        for key, entry in pairs:
            if entry is None:
                continue
            self.size = row + 1
            rows = self._rows.get(key)
            if rows is None:
                self._rows[key] = [row]
                self._entries[key] = [entry]
            elif rows[-1] != row:
                rows.append(row)
                self._entries[key].append(entry)

    def table(
        self, name: str = "", facts: Mapping[str, Any] | None = None, left_out: Mapping[str, str] | None = None
    ) -> Table:
        """The rows as a table; keys that never hold a number are left out by name."""
        omitted = dict(left_out or {})
        columns = {}
        kept = self._kept()
        for key in self._rows:
            if key not in kept:
                omitted[key] = "the log has too many columns, and this one has few entries"
            elif (column := self._column(key, omitted)) is not None:
                columns[key] = column
        return Table(name, columns, dict(facts or {}), omitted)

    def _kept(self) -> frozenset[str]:
        room = min(MAX_COLUMNS, MAX_CELLS // max(self.size, 1))
        if len(self._rows) <= room:
            return frozenset(self._rows)
        return frozenset(sorted(self._rows, key=lambda key: -len(self._rows[key]))[: max(room, 1)])

    def _column(self, key: str, omitted: dict[str, str]) -> Column | None:
        entries = self._entries[key]
        found, marks, wrong = numbers(entries)
        if wrong is not None:
            shown = repr(str(entries[wrong])[:SHOWN])
            if not marks.any():
                omitted[key] = f"holds no numbers but entries such as {shown}"
                return None
            omitted[f"part of {key}"] = (
                f"{counted(int((~marks).sum()), 'row')} without a number, the first with {shown}"
            )
        if not marks.any():
            omitted[key] = "always empty"
            return None
        rows = np.array(self._rows[key], dtype=np.int64)[marks]
        value = np.full(self.size, np.nan)
        logged = np.zeros(self.size, dtype=bool)
        value[rows] = found[marks]
        logged[rows] = True
        return Column(value, logged)
