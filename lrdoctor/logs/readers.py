"""Every reader of the shelf, in the order in which they look at a source: told by content and never by name alone."""

from __future__ import annotations

from lrdoctor.errors import LogError, NoLogError
from lrdoctor.logs import (
    console,
    containers,
    delimited,
    dvclive,
    hf_trainer,
    jsonl,
    mlflow,
    tensorboard,
    trackio,
    wandb,
)
from lrdoctor.logs.base import Reader, Source

OF_BINARIES: tuple[Reader, ...] = (tensorboard, wandb, mlflow, trackio, dvclive)
"""Told by a signature, or by the files of a folder."""
OF_TEXTS: tuple[Reader, ...] = (hf_trainer, jsonl, *console.NAMED, delimited, *console.GUESSED)
READERS: tuple[Reader, ...] = (*OF_BINARIES, *OF_TEXTS)
"""In the order in which they look at a source: what is told by a signature first, what is told by guessing last."""

UNKNOWN = "files of no known format"
"""How they are counted where a directory is searched."""
OWN_REPORT, OWN_HEAD = b'"lrdoctor_version"', 200
"""What stands in the first bytes of report.json, whose table of runs looks like a log."""


def reader_named(name: str) -> Reader:
    """The reader that --format calls so.

    Raises:
        LogError: there is none; the message lists all.
    """
    for reader in READERS:
        if name == reader.NAME:
            return reader
    raise LogError(f"--format {name}: unknown format, expected one of {_names()}")


def reader_of(source: Source, format: str | None = None) -> Reader:  # noqa: A002
    """The reader of that name, or the first that knows the content.

    Raises:
        LogError: there is no such reader, or none knows the content; the message lists all.
    """
    if format is not None:
        return reader_named(format)
    if OWN_REPORT in source.head[:OWN_HEAD]:
        raise NoLogError(f"{source.name}: is a report that lrdoctor wrote, expected a log", "reports of lrdoctor")
    if (found := next((reader for reader in OF_BINARIES if reader.sniff(source)), None)) is not None:
        return found
    containers.refuse(source)
    if (found := next((reader for reader in OF_TEXTS if reader.sniff(source)), None)) is not None:
        return found
    if delimited.is_header_only(source):
        raise NoLogError(f"{source.name}: holds a header and no rows, there is nothing to judge", UNKNOWN)
    raise NoLogError(
        f"{source.name}: no format that is known (it starts with {source.head[:40]!r}); known are {_names()}; "
        "force one with --format",
        UNKNOWN,
    )


def _names() -> str:
    return ", ".join(reader.NAME for reader in READERS)
