"""MLflow: the database `mlflow.db`, a run's folder of the file store, or one metric's file of it.

The database stores nan as the value 0.0 with `is_nan` set, and the infinities as the largest numbers that it can hold:
taken at its word, a diverged run has a loss of exactly 0.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path

import numpy as np

from lrdoctor.errors import LogError
from lrdoctor.logs._decode import decoded, number, whole_text
from lrdoctor.logs._rows import Rows, counted
from lrdoctor.logs.base import Source, Table
from lrdoctor.logs.databases import MAGIC, columns_of, opened
from lrdoctor.logs.text import head_text

NAME = "mlflow"
INFINITE = 1.797e308
"""The largest double is 1.7977e308; MLflow writes it for inf."""
METRICS = "metrics"
SNIFFED_LINES = 20

_LINE = re.compile(r"\d{12,14} \S{1,40}(?: -?\d{1,19})?(?: \S{1,200}){0,3}")

Entry = tuple[float, str, float | None, float]
"""Timestamp, metric, value or None, step."""


def is_run_folder(path: Path) -> bool:
    """Whether it is the folder of one run in a file store."""
    return (path / METRICS).is_dir() and (path / "meta.yaml").is_file()


def sniff(source: Source) -> bool:
    """Whether the source is a database with MLflow's metrics, a run's folder, or a metric's file."""
    try:
        if source.path is not None and source.path.is_dir():
            return is_run_folder(source.path)
        if source.head.startswith(MAGIC):
            with closing(opened(source)) as database:
                return {"key", "value", "run_uuid"} <= columns_of(database, METRICS)
    except (OSError, ValueError, sqlite3.Error, LogError):
        return False
    lines = head_text(source).split("\n")[:SNIFFED_LINES]
    # the last line may be cut, or be empty
    complete = [line for line in lines[:-1] if line] or lines[:1]
    return all(_LINE.fullmatch(line) for line in complete)


def read(source: Source) -> Iterator[Table]:
    """One table a run.

    Raises:
        LogError: the database, folder or file holds no metrics that can be read.
    """
    if source.path is not None and source.path.is_dir():
        return iter([_folder(source, source.path)])
    if source.head.startswith(MAGIC):
        return _database(source)
    return iter([_file(source)])


def _database(source: Source) -> Iterator[Table]:
    try:
        with closing(opened(source)) as database:
            columns = columns_of(database, METRICS)
            if not {"key", "value", "run_uuid"} <= columns:
                raise LogError(f"{source.name}: a database without MLflow's table of metrics")
            names = _run_names(database)
            for run, found in groupby(_stored(database, columns), key=lambda row: str(row[0])):
                yield _table(names.get(run, run), (row[1] for row in found))
    except sqlite3.Error as error:
        raise LogError(f"{source.name}: the database cannot be read: {error}") from error


def _run_names(database: sqlite3.Connection) -> dict[str, str]:
    """The runs' names by their ids; a name that several runs share is followed by the id."""
    if not database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'runs'").fetchone():
        return {}
    pairs = [(str(run), str(name or run)) for run, name in database.execute("SELECT run_uuid, name FROM runs")]
    names = [name for _, name in pairs]
    return {run: name if names.count(name) == 1 else f"{name} {run}" for run, name in pairs}


def _stored(database: sqlite3.Connection, columns: set[str]) -> Iterator[tuple[str, Entry]]:
    """(run, entry) ordered by run and time; databases of old versions lack some columns."""
    chosen = [name if name in columns else "NULL" for name in ("timestamp", "step", "is_nan")]
    query = (
        f"SELECT run_uuid, key, value, {', '.join(chosen)} FROM metrics "
        f"ORDER BY run_uuid, {chosen[0]}, {chosen[1]}, key"
    )
    for run, key, stored, timestamp, step, is_nan in database.execute(query):
        yield str(run), (number(timestamp) or 0.0, str(key), _value(stored, is_nan), number(step) or 0.0)


def _value(stored: object, is_nan: object) -> float | None:
    if is_nan:
        return np.nan
    value = None if stored is None else number(stored)
    return float(np.copysign(np.inf, value)) if value is not None and abs(value) >= INFINITE else value


def _folder(source: Source, folder: Path) -> Table:
    entries: list[Entry] = []
    left_out: dict[str, str] = {}
    for file in sorted((folder / METRICS).rglob("*")):
        if not file.is_file():
            continue
        name = file.relative_to(folder / METRICS).as_posix()
        try:
            entries += _lines(decoded(file.read_bytes()), name, left_out)
        except OSError as error:
            left_out[name] = f"cannot be read: {error.strerror or error}"
    if not entries:
        raise LogError(
            f"{source.name}: expected lines `timestamp value step` below {METRICS}/, found {left_out or 'nothing'}"
        )
    entries.sort(key=lambda entry: entry[0])
    return _table("", entries, left_out)


def _file(source: Source) -> Table:
    """The metric is named as its file is, as MLflow does."""
    left_out: dict[str, str] = {}
    name = source.path.name if source.path is not None else "value"
    entries = list(_lines(whole_text(source), name, left_out))
    if not entries:
        raise LogError(f"{source.name}: expected lines `timestamp value step`, as MLflow writes a metric")
    return _table("", entries, left_out)


def _lines(text: str, name: str, left_out: dict[str, str]) -> Iterator[Entry]:
    bad = 0
    for line in text.split("\n"):
        cells = line.split()
        found = [number(cell) for cell in cells[:3]]
        if len(found) < 2 or found[0] is None or found[1] is None:
            bad += bool(cells)
            continue
        yield found[0], name, _value(found[1], False), found[2] or 0.0 if len(found) > 2 else 0.0
    if bad:
        left_out[f"{counted(bad, 'line')} of {name}"] = "not `timestamp value step`"


def _table(name: str, entries: Iterable[Entry], left_out: dict[str, str] | None = None) -> Table:
    """One row for each step in turn; metrics logged at one step and one after another share a row."""
    rows = Rows()
    stepped = False
    omitted = dict(left_out or {})
    for step, found in groupby(entries, key=lambda entry: entry[3]):
        stepped = stepped or step != 0
        row: list[tuple[str, object]] = []
        for _, key, value, _ in found:
            if any(key == logged for logged, _ in row):
                rows.add([("step", step), *row])
                row = []
            row.append((key, value))
        rows.add([("step", step), *row])
    table = rows.table(name, left_out=omitted)
    if stepped:
        return table
    columns = {key: column for key, column in table.columns.items() if key != "step"}
    return Table(table.name, columns, {}, {**table.left_out, "step": "always 0: the run was logged without steps"})
