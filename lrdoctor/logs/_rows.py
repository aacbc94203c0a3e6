"""Rows with different keys, gathered into the columns of a table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lrdoctor.logs._decode import numbers
from lrdoctor.logs._entries import Entries, Places, places
from lrdoctor.logs._whole import SparseColumns
from lrdoctor.logs.base import Table

MAX_COLUMNS = 1000
"""More columns than any log that people read has; what lies beyond is named as left out."""
MAX_CELLS = 200_000_000
"""Rows times columns of a table, about 2 GB; columns with few entries are left out beyond it."""
PENDING = 200_000
"""Entries that are held as Python objects, which take five times the memory of numbers, before they are read."""

FEWEST_A_KEY = 16
"""Entries a key for which reading them at once is faster than reading each."""
SPARSE, LARGE = 0.1, 10_000_000
"""Share of the cells that are filled, of a table of so many cells, below which columns are made when asked for."""


def counted(count: int, thing: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


class Rows:
    """Collects rows; a key that a row lacks is not logged there."""

    def __init__(self) -> None:
        self._entries: dict[str, Entries] = {}
        self._pending: dict[str, tuple[list[int], list[Any]]] = {}
        self._n_pending = 0
        self.size = 0

    def add(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Adds one row, unless it is empty; None is a missing entry, of a repeated key the first entry counts."""
        row = self.size
        for key, entry in pairs:
            if entry is None:
                continue
            self.size = row + 1
            held = self._pending.get(key)
            if held is None:
                self._pending[key] = [row], [entry]
            elif held[0][-1] != row:
                held[0].append(row)
                held[1].append(entry)
            self._n_pending += 1
        if self._n_pending > PENDING and self._n_pending > FEWEST_A_KEY * len(self._pending):
            self._flush()

    def add_block(self, columns: Mapping[str, Sequence[float]], length: int) -> None:
        """Adds rows that all have the same keys, and a number for each."""
        self._flush()
        rows = np.arange(self.size, self.size + length)
        for key, entries in columns.items():
            value = np.array(entries, dtype=np.float64)
            self._entries.setdefault(key, Entries()).add(rows, value, np.ones(length, dtype=np.bool_))
        self.size += length

    def _flush(self) -> None:
        """Reads what is pending."""
        for key, (rows, found) in self._pending.items():
            value, marks, wrong = numbers(found)
            entries = self._entries.setdefault(key, Entries())
            entries.add(np.array(rows, dtype=np.int64), value, marks)
            if wrong is not None and entries.wrong is None:
                entries.wrong = str(found[wrong])
        self._pending, self._n_pending = {}, 0

    def table(
        self, name: str = "", facts: Mapping[str, Any] | None = None, left_out: Mapping[str, str] | None = None
    ) -> Table:
        """The rows as a table; keys that never hold a number are left out by name."""
        self._flush()
        return _table(name, self._entries, self.size, dict(facts or {}), dict(left_out or {}))

    def tables(
        self, keys: Collection[str], codes: Places, names: Sequence[str], left_out: Mapping[str, str]
    ) -> Iterator[Table]:
        """A table for each run.

        Args:
            keys: what tells the runs apart; it is no column, and rows of nothing else are none.
            codes: int64[size]; the number of every row's run.
            names: the runs' names.
            left_out: what was not read -> why.
        """
        self._flush()
        others = {name: entries for name, entries in self._entries.items() if name not in keys}
        filled = np.zeros(self.size, dtype=np.bool_)
        for entries in others.values():
            filled[entries.rows()] = True
        place = places(codes, filled)
        sizes = np.bincount(codes[filled], minlength=len(names)).tolist()
        runs: list[dict[str, Entries]] = [{} for _ in names]
        for other, entries in others.items():
            for code, part in entries.by_run(codes, place).items():
                runs[code][other] = part
        for name, run, size in zip(names, runs, sizes, strict=True):
            yield _table(name, run, size, {}, dict(left_out))


def _table(
    name: str, entries: Mapping[str, Entries], size: int, facts: dict[str, Any], left_out: dict[str, str]
) -> Table:
    numbers_of: dict[str, Entries] = {}
    kept = _kept(entries, size)
    for key, found in entries.items():
        if key not in kept:
            left_out[key] = "the log has too many columns, and this one has few entries"
            continue
        if not found.value.size:
            shown = found.shown
            left_out[key] = f"holds no numbers but entries such as {shown}" if shown else "always empty"
            continue
        if found.shown and found.other.size:
            count = counted(found.other.size, "row")
            left_out[f"part of {key}"] = f"{count} without a number, the first with {found.shown}"
        numbers_of[key] = found
    n_filled, n_cells = sum(found.value.size for found in numbers_of.values()), size * len(numbers_of)
    if n_cells > LARGE and n_filled < SPARSE * n_cells:
        sparse = {key: (found.rows()[: found.value.size], found.value.now()) for key, found in numbers_of.items()}
        return Table(name, SparseColumns(size, sparse), facts, left_out)
    return Table(name, {key: found.column(size) for key, found in numbers_of.items()}, facts, left_out)


def _kept(entries: Mapping[str, Entries], size: int) -> frozenset[str]:
    room = min(MAX_COLUMNS, MAX_CELLS // max(size, 1))
    if len(entries) <= room:
        return frozenset(entries)
    return frozenset(sorted(entries, key=lambda key: -entries[key].size)[: max(room, 1)])
