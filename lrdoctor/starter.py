"""The starter that `lrdoctor init` writes: a spec and a workload that run as they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from lrdoctor.errors import SpecError
from lrdoctor.store.files import write_whole

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

    What a kill between the files left of it is completed.

    Raises:
        SpecError: one of the files is there already, or cannot be written; nothing is ever overwritten.
    """
    return _write_all(folder, {name: _text(name) for name in FILES})


def write_spec(folder: Path, spec: Spec) -> list[Path]:
    """Writes a spec into a folder, made when it is missing, with the JSON Schema beside it, and returns the files.

    Raises:
        SpecError: as `write_starter`.
    """
    head = f"# yaml-language-server: $schema=./{SCHEMA}\n# Run it with: lrdoctor sweep {SPEC}\n"
    # the schema first: a spec that is there is whole, and is the user's
    return _write_all(folder, {SCHEMA: _text(SCHEMA), SPEC: head + spec.to_yaml(folder)})


def refuse_to_overwrite_spec(folder: Path) -> None:
    """What `write_spec` refuses, before the spec is known.

    Raises:
        SpecError: one of its files is there already.
    """
    _refuse_to_overwrite(folder, (SPEC, *(() if _holds(folder / SCHEMA, _text(SCHEMA)) else (SCHEMA,))))


def _refuse_to_overwrite(folder: Path, names: Iterable[str]) -> None:
    there = [name for name in names if os.path.lexists(folder / name)]
    if there:
        raise SpecError(
            f"{folder}: found {', '.join(there)}, expected a folder without it; choose another folder, or "
            "move what is there: init never overwrites"
        )


def _write_all(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    missing = [name for name, text in texts.items() if not _holds(folder / name, text)]
    _refuse_to_overwrite(folder, missing or texts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in missing:
            write_whole(folder / name, [texts[name].encode()])
        return [folder / name for name in texts]
    except OSError as error:
        raise SpecError(f"{error.filename}: found a place that cannot be written: {error.strerror}") from None


def _text(name: str) -> str:
    return files("lrdoctor").joinpath(FILES[name]).read_text("utf-8")


def _holds(path: Path, text: str) -> bool:
    with suppress(OSError):  # what cannot be read is somebody else's
        return path.is_file() and path.read_bytes() == text.encode()
    return False
