"""Where a CI service should point: a file of the repository and a line of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lrdoctor.core import saved_json

ROOTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Environment variables that name the checkout, to which paths have to be relative."""
SUFFIXES = (".yaml", ".yml")
SWEPT = "sweep"
"""The key of the spec that a study's findings point at: the rates that were tried."""


@dataclass(frozen=True)
class Place:
    """A file by its path from the root of the checkout, with slashes, and a line counted from 1."""

    file: str
    line: int | None = None


def place_of_log(source: str) -> Place | None:
    """The log; None when it is no file, such as standard input."""
    path = Path(source)
    return Place(_from_root(path)) if _is_file(path) else None


def place_of_study(folder: Path | None) -> Place | None:
    """The `sweep` block of the spec that the study folder was made with; its own copy where that is gone."""
    spec = next(_specs(folder), None) if folder is not None else None
    return None if spec is None else Place(_from_root(spec), _line_of_sweep(spec))


def _specs(folder: Path) -> Iterator[Path]:
    for words in reversed(_command_lines(folder / "study.json")):
        yield from (Path(w) for w in words if isinstance(w, str) and w.endswith(SUFFIXES) and _is_file(Path(w)))
    if _is_file(folder / "spec.yaml"):
        yield folder / "spec.yaml"


def _command_lines(path: Path) -> list[list[Any]]:
    """How the study was run, the last one last; empty when that cannot be read: a place is a help, no result."""
    try:
        return [list(one["command_line"]) for one in saved_json.loads(path.read_bytes())["invocations"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _line_of_sweep(spec: Path) -> int:
    """The first line where the spec has no such key or is not YAML any more."""
    try:
        root = yaml.compose(spec.read_text("utf-8-sig"), Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return 1
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return next((key.start_mark.line + 1 for key, _ in pairs if key.value == SWEPT), 1)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no system takes
        return False


def _from_root(path: Path) -> str:
    """The path from the checkout's root; as it is where it lies elsewhere."""
    root = Path(next((os.environ[name] for name in ROOTS if os.environ.get(name)), ".")).resolve()
    whole = path.resolve()
    return (whole.relative_to(root) if whole.is_relative_to(root) else path).as_posix()
