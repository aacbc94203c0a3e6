"""JSON lines, arrays of records, and objects of equally long lists.

Nested keys are joined with `/`. null is a missing entry; NaN and Infinity, which strict JSON does not know, are
entries. Rows of another kind (`"split": "val"`) get columns of their own (`val_loss`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from lrdoctor.errors import NoLogError
from lrdoctor.logs import hf_trainer
from lrdoctor.logs._decode import whole_text
from lrdoctor.logs._json import objects, parsed
from lrdoctor.logs._rows import FEWEST_A_KEY, Rows, counted
from lrdoctor.logs._run_names import RunNames
from lrdoctor.logs.base import Source, Table
from lrdoctor.logs.run_keys import is_run_key
from lrdoctor.logs.statements import Finder
from lrdoctor.logs.text import blocks, head_text

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
LONG_NAMES = ("metricname", "metric", "key", "tag", "name")
LONG_VALUES = ("metricvalue", "value")
LONG_KEYS = 7
"""One metric a row: with more keys than this, a row holds measurements by their own names."""
RAY_MARKS = frozenset({"training_iteration", "time_this_iter_s"})
RAY_DROPPED = ("time_", "timers/", "perf/", "pid", "hostname", "node_ip", "date", "timestamp", "experiment_id")
DEEPEST = 12
"""Nested objects below this depth hold no metric; a limit keeps hostile input from exhausting the stack."""
RECORDS_AT_ONCE = 10_000
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
    gathered = None if head_text(source).lstrip().startswith("[") else _of_lines(source)
    gathered = _of_objects(source) if gathered is None else gathered
    if not (found := [table for table in gathered.tables() if table.columns]):
        raise NoLogError(
            f"{source.name}: no record with a number in it; expected JSON lines, an array or an object of lists"
        )
    yield from found


class _Gathered:
    """The rows of the records so far, and what was left out."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.runs = RunNames()
        self.left_out: dict[str, str] = {}
        self.said: tuple[tuple[str, int | None, str, float], ...] = ()

    def add(self, records: Sequence[Record]) -> None:
        """Adds records in their order."""
        columns = _columns(records)
        if columns:
            self.rows.add_block(columns, len(records))
            return
        for record in records:
            row = _row(record, self.left_out)
            size = self.rows.size
            self.rows.add(row.items())
            if self.rows.size > size:
                self.runs.add(size, row)

    def tables(self) -> Iterator[Table]:
        """A table for each run."""
        if (found := self.runs.found(self.rows.size)) is None:
            yield self.rows.table(facts={"said": self.said} if self.said else {}, left_out=self.left_out)
        else:
            yield from self.rows.tables(found.keys, found.codes, found.names, self.left_out)


def _columns(records: Sequence[Record]) -> dict[str, tuple[float, ...]]:
    """The columns of records that all have the same keys and numbers alone; {} where these records differ in kind."""
    names = list(records[0]) if records else []
    if (
        len(records) < FEWEST_A_KEY
        or not SPECIAL.isdisjoint(names)
        or any(map(is_run_key, names))
        or any(list(record) != names for record in records)
    ):
        return {}
    columns = dict(zip(names, zip(*(record.values() for record in records), strict=True), strict=True))
    return columns if all(set(map(type, column)) == {float} for column in columns.values()) else {}


def _of_lines(source: Source) -> _Gathered | None:
    """The records of JSON lines, None when the text is one object or several, printed over many lines."""
    gathered, bad = _Gathered(), _BadLines()
    n_records, first = 0, None
    for block in blocks(source, gathered.left_out):
        if not block.strip():
            bad.n_lines += block.count(b"\n")
            continue
        records = bad.without(block.decode("utf-8", "replace").split("\n"))
        if first is None and records:
            first = records[0]
        n_records += len(records)
        gathered.add(records)
    if n_records <= bad.n or first is None:
        return None
    if n_records == 1:
        left_out = gathered.left_out
        gathered = _Gathered()
        gathered.add(_inner_records([first], left_out))
        gathered.left_out |= left_out
    gathered.left_out |= bad.left_out()
    gathered.said = bad.finder.said()
    return gathered


def _of_objects(source: Source) -> _Gathered:
    """The records of an array of objects, or of objects one after another."""
    gathered = _Gathered()
    text = whole_text(source).strip()
    is_array = text.startswith("[")
    if not text.endswith("]" if is_array else "}"):
        gathered.left_out["end of the file"] = "cut in the middle of a record"
    found = objects(text, int(is_array))
    while records := list(islice(found, RECORDS_AT_ONCE)):
        gathered.add(records if is_array or len(records) > 1 else _inner_records(records, gathered.left_out))
    return gathered


class _BadLines:
    """Reads lines, and counts those that are no JSON objects."""

    def __init__(self) -> None:
        self.n = self.n_lines = self.first = self.last = self.last_filled = 0
        self.finder = Finder()
        """What these lines say in words."""
        self.before = ""

    def without(self, lines: Sequence[str]) -> list[Record]:
        """The records that the next lines of the file hold; the last one is "" where it is the next block's first."""
        # one call for all lines is much faster, and fails where any line is cut or is no JSON
        together = parsed(f"[{','.join(filter(str.strip, lines))}]")
        if isinstance(together, list) and all(type(record) is dict for record in together):
            self.last_filled = self.n_lines + len(lines)
            records = together
        else:
            records = [record for at, line in enumerate(lines) if (record := self._record(self.n_lines + at, line))]
            self.before = ""
        self.n_lines += len(lines) - (not lines[-1])
        return records

    def _record(self, at: int, line: str) -> Record | None:
        if not line.strip():
            return None
        self.last_filled = at
        if isinstance(record := parsed(line), dict):
            self.before = line
            return record
        self.first = self.first if self.n else at
        self.last, self.n = at, self.n + 1
        self.finder.add(f"{self.before}\n{line}\n")
        return None

    def left_out(self) -> dict[str, str]:
        if self.n == 1 and self.last == self.last_filled:
            return {"last line": "cut in the middle of a record"}
        return {counted(self.n, "line"): f"not JSON objects, the first is line {self.first + 1}"} if self.n else {}


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
    name = next((lower[key] for key in LONG_NAMES if key in lower and isinstance(flat[lower[key]], str)), None)
    value = next((lower[key] for key in LONG_VALUES if key in lower), None)
    if name is None or value is None:
        return flat
    rest = {key: entry for key, entry in flat.items() if key not in (name, value)}
    return {**rest, str(flat[name]): flat[value]}
