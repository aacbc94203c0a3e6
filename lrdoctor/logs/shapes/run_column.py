"""Several runs below each other, told apart by a column: `run,step,loss`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lrdoctor.logs.base import Column, Marks, Table
from lrdoctor.logs.cells import Cells

NAME = "runs below each other"
RUN = (
    "run", "run_id", "run_name", "run_uuid", "runid", "experiment", "experiment_id", "exp", "exp_name", "trial",
    "trial_id", "seed", "config", "model", "variant",
)  # fmt: skip
"""Names of columns that tell runs apart, in order of preference."""


def column_of_runs(cells: Cells) -> str | None:
    """The first column of that meaning with more than one value."""
    by_name = {name.strip().lower().replace(" ", "_"): name for name in (*cells.texts, *cells.columns)}
    for wanted in RUN:
        name = by_name.get(wanted)
        if name is not None and len(names_of(cells, name)) > 1:
            return name
    return None


def names_of(cells: Cells, name: str) -> dict[str, Marks]:
    """Run name -> its rows, in order of first appearance."""
    if name in cells.texts:
        keys = cells.texts[name]
    else:
        column = cells.columns[name]
        keys = np.array([f"{v:g}" if on else None for v, on in zip(column.value, column.logged, strict=True)], object)
    seen = dict.fromkeys(key for key in keys if key is not None)
    return {str(key): np.asarray(keys == key, dtype=bool) for key in seen}


MOST_RUNS = 200
"""More values than this are no runs; every one of them would be looked for in every row."""


def fits(cells: Cells) -> bool:
    name = column_of_runs(cells)
    return name is not None and len(names_of(cells, name)) <= MOST_RUNS


def tables(cells: Cells, source: str) -> Iterator[Table]:
    name = column_of_runs(cells)
    assert name is not None, "fits() was asked first"
    others = {key: column for key, column in cells.columns.items() if key != name}
    for run, rows in names_of(cells, name).items():
        columns = {key: Column(column.value[rows], column.logged[rows]) for key, column in others.items()}
        yield Table(f"{name}={run}" if run.replace(".", "").isdigit() else run, columns, {"used": (name,)})
