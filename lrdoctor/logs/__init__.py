"""Runs that already exist: one reader a format, told by content and never by name alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrdoctor.core.run import Run
from lrdoctor.errors import LogError, NoLogError
from lrdoctor.logs import delimited, frames, recordings, run_keys
from lrdoctor.logs.base import Column, Reader, Source, Table
from lrdoctor.logs.runs import runs_of
from lrdoctor.logs.text import STANDARD_INPUT, bytes_source, open_source

if TYPE_CHECKING:
    from pandas import DataFrame

OF_TRIAL = "steps.csv", "trial.json"
"""The curves of a trial in a study folder, and what lies beside them there."""
FEWEST_POINTS = 20
"""Points of a run that can be judged beside others of the same log; a start that was given up has fewer."""


def read_log(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002  # as the option is called
    columns: Mapping[str, str] | None = None,
) -> list[Run]:
    """The runs that a log holds, at least one.

    Args:
        path: a file, `-` for standard input, or a folder that is one log, as DVCLive and MLflow write them.
        format: the name of the reader to use; None to find it by the content.
        columns: what to read from which column: keys loss, val_loss, lr, grad_norm, step and epoch.

    Raises:
        LogError: the log cannot be read, is of no known format, or holds no training loss.
    """
    source = _source(path)
    reader = reader_of(source, format)
    runs = _runs(source.name, reader.NAME, reader.read(source), columns)
    if Path(path).name == OF_TRIAL[0] and Path(path).with_name(OF_TRIAL[1]).is_file():
        return [replace(run, provenance={**run.provenance, "of_a_trial": True}) for run in runs]
    return [recordings.with_recording(run, Path(path)) for run in runs]


def read_event_files(paths: Sequence[Path], columns: Mapping[str, str] | None = None) -> list[Run]:
    """The run of several TensorBoard event files of one folder, under the folder's name.

    Raises:
        LogError: they cannot be read, or hold no training loss.
    """
    from lrdoctor.logs import tensorboard

    sources = [open_source(path) for path in paths]
    return _runs(str(paths[0].parent), tensorboard.NAME, [tensorboard.read_run(sources)], columns)


def read_bytes(
    name: str,
    content: bytes,
    *,
    format: str | None = None,  # noqa: A002
    columns: Mapping[str, str] | None = None,
) -> list[Run]:
    """The runs of a log's content, packed or not, as `read_log` gives those of a file.

    Raises:
        LogError: as there.
    """
    source = bytes_source(name, content)
    reader = reader_of(source, format)
    return _runs(name, reader.NAME, reader.read(source), columns)


def read_table(data: DataFrame | Mapping[str, Iterable[Any]], *, columns: Mapping[str, str] | None = None) -> list[Run]:
    """The runs of a table in memory, as `frames.tables` takes it apart.

    Raises:
        LogError: it holds no training loss.
        ValueError, TypeError: it is no table.
    """
    return _runs(frames.name_of(data), frames.NAME, frames.tables(data, columns), columns)


def read_columns(name: str, columns: Mapping[str, Column]) -> list[Run]:
    """The runs of columns in memory that know which of their cells were logged.

    Raises:
        LogError: they hold no training loss.
    """
    return _runs(name, frames.NAME, [Table("", columns)], None)


def _source(path: str | Path) -> Source:
    folder = Path(path)
    with suppress(OSError, ValueError):  # what is wrong with the path is said where it is opened
        if folder.is_dir() and str(path) not in STANDARD_INPUT:
            from lrdoctor.logs import dvclive, mlflow

            if dvclive.is_folder(folder) or mlflow.is_run_folder(folder):
                return Source(str(path), folder, b"")
    return open_source(path)


def _runs(name: str, format_name: str, tables: Iterable[Table], columns: Mapping[str, str] | None) -> list[Run]:
    found: list[Run] = []
    refused: list[LogError] = []
    for table in chain.from_iterable(map(run_keys.split, tables)):
        try:
            found += runs_of(name, format_name, table, columns)
        except LogError as error:
            refused.append(error)
    if not found:
        raise refused[0] if refused else NoLogError(f"{name}: holds no rows, there is nothing to judge")
    if len(found) == 1 and _is_single_number(found[0]):
        column = found[0].provenance["columns"][found[0].provenance.get("judged", "train_loss")]
        raise NoLogError(f"{name}: holds one value of {str(column)!r}, expected a series of them")
    found = _with_aborted(found)
    return [_with(run, refused) for run in found] if refused else found


def _is_single_number(run: Run) -> bool:
    """Whether the log is a setting or a final result: one row, and nothing in it that ended a training."""
    return all(len(curve) == 1 and bool(np.isfinite(curve.value[0])) for curve in run.curves.values())


def _with_aborted(runs: list[Run]) -> list[Run]:
    """The runs of one log, those marked that are a start given up, or an evaluation, beside a run that went on."""
    longest = max(map(_n_points, runs))
    if longest < FEWEST_POINTS:
        return runs
    return [
        replace(run, provenance={**run.provenance, "aborted": f"{_n_points(run)} of up to {longest} points"})
        if _n_points(run) < min(FEWEST_POINTS, longest / 2 + 1)
        else run
        for run in runs
    ]


def _n_points(run: Run) -> int:
    return max(len(run.train_loss), len(run.val_loss) if "judged" in run.provenance else 0)


def reader_of(source: Source, format: str | None = None) -> Reader:  # noqa: A002
    """The reader of that name, or the first that knows the content.

    Raises:
        LogError: there is no such reader, or none knows the content; the message lists all.
    """
    # all readers together take as long to import as a small log takes to judge; the commonest form needs one of them
    if format is None and delimited.is_plain(source):
        return delimited
    from lrdoctor.logs import readers

    return readers.reader_of(source, format)


def _with(run: Run, refused: list[LogError]) -> Run:
    """The run, with what of the same log could not be used."""
    left_out = {**run.provenance["left_out"], f"{len(refused)} other tables of the log": str(refused[0])}
    return Run(run.name, run.source, run.curves, provenance={**run.provenance, "left_out": left_out})
