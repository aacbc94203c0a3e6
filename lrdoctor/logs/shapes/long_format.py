"""Long tables: one row a value, with a column that names the metric: `metric,step,value`, with or without a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lrdoctor.logs import aliases
from lrdoctor.logs._names import factorized
from lrdoctor.logs.base import Column, Table
from lrdoctor.logs.cells import Cells
from lrdoctor.logs.shapes import run_column

NAME = "long"
METRIC = ("metric", "metric_name", "metricname", "metric_key", "tag", "key", "name", "variable", "series")
VALUE = ("value", "metric_value", "metricvalue", "scalar", "val", "y")


MOST_CELLS = 50_000_000
"""Every metric becomes a column of all rows; beyond this many cells only those are kept whose meaning is known."""


def _named(cells: Cells) -> tuple[str, str] | None:
    """The column of metric names and the column of values."""
    plain = {name.strip().lower().replace(" ", "_"): name for name in (*cells.texts, *cells.columns)}
    metric = next((plain[name] for name in METRIC if plain.get(name) in cells.texts), None)
    value = next((plain[name] for name in VALUE if plain.get(name) in cells.columns), None)
    return (metric, value) if metric is not None and value is not None else None


def fits(cells: Cells) -> bool:
    return _named(cells) is not None


def tables(cells: Cells, source: str) -> Iterator[Table]:
    found = _named(cells)
    assert found is not None, "fits() was asked first"
    metric, value = found
    without = replace(cells, texts={name: texts for name, texts in cells.texts.items() if name != metric})
    runs = run_column.runs_in(without)
    keys = () if runs is None else runs.keys
    by_run = {"": np.arange(cells.n_rows)}
    if runs is not None:
        by_run = {name: np.flatnonzero(runs.codes == code) for code, name in enumerate(runs.names)}
    for name, rows in by_run.items():
        columns = {key: column for key, column in cells.columns.items() if key not in (value, *keys)}
        columns = {key: Column(column.value[rows], column.logged[rows]) for key, column in columns.items()}
        values, logged = cells.columns[value].value[rows], cells.columns[value].logged[rows]
        codes, metrics = factorized(cells.texts[metric][rows])
        many = len(metrics) * len(rows) > MOST_CELLS
        kept = [k for k, key in enumerate(metrics) if not many or aliases.is_known(str(key))]
        for k in kept:
            columns[str(metrics[k])] = Column(np.where(codes == k, values, np.nan), logged & (codes == k))
        n_gone = len(metrics) - len(kept)
        left_out = {f"{n_gone} metrics": "too many for so long a table, and none is known"} if n_gone else {}
        yield Table(name, columns, {"used": (metric, *keys)}, left_out)
