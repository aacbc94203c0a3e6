"""JSON lines, arrays of records, and objects of equally long lists.

Nested keys are joined with `/`. null is a missing entry; NaN and Infinity, which strict JSON does not know, are
entries. Rows of another kind (`"split": "val"`) get columns of their own (`val_loss`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from lrdoctor.errors import NoLogError
from lrdoctor.logs import hf_trainer
from lrdoctor.logs._decode import number, whole_text
from lrdoctor.logs._json import objects, parsed
from lrdoctor.logs._rows import Rows, counted
from lrdoctor.logs.base import Source, Table
from lrdoctor.logs.text import head_text

NAME = "jsonl"

SETTINGS = frozenset({"_meta", "meta", "metadata", "config", "args", "hparams", "hyperparameters"})
"""Keys of objects, and kinds of rows, that say how a run was set up."""
KIND_KEYS = ("split", "mode", "phase", "stage", "kind", "type", "_type", "event", "subset")
HELD_OUT = {
    "val": "val", "valid": "val", "validation": "val", "validate": "val", "dev": "val", "eval": "val",
    "evaluation": "val", "test": "test",
}  # fmt: skip
"""Kind of a row -> what its columns are prefixed with."""
POSITIONS = frozenset({
    "step", "global_step", "_step", "iteration", "iter", "epoch", "update", "num_updates", "batch",
    "current_steps", "total_steps", "tokens",
})  # fmt: skip
"""Where a row stands; the same column for rows of all kinds."""
RUN_KEYS = ("run_id", "run", "run_name", "run_uuid", "trial_id", "experiment_name", "name")
ROWS_PER_RUN = 3
"""A key that changes more often than this names something else than runs."""
LONG_NAMES = ("metricname", "metric", "key", "tag", "name")
LONG_VALUES = ("metricvalue", "value")
LONG_KEYS = 7
"""One metric a row: with more keys than this, a row holds measurements by their own names."""
RAY_MARKS = frozenset({"training_iteration", "time_this_iter_s"})
RAY_DROPPED = ("time_", "timers/", "perf/", "pid", "hostname", "node_ip", "date", "timestamp", "experiment_id")
DEEPEST = 12
"""Nested objects below this depth hold no metric; a limit keeps hostile input from exhausting the stack."""
LISTED = 4
"""Lists up to this length are one value for each parameter group, longer ones are data."""

SPECIAL = frozenset({*KIND_KEYS, *LONG_NAMES, *RAY_MARKS, "metricName"})
"""Keys that make a row more than keys with their numbers."""

Record = dict[str, Any]


def sniff(source: Source) -> bool:
    """Whether the text starts with a JSON object, or with an array of them."""
    text = head_text(source).lstrip()
    if hf_trainer.sniff(source):
        return False
    if text.startswith("["):
        return text[1:].lstrip().startswith("{")
    if not text.startswith("{"):
        return False
    line, complete, _ = text.partition("\n")
    return isinstance(parsed(line), dict) or line.strip() == "{" or not complete


def read(source: Source) -> Iterator[Table]:
    """One table a run; rows that name no run are of one run.

    Raises:
        LogError: no record can be read.
    """
    text = whole_text(source)
    records, left_out = _records(text)
    flat = [row for record in records if (row := _row(record, left_out))]
    refusal = f"{source.name}: no record with a number in it; expected JSON lines, an array or an object of lists"
    if not flat:
        raise NoLogError(refusal)
    run_key = _run_key(flat)
    tables = (_table(name, rows, run_key, left_out) for name, rows in _by_run(flat, run_key).items())
    if not (found := [table for table in tables if table.columns]):
        raise NoLogError(refusal)
    yield from found


def _table(name: str, rows: list[Record], run_key: str | None, left_out: dict[str, str]) -> Table:
    gathered = Rows()
    for row in rows:
        if run_key is not None:
            row.pop(run_key, None)
        gathered.add(row.items())
    return gathered.table(name, left_out=left_out)


def _records(text: str) -> tuple[list[Record], dict[str, str]]:
    """The records in order, and what was left out."""
    stripped = text.strip()
    if stripped.startswith("["):
        cut = {} if stripped.endswith("]") else {"end of the file": "cut in the middle of a record"}
        return list(objects(stripped, 1)), cut
    lines = stripped.split("\n")
    # one call for all lines is much faster, and fails where any line is cut or is no JSON
    together = parsed(f"[{','.join(filter(str.strip, lines))}]") if len(lines) > 1 else None
    if isinstance(together, list) and all(type(record) is dict for record in together):
        return together, {}
    records, bad = [], []
    for index, line in enumerate(lines):
        if isinstance(record := parsed(line) if line.strip() else None, dict):
            records.append(record)
        elif line.strip():
            bad.append(index)
    left_out = _bad_lines(bad, len(lines))
    if len(records) <= len(bad):
        # objects printed over several lines
        records = list(objects(stripped))
        left_out = {} if stripped.endswith("}") else {"end of the file": "cut in the middle of a record"}
    return _inner_records(records, left_out), left_out


def _bad_lines(bad: list[int], total: int) -> dict[str, str]:
    if bad == [total - 1]:
        return {"last line": "cut in the middle of a record"}
    return {counted(len(bad), "line"): f"not JSON objects, the first is line {bad[0] + 1}"} if bad else {}


def _inner_records(records: list[Record], left_out: dict[str, str]) -> list[Record]:
    """The records that a single object holds: in its longest list of objects, or as lists side by side."""
    if len(records) != 1:
        return records
    (whole,) = records
    lists = {key: value for key, value in whole.items() if isinstance(value, list) and len(value) > LISTED}
    inner = {key: value for key, value in lists.items() if all(isinstance(entry, dict) for entry in value)}
    if inner:
        longest = max(inner, key=lambda key: len(inner[key]))
        used, found = [longest], inner[longest]
    else:
        used = [key for key, value in lists.items() if not any(isinstance(entry, list | dict) for entry in value)]
        length = max((len(lists[key]) for key in used), default=0)
        found = [{key: lists[key][i] for key in used if i < len(lists[key])} for i in range(length)]
    if not found:
        return records
    left_out.update(dict.fromkeys((key for key in whole if key not in used), "beside the list that holds the log"))
    return found


def _row(record: Record, left_out: dict[str, str]) -> Record:
    """The record as one flat row, {} when it says how the run was set up."""
    if SPECIAL.isdisjoint(record) and not any(isinstance(value, dict | list) for value in record.values()):
        return record
    record = {key: value for key, value in record.items() if not _is_setting(key, value, left_out)}
    kinds = [str(record[key]).lower() for key in KIND_KEYS if isinstance(record.get(key), str)]
    if any(kind in SETTINGS for kind in kinds):
        left_out["rows of settings"] = "they hold no measurements"
        return {}
    flat = dict(_flattened(record, left_out))
    if flat.keys() >= RAY_MARKS:
        flat = {key: value for key, value in flat.items() if not key.startswith(RAY_DROPPED)}
        left_out[f"{', '.join(RAY_DROPPED)}"] = "Ray's own bookkeeping"
    flat = _widened(flat)
    prefix = next((HELD_OUT[kind] for kind in kinds if kind in HELD_OUT), None)
    return flat if prefix is None else {_prefixed(key, prefix): value for key, value in flat.items()}


def _is_setting(key: str, value: object, left_out: dict[str, str]) -> bool:
    if key.lower() not in SETTINGS or not isinstance(value, dict):
        return False
    left_out[key] = "settings, not measurements"
    return True


def _prefixed(key: str, prefix: str) -> str:
    first = key.lower().replace("/", "_").partition("_")[0]
    return key if key.lower() in POSITIONS or first in HELD_OUT else f"{prefix}_{key}"


def _flattened(record: Record, left_out: dict[str, str], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            if depth < DEEPEST:
                yield from _flattened(value, left_out, f"{name}/", depth + 1)
            else:
                left_out[name] = "nested too deeply"
        elif isinstance(value, list):
            if len(value) <= LISTED and not any(isinstance(entry, list | dict) for entry in value):
                yield from ((f"{name}/{i}" if len(value) > 1 else name, entry) for i, entry in enumerate(value))
            else:
                left_out[name] = "a list in every row"
        else:
            yield name, value


def _widened(flat: Record) -> Record:
    """A row of one named metric as a row with a column of that name."""
    if len(flat) > LONG_KEYS:
        return flat
    lower = {key.lower(): key for key in flat}
    name = next((lower[key] for key in LONG_NAMES if isinstance(flat.get(lower.get(key, "")), str)), None)
    value = next((lower[key] for key in LONG_VALUES if key in lower), None)
    if name is None or value is None:
        return flat
    rest = {key: entry for key, entry in flat.items() if key not in (name, value)}
    return {**rest, str(flat[name]): flat[value]}


def _run_key(rows: list[Record]) -> str | None:
    """The key that tells runs apart, None when all rows are of one run."""
    for key in (one for one in RUN_KEYS if any(one in row for row in rows)):
        names = Counter(str(row[key]) for row in rows if row.get(key) is not None and number(row[key]) is None)
        if not names:
            names = Counter(str(row[key]) for row in rows if key != "name" and row.get(key) is not None)
        if len(names) > 1 and sum(names.values()) >= ROWS_PER_RUN * len(names):
            return key
    return None


def _by_run(rows: list[Record], run_key: str | None) -> dict[str, list[Record]]:
    if run_key is None:
        return {"": rows}
    runs: dict[str, list[Record]] = {}
    for row in rows:
        name = row.get(run_key)
        label = str(int(name)) if isinstance(name, float) and name.is_integer() else "" if name is None else str(name)
        runs.setdefault(label, []).append(row)
    return runs
