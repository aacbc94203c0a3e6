"""Whatever Python code holds of logs -> runs: paths, open files, DataFrames, mappings of columns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lrdoctor.core.run import Run
from lrdoctor.errors import LogError
from lrdoctor.logs import frames, read_bytes, read_table
from lrdoctor.logs.gather import Gathered, Reading, Unread, gathered, reading

FILE = "file"
"""What reports call an open file that has no name."""


def gather_any(
    logs: Any,
    *,
    format: str | None = None,  # noqa: A002  # as the option is called
    columns: Mapping[str, str] | None = None,
    objective: str | None = None,
) -> Gathered | Reading:
    """The runs of the logs; those at paths are read as they are taken.

    Args:
        logs: a path or several, an open file, a DataFrame, or a mapping of columns.
        format: the name of the reader to use for files; None to find it by the content.
        columns: what to read from which column, as in `read_log`.
        objective: what is known of the objective, as in `reading`.

    Raises:
        LogError: there is no reader of that name, or standard input is given twice.
        ValueError: a mapping's columns make no table, or a format is given for what is no file.
        TypeError: it is nothing of the above.
    """
    if frames.is_table(logs):
        if format is not None:
            raise ValueError(f"format={format!r}: found a {frames.name_of(logs)}, a format is for files")
        return _gathered(frames.name_of(logs), lambda: read_table(logs, columns=columns), objective)
    if hasattr(logs, "read"):
        if format is not None:
            from lrdoctor.logs.readers import reader_named

            reader_named(format)
        name, content = _name(logs), _content(logs)
        return _gathered(name, lambda: read_bytes(name, content, format=format, columns=columns), objective)
    return reading(_paths(logs), format=format, columns=columns, objective=objective)


def _gathered(name: str, read: Callable[[], list[Run]], objective: str | None) -> Gathered:
    try:
        return gathered(read(), objective)
    except LogError as error:
        return Gathered(unread=(Unread(name, str(error).removeprefix(f"{name}: ")),))


def _paths(logs: Any) -> list[str]:
    """Raises a TypeError for what is no path, and no iterable of paths."""
    found = [logs] if isinstance(logs, str | os.PathLike) or not isinstance(logs, Iterable) else list(logs)
    for path in found:
        if not isinstance(path, str | os.PathLike):
            hint = '; give values as a column, {"loss": values}' if len(found) > 1 else ""
            raise TypeError(
                f"found {type(path).__name__}, expected a path or several, an open file, a pandas DataFrame, or a "
                f"mapping of columns{hint}"
            )
    return [os.fsdecode(path) for path in found]


def _name(file: Any) -> str:
    """The path of the file where it has one; a pipe's name is a number."""
    name = getattr(file, "name", None)
    return name if isinstance(name, str) and name else FILE


def _content(file: Any) -> bytes:
    content = file.read()
    return content.encode("utf-8", "replace") if isinstance(content, str) else bytes(content)
