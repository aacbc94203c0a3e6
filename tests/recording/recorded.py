"""Runs a script as a recorded one, and reads what the recorder wrote."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrdoctor.commands.forks import Fork
from lrdoctor.recording.settings import IMPORTS, Recording

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


UPDATE = """
import torch
w = torch.nn.Parameter(torch.zeros(1))
o = torch.optim.SGD([w], lr=0.1)
w.sum().backward(); o.step()
"""


class Prepared:
    """A process that has imported torch, and forks a recorded script for every call of `record`.

    Args:
        folder: where the scripts work.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._words = folder, [sys.executable, "train.py"]
        self._environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        told = json.loads((record(folder, UPDATE, tells_imports=True).folder / IMPORTS).read_text("ascii"))
        self._fork = Fork(self._words, str(folder), self._environment, told)
        self._fork.wait(lambda: False)
        assert self._fork.why is None, self._fork.why

    def close(self) -> None:
        self._fork.close()

    def record(self, folder: Path, script: str, **settings: Any) -> Done:
        """As `recorded.record`; the recording is `folder/out`, though the script works elsewhere."""
        (self._folder / "train.py").write_text(script, encoding="utf-8")
        out = folder / "out"
        out.mkdir()
        environment = Recording(directory=str(out), **settings).environment(self._environment)
        run = self._fork.start(self._words, str(self._folder), environment, uuid.uuid4().hex)
        assert run is not None, self._fork.why
        with run.stdout, run.stderr:
            said, complained = run.stdout.read().decode(), run.stderr.read().decode()
        return Done(out, run.wait(), said, complained)
