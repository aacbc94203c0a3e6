"""The starter that `lrdoctor init` writes: a spec and a workload that run as they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from lrdoctor.errors import SpecError

if TYPE_CHECKING:
    from lrdoctor.spec import Spec

SPEC, SCHEMA = "lrdoctor.yaml", "lrdoctor.schema.json"
FILES = {
    SPEC: "templates/lrdoctor.yaml",
    "workload.py": "templates/workload.py",
    SCHEMA: "schemas/spec.schema.json",
}
"""File of the starter -> where the package keeps its text."""


def write_starter(folder: Path) -> list[Path]:
    """Writes the starter into a folder, made when it is missing, and returns the files.

    Raises:
        SpecError: one of the files is there already, or cannot be written; nothing is ever overwritten.
    """
    package = files("lrdoctor")
    return _write_all(folder, {name: package.joinpath(source).read_text("utf-8") for name, source in FILES.items()})


def write_spec(folder: Path, spec: Spec) -> list[Path]:
    """Writes a spec into a folder, made when it is missing, with the JSON Schema beside it, and returns the files.

    Raises:
        SpecError: as `write_starter`.
    """
    schema = files("lrdoctor").joinpath(FILES[SCHEMA]).read_text("utf-8")
    head = f"# yaml-language-server: $schema=./{SCHEMA}\n# Run it with: lrdoctor sweep {SPEC}\n"
    return _write_all(folder, {SPEC: head + spec.to_yaml(folder), SCHEMA: schema})


def refuse_to_overwrite(folder: Path, names: Iterable[str]) -> None:
    """
    Raises:
        SpecError: one of the files is there already.
    """
    there = [name for name in names if os.path.lexists(folder / name)]
    if there:
        raise SpecError(
            f"{folder}: found {', '.join(there)}, expected a folder without it; choose another folder, or "
            "move what is there: init never overwrites"
        )


def _write_all(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    refuse_to_overwrite(folder, texts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / name, text) for name, text in texts.items()]
    except OSError as error:
        raise SpecError(f"{error.filename}: found a place that cannot be written: {error.strerror}") from None


def _write(path: Path, text: str) -> Path:
    with path.open("x", encoding="utf-8", newline="\n") as file:  # x: fails rather than overwrites
        file.write(text)
    return path
