"""Weights & Biases' own files, `run-*.wandb`, read without the wandb package.

Seven bytes of header, then blocks of 32 KiB in the format of leveldb's log: chunks of a checksum (plain CRC-32 of type
and content), a length and a type, a record being one chunk or several. A record is a protocol buffer; its field 2 is a
row of the history, with a JSON text a value.

The format is nobody's promise: the version in the header is checked, and what does not fit is refused with a way out.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from lrdoctor.errors import LogError
from lrdoctor.logs._whole import SparseColumns, whole
from lrdoctor.logs._wire import BYTES, Damaged, Field, fields, signed, text
from lrdoctor.logs.base import Source, Table

NAME = "wandb"

IDENT = b":W&B"
HEADER = struct.Struct("<4sHB")
"""Ident, magic number, version."""
MAGIC = 0xBEE1
VERSION = 0

BLOCK = 32 * 1024
CHUNK = struct.Struct("<IHB")
"""Checksum, length, type."""
DAMAGED, FULL, FIRST, MIDDLE, LAST = range(5)
"""Types of a chunk; 0 is no type of the format's."""

HISTORY = 2
ITEM, ROW_STEP = 1, 2
KEY, NESTED_KEY, VALUE_JSON = 1, 2, 16

STEP = "_step"
WAY_OUT = "export the run's history to CSV (run.scan_history() in the wandb package) and read that"
NON_FINITE = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
"""How wandb spells in text what JSON has no number for."""

DEEPEST = 20
"""Levels of a nested value that are followed; wandb itself flattens what users log."""

NAMED_MOST = 20
"""Keys without numbers that are named one by one."""


@dataclass
class Chunks:
    """The records of a file, and what could not be read of it."""

    data: bytes
    n_bad: int = 0
    first_bad: int | None = None
    end: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        """The records, joined from their chunks."""
        parts: list[bytes] = []
        for kind, chunk in self._chunks():
            if kind in (FULL, FIRST, DAMAGED):
                parts = []
            elif not parts:  # the beginning of this record was damaged
                continue
            if kind == DAMAGED:
                continue
            parts.append(chunk)
            if kind in (FULL, LAST):
                yield b"".join(parts)
                parts = []

    def _chunks(self) -> Iterator[tuple[int, bytes]]:
        """Type and content of the good chunks. A damaged one breaks the record that it is part of."""
        at, size = HEADER.size, len(self.data)
        while at < size:
            next_block = (at // BLOCK + 1) * BLOCK
            if next_block - at < CHUNK.size or not any(self.data[at : at + CHUNK.size]):
                at = next_block  # filling; a file laid out in advance ends in zeros
                continue
            if self._is_cut(at, size, next_block):
                self.end = f"cut off in the middle of a record: {size - at} bytes from byte {at} on"
                return
            kind, begin, end = self._chunk_at(at, next_block)
            yield kind, self.data[begin:end]
            if kind == DAMAGED:
                self.n_bad += 1
                self.first_bad = at if self.first_bad is None else self.first_bad
                # the length may be the damaged part: it is believed only if a good chunk follows
                end = next_block if self._chunk_at(end, next_block)[0] == DAMAGED else end
            at = end

    def _is_cut(self, at: int, size: int, next_block: int) -> bool:
        """Whether the file ends inside the chunk at `at`."""
        if at + CHUNK.size > size:
            return True
        length: int = CHUNK.unpack_from(self.data, at)[1]
        return size < at + CHUNK.size + length <= next_block

    def _chunk_at(self, at: int, next_block: int) -> tuple[int, int, int]:
        """Type and where the content lies."""
        if at + CHUNK.size > min(next_block, len(self.data)):
            return DAMAGED, at, at
        checksum, length, kind = CHUNK.unpack_from(self.data, at)
        begin, end = at + CHUNK.size, at + CHUNK.size + length
        good = FULL <= kind <= LAST and end <= next_block and zlib.crc32(self.data[at + 6 : end]) == checksum
        return (kind if good else DAMAGED), begin, end


@dataclass
class History:
    """Rows as they come: for each key its row numbers and values."""

    n_rows: int = 0
    rows: dict[str, list[int]] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)
    others: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(key, what its value is) -> how many values are no numbers."""

    def add(self, record: bytes, row: Field) -> None:
        """Takes one row over.

        Raises:
            Damaged: the bytes are no row.
        """
        found: dict[str, float] = {}
        others: dict[str, str] = {}
        step: int | None = None
        for part in fields(record, row.start, row.end):
            if part.number == ITEM and part.wire == BYTES:
                key, value = _item(record, part)
                _flatten(key, value, found, others)
            elif part.number == ROW_STEP and part.wire == BYTES:
                step = sum(signed(f.value) for f in fields(record, part.start, part.end) if f.number == 1)
        if step is not None:
            found.setdefault(STEP, float(step))
        for name, number in found.items():
            self.rows.setdefault(name, []).append(self.n_rows)
            self.values.setdefault(name, []).append(number)
        self.others.update(others.items())
        self.n_rows += 1


def sniff(source: Source) -> bool:
    """Whether the file starts with W&B's ident."""
    return source.head.startswith(IDENT)


