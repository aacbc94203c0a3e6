"""Several runs below each other, told apart by one column or several: `run,step,loss`, `model,seed,step,loss`.

A table with a row of its own for every run holds final results, and no steps to judge.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lrdoctor.errors import NoLogError
from lrdoctor.logs import aliases, run_keys
from lrdoctor.logs._names import factorized
from lrdoctor.logs.base import Column, Table
from lrdoctor.logs.cells import Cells
from lrdoctor.logs.run_keys import KeyColumn, Runs

NAME = "runs below each other"
FEWEST_RUNS = 2


def runs_in(cells: Cells) -> Runs | None:
    """The runs of the rows, None where nothing tells them apart."""
    return run_keys.told_apart(_keys(cells))


def _keys(cells: Cells) -> list[KeyColumn]:
    found = []
    for name, texts in cells.texts.items():
        if run_keys.is_run_key(name):
            codes, labels = factorized(texts)
            found.append(KeyColumn(name, codes, list(map(str, labels)), is_number=False))
    return found + [
        run_keys.of_numbers(name, column) for name, column in cells.columns.items() if run_keys.is_run_key(name)
    ]


def _one_row_a_run(cells: Cells) -> str | None:
    """The key of a table of results; steps that go on show that its rows are those of one run after all."""
    if any(aliases.x_of(name) is not None and _goes_on(column) for name, column in cells.columns.items()):
        return None
    if not any(aliases.is_called_a_loss(name) for name in cells.columns):
        return None
    return run_keys.is_one_row_a_run([key for key in _keys(cells) if len(key.labels) >= FEWEST_RUNS])


def _goes_on(column: Column) -> bool:
    return bool(column.logged.all() and (column.value[1:] > column.value[:-1]).all())


def fits(cells: Cells) -> bool:
    return runs_in(cells) is not None or _one_row_a_run(cells) is not None


def tables(cells: Cells, source: str) -> Iterator[Table]:
    runs = runs_in(cells)
    if runs is None:
        raise NoLogError(
            f"{source}: has one row for each run (column {_one_row_a_run(cells)!r}), so it holds results and no steps; "
            "expected the history of the runs, a row a step"
        )
    others = {key: column for key, column in cells.columns.items() if key not in runs.keys}
    for code, name in enumerate(runs.names):
        rows = np.flatnonzero(runs.codes == code)
        columns = {key: Column(column.value[rows], column.logged[rows]) for key, column in others.items()}
        yield Table(name, columns, {"used": runs.keys})
