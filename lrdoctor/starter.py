"""The starter that `lrdoctor init` writes: a spec and a workload that run as they are."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from lrdoctor.errors import SpecError

FILES = {
    "lrdoctor.yaml": "templates/lrdoctor.yaml",
    "workload.py": "templates/workload.py",
    "lrdoctor.schema.json": "schemas/spec.schema.json",
}
"""File of the starter -> where the package keeps its text."""


def write_starter(folder: Path) -> list[Path]:
    """Writes the starter into a folder, made when it is missing, and returns the files.

    Raises:
        SpecError: one of the files is there already, or cannot be written; nothing is ever overwritten.
    """
    there = [name for name in FILES if os.path.lexists(folder / name)]
    if there:
        raise SpecError(
            f"{folder}: found {', '.join(there)}, expected a folder without it; choose another folder, or "
            "move what is there: init never overwrites"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / name, source) for name, source in FILES.items()]
    except OSError as error:
        raise SpecError(f"{error.filename}: found a place that cannot be written: {error.strerror}") from None


def _write(path: Path, source: str) -> Path:
    text = files("lrdoctor").joinpath(source).read_text("utf-8")
    with path.open("x", encoding="utf-8", newline="\n") as file:  # x: fails rather than overwrites
        file.write(text)
    return path