def read(source: Source) -> Iterator[Table]:
    """The table of one run's file: a row a call of log().

    Raises:
        LogError: it is no W&B file, of another version, or holds no number.
    """
    data, missing = whole(source)
    _check_header(source.name, data)
    chunks, history, n_damaged = Chunks(data), History(), 0
    for record in chunks:
        try:
            for part in fields(record, 0, len(record)):
                if part.number == HISTORY and part.wire == BYTES:
                    history.add(record, part)
        except Damaged:
            n_damaged += 1
    left_out = dict(_left_out(chunks, history, n_damaged, missing))
    if not history.rows.keys() - {STEP}:
        why = "; ".join(f"{what}: {reason}" for what, reason in left_out.items()) or "it was never written to"
        raise LogError(f"{source.name}: no number in the history of this W&B run ({why})")
    entries = {
        key: (np.array(rows, dtype=np.int64), np.array(history.values[key])) for key, rows in history.rows.items()
    }
    yield Table(name="", columns=SparseColumns(history.n_rows, entries), left_out=left_out)


def _check_header(name: str, data: bytes) -> None:
    if len(data) < HEADER.size or not data.startswith(IDENT):
        raise LogError(f"{name}: not a W&B run file: it starts with {data[: HEADER.size]!r}, expected {IDENT!r}")
    _, magic, version = HEADER.unpack_from(data)
    if (magic, version) != (MAGIC, VERSION):
        raise LogError(
            f"{name}: a W&B run file of another format (magic {magic:#x}, version {version}; expected {MAGIC:#x}, "
            f"version {VERSION}); {WAY_OUT}"
        )


def _item(record: bytes, item: Field) -> tuple[str, object]:
    """Key and value of one entry of a row; a value that is no JSON stays text."""
    key, nested, value = "", [], ""
    for part in fields(record, item.start, item.end):
        if part.wire != BYTES:
            continue
        if part.number == KEY:
            key = text(record, part)
        elif part.number == NESTED_KEY:
            nested.append(text(record, part))
        elif part.number == VALUE_JSON:
            value = text(record, part)
    try:
        return key or ".".join(nested), json.loads(value)
    except (ValueError, RecursionError):
        return key or ".".join(nested), value


def _flatten(key: str, value: object, found: dict[str, float], others: dict[str, str], level: int = 0) -> None:
    """Puts the numbers of a value into `found` by dotted key, and says what the rest is in `others`."""
    if isinstance(value, str) and value in NON_FINITE:
        found[key] = NON_FINITE[value]
    elif isinstance(value, int | float):
        found[key] = _as_float(value)
    elif isinstance(value, Mapping) and "_type" not in value and level < DEEPEST:
        for name, inner in value.items():
            _flatten(f"{key}.{name}", inner, found, others, level + 1)
    elif value is not None:
        others[key] = str(value["_type"])[:40] if isinstance(value, Mapping) and "_type" in value else "text or a list"


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond the range of floats
        return np.inf if value > 0 else -np.inf


def _left_out(chunks: Chunks, history: History, n_damaged: int, missing: str | None) -> Iterator[tuple[str, str]]:
    if missing or chunks.end:
        yield "the end", missing or str(chunks.end)
    if chunks.n_bad:
        yield f"{chunks.n_bad} stretches", f"damaged, the first at byte {chunks.first_bad}"
    if n_damaged:
        yield f"{n_damaged} records", "damaged"
    for (key, what), n in sorted(history.others.items())[:NAMED_MOST]:
        yield key, f"{what}, not a number ({n} rows)"
    if len(history.others) > NAMED_MOST:
        yield f"{len(history.others) - NAMED_MOST} other keys", "not numbers"
