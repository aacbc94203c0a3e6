"""What the tests of these readers share: sources made of text, and tables as plain rows."""

from __future__ import annotations

import math

from lrdoctor.logs import dvclive, hf_trainer, jsonl, mlflow
from lrdoctor.logs.base import HEAD_BYTES, Source
from lrdoctor.logs.console import FORMATS

READERS = (hf_trainer, mlflow, dvclive, jsonl, *FORMATS)


def text_source(text: str | bytes, name: str = "-") -> Source:
    raw = text.encode() if isinstance(text, str) else text
    return Source(name, None, raw[:HEAD_BYTES], raw)


def file_source(path) -> Source:
    head = b"" if path.is_dir() else path.read_bytes()[:HEAD_BYTES]
    return Source(str(path), path, head)


def sniffed_by(source) -> list[str]:
    return [reader.NAME for reader in READERS if reader.sniff(source)]


def reader_of(source):
    return next((reader for reader in READERS if reader.sniff(source)), None)


def listed(column):
    """The column's entries; None where nothing was logged, "nan" for a nan that was."""
    shown = ("nan" if math.isnan(value) else value for value in column.value.tolist())
    return [value if logged else None for value, logged in zip(shown, column.logged.tolist(), strict=True)]


def columns(table):
    return {name: listed(column) for name, column in table.columns.items()}
