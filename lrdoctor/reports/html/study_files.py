"""What the page takes out of a study folder besides the report: figures, trials' curves, versions, command lines.

The names of the files come out of report.json, so only names that lrdoctor itself gives are followed.
"""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrdoctor.core import saved_json
from lrdoctor.core.curve import Curve

FIGURE = re.compile(r"figures/[\w-]+\.svg", re.ASCII)
STEPS = re.compile(r"trials/[\w-]+/steps\.csv", re.ASCII)
MEASURED = ("train_loss", "val_loss", "grad_norm", "learning_rate")


@dataclass(frozen=True)
class Invocation:
    """One call of lrdoctor that the study was made by."""

    command: str
    started: str
    ended: str


@dataclass(frozen=True)
class Origin:
    """Where a study comes from."""

    name: str
    facts: tuple[tuple[str, str], ...]
    """Versions, machine and data: label and value."""
    invocations: tuple[Invocation, ...]


def figure_text(folder: Path | None, name: str) -> str | None:
    """The content of a figure of the study; None when there is no such file."""
    return _text(folder, name) if FIGURE.fullmatch(name) else None


def curves(folder: Path | None, source: str) -> dict[str, Curve]:
    """The curves of a trial by name, as they were measured; none when its file is missing or damaged."""
    text = _text(folder, source) if STEPS.fullmatch(source) else None
    if text is None:
        return {}
    try:
        rows = list(csv.DictReader(text.splitlines()))
        return dict(_curves(rows))
    except (ValueError, KeyError, TypeError, OverflowError, csv.Error):
        return {}


def _curves(rows: list[dict[str, str]]) -> Iterator[tuple[str, Curve]]:
    for name in MEASURED:
        measured = [row for row in rows if row[name] != ""]
        if measured:
            steps = np.array([int(row["step"]) for row in measured], dtype=np.int64)
            yield name, Curve(steps, np.array([float(row[name]) for row in measured]))


def origin(folder: Path | None) -> Origin | None:
    """What study.json tells; None when there is none that can be read."""
    text = _text(folder, "study.json")
    try:
        study = saved_json.loads(text) if text is not None else None
    except ValueError:
        return None
    if not isinstance(study, dict):
        return None
    found = study.get("invocations")
    calls = found if isinstance(found, list) else []
    return Origin(
        name=str(study.get("name", "")),
        facts=tuple(_facts(study)),
        invocations=tuple(_invocation(call) for call in calls if isinstance(call, dict)),
    )


def _facts(study: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "lrdoctor", str(study.get("lrdoctor_version", ""))
    for part in ("environment", "identity", "data"):
        block = study.get(part)
        for key, value in block.items() if isinstance(block, dict) else ():
            yield key, value if isinstance(value, str) else json.dumps(value)


def _invocation(call: Mapping[str, Any]) -> Invocation:
    line = call.get("command_line")
    words = [str(word) for word in line] if isinstance(line, list) else []
    return Invocation(
        # where the program lies on the machine that ran it says nothing to others
        command=shlex.join(["lrdoctor", *words[1:]]),
        started=f"{call.get('started', '')} on {call.get('machine', '')}",
        ended=str(call.get("exit") or "did not end"),
    )


def _text(folder: Path | None, name: str) -> str | None:
    if folder is None or not (folder / name).is_file():  # a device or a pipe may have no end
        return None
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
