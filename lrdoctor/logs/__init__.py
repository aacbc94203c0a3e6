"""Runs that already exist: one reader a format, told by content and never by name alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lrdoctor.core.run import Run
from lrdoctor.errors import LogError
from lrdoctor.logs import console, delimited, dvclive, hf_trainer, jsonl, mlflow, tensorboard, wandb
from lrdoctor.logs.base import Reader, Source
from lrdoctor.logs.runs import runs_of
from lrdoctor.logs.text import open_source

READERS: tuple[Reader, ...] = (
    tensorboard,
    wandb,
    mlflow,
    dvclive,
    hf_trainer,
    jsonl,
    *console.NAMED,
    delimited,
    *console.GUESSED,
)
"""In the order in which they look at a source: what is told by a signature first, what is told by guessing last."""


def read_log(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002  # as the option is called
    columns: Mapping[str, str] | None = None,
) -> list[Run]:
    """The runs that a log holds, at least one.

    Args:
        path: a file, or `-` for standard input.
        format: the name of the reader to use; None to find it by the content.
        columns: what to read from which column: keys loss, val_loss, lr, grad_norm, step and epoch.

    Raises:
        LogError: the log cannot be read, is of no known format, or holds no training loss.
    """
    source = open_source(path)
    reader = reader_of(source, format)
    found: list[Run] = []
    refused: list[LogError] = []
    for table in reader.read(source):
        try:
            found += runs_of(source.name, reader.NAME, table, columns)
        except LogError as error:
            refused.append(error)
    if not found:
        raise refused[0] if refused else LogError(f"{source.name}: holds no rows, there is nothing to judge")
    return [_with(run, refused) for run in found] if refused else found


def reader_of(source: Source, format: str | None = None) -> Reader:  # noqa: A002
    """The reader of that name, or the first that knows the content.

    Raises:
        LogError: there is no such reader, or none knows the content; the message lists all.
    """
    names = ", ".join(reader.NAME for reader in READERS)
    if format is not None:
        named = [reader for reader in READERS if format == reader.NAME]
        if not named:
            raise LogError(f"--format {format}: unknown format, expected one of {names}")
        return named[0]
    for reader in READERS:
        if reader.sniff(source):
            return reader
    raise LogError(
        f"{source.name}: no format that is known (it starts with {source.head[:40]!r}); known are {names}; "
        "force one with --format"
    )


def _with(run: Run, refused: list[LogError]) -> Run:
    """The run, with what of the same log could not be used."""
    left_out = {**run.provenance["left_out"], f"{len(refused)} other tables of the log": str(refused[0])}
    return Run(run.name, run.source, run.curves, provenance={**run.provenance, "left_out": left_out})
