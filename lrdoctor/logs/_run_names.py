"""Rows of several runs in one file of JSON, told apart by a key of theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from lrdoctor.logs._decode import number
from lrdoctor.logs._entries import Places
from lrdoctor.logs._growing import Growing

RUN_KEYS = ("run_id", "run", "run_name", "run_uuid", "trial_id", "experiment_name", "name")
RUN_KEY_SET = frozenset(RUN_KEYS)
ROWS_PER_RUN = 3
"""A key that changes more often than this names something else than runs."""
MOST_RUNS = 20_000
"""A key of more different entries names no runs, and is not kept."""


class RunNames:
    """What stands under the keys that may name a run."""

    def __init__(self) -> None:
        self._names: dict[str, _Entries] = {}

    def add(self, at: int, row: Mapping[str, Any]) -> None:
        """Takes over what a row says; rows come in their order."""
        if RUN_KEY_SET.isdisjoint(row):
            return
        for key in RUN_KEY_SET & row.keys():
            if row[key] is not None:
                self._names.setdefault(key, _Entries()).add(at, row[key])

    def found(self, n_rows: int) -> tuple[str, Places, list[str]] | None:
        """The key that tells runs apart, the number of every row's run, and their names; None for one run."""
        for key in RUN_KEYS:
            if key in self._names and self._names[key].tell_apart(with_numbers=key != "name"):
                return key, *self._names[key].runs(n_rows)
        return None


class _Entries:
    """The entries under one key."""

    def __init__(self) -> None:
        self.code: dict[object, int] = {}
        self.count: Counter[int] = Counter()
        self.row: Growing[np.int64] = Growing(np.int64)
        self.of_row: Growing[np.int64] = Growing(np.int64)

    def add(self, at: int, entry: object) -> None:
        if len(self.code) > MOST_RUNS:
            return
        code = self.code.setdefault(entry if isinstance(entry, str | float) else str(entry), len(self.code))
        self.count[code] += 1
        self.row.append(at, 1)
        self.of_row.append(code, 1)

    def tell_apart(self, with_numbers: bool) -> bool:
        """Whether there are several names, and rows enough for each of them; numbers count where nothing else does."""
        if len(self.code) > MOST_RUNS:
            return False
        names = [code for entry, code in self.code.items() if number(entry) is None]
        if not names and with_numbers:
            names = list(self.code.values())
        return len(names) > 1 and sum(self.count[code] for code in names) >= ROWS_PER_RUN * len(names)

    def runs(self, n_rows: int) -> tuple[Places, list[str]]:
        """int64[n_rows], the number of every row's run by first appearance, and the runs' names; "" for no name."""
        labels = [_label(entry) for entry in self.code]
        missing = np.full(n_rows, len(labels), dtype=np.int64)
        missing[self.row.now()] = self.of_row.now()
        number_of: dict[str, int] = {}
        same = np.array([number_of.setdefault(label, len(number_of)) for label in [*labels, ""]])
        return same[missing], list(number_of)


def _label(entry: object) -> str:
    return str(int(entry)) if isinstance(entry, float) and entry.is_integer() else str(entry)
