"""Runs a script as a recorded one, and reads what the recorder wrote."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrdoctor.recording.settings import Recording

Row = dict[str, float | None]
LONGEST = 120
"""Seconds; a script that hangs is ended."""


@dataclass(frozen=True)
class Done:
    """A script that has run."""

    folder: Path
    code: int
    stdout: str
    stderr: str

    @property
    def facts(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "recording.json").read_text("utf-8"))
        return document

    def rows(self, number: int = 0) -> list[Row]:
        """Those of the optimizer of that number."""
        name = f"steps_{number}.csv" if number else "steps.csv"
        with open(self.folder / name, encoding="ascii", newline="") as file:
            return [{key: float(cell) if cell else None for key, cell in row.items()} for row in csv.DictReader(file)]

    def column(self, name: str, number: int = 0) -> list[float | None]:
        return [row[name] for row in self.rows(number)]

    @property
    def printed(self) -> list[Any]:
        """The JSON documents on its standard output, a line each."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def record(
    folder: Path, script: str, *arguments: str, environment: Mapping[str, str] | None = None, **settings: Any
) -> Done:
    """Runs the script with a Python of its own, recorded.

    Args:
        folder: where to work; the recording is `folder/out`.
        script: its text.
        arguments: of the script; the first `-m` or option before it is Python's.
        environment: what else its environment holds.
        settings: of the recording.
    """
    (folder / "train.py").write_text(script, encoding="utf-8")
    return run(folder, [sys.executable, "train.py", *arguments], environment=environment, **settings)


def run(folder: Path, command: list[str], *, environment: Mapping[str, str] | None = None, **settings: Any) -> Done:
    """Runs a command in the folder, recorded."""
    out = folder / "out"
    out.mkdir()
    base = {**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})}
    ran = subprocess.run(
        command,
        cwd=folder,
        env=Recording(directory=str(out), **settings).environment(base),
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    return Done(out, ran.returncode, ran.stdout, ran.stderr)
