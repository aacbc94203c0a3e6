"""A DVCLive folder: one small table of tab-separated values for each metric, below `plots/metrics`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lrdoctor.errors import LogError
from lrdoctor.logs._decode import decoded, number
from lrdoctor.logs._rows import Rows, counted
from lrdoctor.logs.base import Source, Table

NAME = "dvclive"
METRICS = Path("plots", "metrics")


def is_folder(path: Path) -> bool:
    """Whether it is a folder as DVCLive writes it."""
    return next(_files(path), None) is not None


def sniff(source: Source) -> bool:
    """Whether the source is a folder as DVCLive writes it."""
    try:
        return source.path is not None and source.path.is_dir() and is_folder(source.path)
    except (OSError, ValueError):
        return False


def read(source: Source) -> Iterator[Table]:
    """The one run of the folder, its rows ordered by step.

    Raises:
        LogError: there is no metric to read.
    """
    if source.path is None or not is_folder(source.path):
        raise LogError(f"{source.name}: expected a DVCLive folder with {METRICS.as_posix()}/*.tsv")
    left_out: dict[str, str] = {}
    entries = []
    for file in sorted(_files(source.path)):
        name = file.relative_to(source.path / METRICS).with_suffix("").as_posix()
        entries += [(step, name, entry) for step, entry in _series(file, left_out)]
    if not entries:
        raise LogError(f"{source.name}: no metric with a step in {METRICS.as_posix()}; {left_out or 'it is empty'}")
    rows = Rows()
    by_step: dict[float, list[tuple[str, object]]] = {}
    for step, name, entry in sorted(entries, key=lambda found: found[0]):
        by_step.setdefault(step, [("step", step)]).append((name, entry))
    for row in by_step.values():
        rows.add(row)
    yield rows.table("", left_out=left_out)


def _files(path: Path) -> Iterator[Path]:
    return (file for file in (path / METRICS).rglob("*.tsv") if file.is_file())


def _series(file: Path, left_out: dict[str, str]) -> Iterator[tuple[float, str]]:
    """(step, entry) of every row; the metric is the last column, and carries the file's name."""
    try:
        header, *lines = decoded(file.read_bytes()).split("\n")
    except OSError as error:
        left_out[file.name] = f"cannot be read: {error.strerror or error}"
        return
    keys = [key.strip() for key in header.split("\t")]
    if "step" not in keys[:-1]:
        left_out[file.name] = f"expected a column `step` before the metric, found {', '.join(keys[:3])}"
        return
    at, bad = keys.index("step"), 0
    for line in lines:
        cells = line.split("\t")
        step = number(cells[at]) if len(cells) == len(keys) else None
        if step is not None and abs(step) < float("inf"):
            yield step, cells[-1]
        elif line.strip():
            bad += 1
    if bad:
        left_out[f"{counted(bad, 'line')} of {file.name}"] = "no step in them"
