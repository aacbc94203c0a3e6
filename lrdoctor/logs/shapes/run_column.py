"""Several runs below each other, told apart by a column: `run,step,loss`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from lrdoctor.logs.base import Column, Table
from lrdoctor.logs.cells import Cells

NAME = "runs below each other"
RUN = (
    "run", "run_id", "run_name", "run_uuid", "runid", "experiment", "experiment_id", "exp", "exp_name", "trial",
    "trial_id", "seed", "config", "model", "variant",
)  # fmt: skip
"""Names of columns that tell runs apart, in order of preference."""

MOST_RUNS = 200
"""A column of more values than this is a measurement rather than a name."""

Rows = npt.NDArray[np.int64]


def column_of_runs(cells: Cells) -> str | None:
    """The first column of that meaning with more than one value, but not too many."""
    by_name = {name.strip().lower().replace(" ", "_"): name for name in (*cells.texts, *cells.columns)}
    for wanted in RUN:
        name = by_name.get(wanted)
        if name is not None and 1 < len(_codes(cells, name)[1]) <= MOST_RUNS:
            return name
    return None


def _codes(cells: Cells, name: str) -> tuple[Rows, list[str]]:
    """int64[n], the number of every row's run, -1 where the cell is empty; and the names, by first appearance."""
    if name in cells.texts:
        codes, names = pd.factorize(cells.texts[name])
        return codes.astype(np.int64), [str(text) for text in names]
    column = cells.columns[name]
    codes, values = pd.factorize(np.where(column.logged, column.value, np.nan))
    return codes.astype(np.int64), [f"{value:g}" for value in values]


def rows_of(cells: Cells, name: str) -> Mapping[str, Rows]:
    """Name -> the rows that have it in the column."""
    codes, names = _codes(cells, name)
    return {text: np.flatnonzero(codes == code) for code, text in enumerate(names)}


def fits(cells: Cells) -> bool:
    return column_of_runs(cells) is not None


def tables(cells: Cells, source: str) -> Iterator[Table]:
    name = column_of_runs(cells)
    assert name is not None, "fits() was asked first"
    others = {key: column for key, column in cells.columns.items() if key != name}
    for run, rows in rows_of(cells, name).items():
        columns = {key: Column(column.value[rows], column.logged[rows]) for key, column in others.items()}
        yield Table(run if name in cells.texts else f"{name}={run}", columns, {"used": (name,)})
