"""What stands under the keys of JSON rows that may tell runs apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lrdoctor.logs._growing import Growing
from lrdoctor.logs.run_keys import MOST_RUNS, KeyColumn, Runs, is_run_key, labels_of, told_apart


class RunNames:
    """The entries under run keys, row by row."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entries] = {}
        self._is_key: dict[str, bool] = {}

    def add(self, at: int, row: Mapping[str, Any]) -> None:
        """Takes over what a row says; rows come in their order."""
        for key, entry in row.items():
            is_key = self._is_key.get(key)
            if is_key is None:
                is_key = self._is_key[key] = is_run_key(key)
            if is_key and entry is not None:
                self._entries.setdefault(key, _Entries()).add(at, entry)

    def found(self, n_rows: int) -> Runs | None:
        """The runs, None for one run."""
        return told_apart([entries.column(key, n_rows) for key, entries in self._entries.items()])


class _Entries:
    """The entries under one key."""

    def __init__(self) -> None:
        self.code: dict[object, int] = {}
        self.row: Growing[np.int64] = Growing(np.int64)
        self.of_row: Growing[np.int64] = Growing(np.int64)

    def add(self, at: int, entry: object) -> None:
        if len(self.code) > MOST_RUNS:
            return
        code = self.code.setdefault(entry if isinstance(entry, str | float) else str(entry), len(self.code))
        self.row.append(at, 1)
        self.of_row.append(code, 1)

    def column(self, key: str, n_rows: int) -> KeyColumn:
        """The entries of that many rows."""
        codes = np.full(n_rows, -1, dtype=np.int64)
        codes[self.row.now()] = self.of_row.now()
        is_number = all(isinstance(entry, float) for entry in self.code)
        return KeyColumn(key, codes, labels_of(self.code), is_number)
