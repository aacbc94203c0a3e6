"""Trackio: a project's database, a row a step and run, with the metrics as JSON.

Non-finite numbers are the strings "NaN", "Infinity" and "-Infinity" in it. Old versions know no run ids.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby

from lrdoctor.errors import LogError
from lrdoctor.logs._decode import number
from lrdoctor.logs._json import parsed
from lrdoctor.logs._rows import Rows, counted
from lrdoctor.logs.base import Source, Table
from lrdoctor.logs.databases import MAGIC, columns_of, opened

NAME = "trackio"
TABLE = "metrics"
NEEDED = frozenset({"run_name", "step", "metrics"})
DEEPEST = 12


def sniff(source: Source) -> bool:
    """Whether the source is a database with Trackio's metrics."""
    if not source.head.startswith(MAGIC):
        return False
    try:
        with closing(opened(source)) as database:
            return columns_of(database, TABLE) >= NEEDED
    except (OSError, ValueError, sqlite3.Error, LogError):
        return False


def read(source: Source) -> Iterator[Table]:
    """One table a run, in the order in which the runs began.

    Raises:
        LogError: the database holds no metrics that can be read.
    """
    try:
        with closing(opened(source)) as database:
            columns = columns_of(database, TABLE)
            if not columns >= NEEDED:
                raise LogError(f"{source.name}: a database without Trackio's table of metrics")
            yield from _tables(database, "run_id" if "run_id" in columns else "run_name")
    except sqlite3.Error as error:
        raise LogError(f"{source.name}: the database cannot be read: {error}") from error


def _tables(database: sqlite3.Connection, run: str) -> Iterator[Table]:
    named = f"SELECT {run}, MIN(run_name) FROM {TABLE} GROUP BY {run} ORDER BY MIN(rowid)"
    order = [(key, str(name)) for key, name in database.execute(named)]
    rank = {key: at for at, (key, _) in enumerate(order)}
    shared = Counter(name for _, name in order)
    found = database.execute(f"SELECT {run}, step, metrics FROM {TABLE} ORDER BY {run}, rowid")
    tables = {key: _table([(row[1], row[2]) for row in rows]) for key, rows in groupby(found, key=lambda row: row[0])}
    for key in sorted(tables, key=lambda key: rank[key]):
        name = order[rank[key]][1]
        table = tables[key]
        yield Table(name if shared[name] == 1 else f"{name} {key}", table.columns, table.facts, table.left_out)


def _table(stored: list[tuple[object, object]]) -> Table:
    rows = Rows()
    bad = 0
    for step, text in stored:
        record = parsed(text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text))
        if isinstance(record, dict):
            rows.add([("step", number(step)), *_flat(record)])
        else:
            bad += 1
    return rows.table(left_out={counted(bad, "row"): "its metrics are no JSON object"} if bad else {})


def _flat(record: dict[str, object], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    for key, value in record.items():
        if isinstance(value, dict) and depth < DEEPEST:
            yield from _flat(value, f"{prefix}{key}/", depth + 1)
        elif not isinstance(value, dict | list):
            yield f"{prefix}{key}", value
