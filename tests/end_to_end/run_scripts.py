"""A small script that trains, and `lrdoctor run` on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from report_schema import SCHEMA, faults

LONGEST = 120
STABLE, UNSTABLE, COULD_NOT_JUDGE, INTERRUPTED = 0, 1, 2, 130

TRAIN = """
import math, sys, torch
torch.manual_seed(0)
m = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
X = torch.randn(512, 4); Y = X.sum(1, keepdim=True) + 0.3 * torch.randn(512, 1)
o = torch.optim.SGD(m.parameters(), lr=RATE)
for k in range(STEPS):
    at = torch.randint(512, (32,))
    o.zero_grad(); loss = torch.nn.functional.mse_loss(m(X[at]), Y[at]); loss.backward()
    torch.nn.utils.clip_grad_norm_(m.parameters(), 1e9); o.step(); EXTRA
print("the script's last line")
"""


def script(rate: float = 0.05, steps: int = 300, extra: str = "pass", end: str = "") -> str:
    return TRAIN.replace("RATE", repr(rate)).replace("STEPS", str(steps)).replace("EXTRA", extra) + end


class Ran:
    """What came of one call."""

    def __init__(self, folder: Path, done: subprocess.CompletedProcess[str]) -> None:
        self.folder, self.code, self.stdout, self.stderr = folder, done.returncode, done.stdout, done.stderr

    @property
    def report(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "report.json").read_text("utf-8"))
        assert faults(document, SCHEMA) == []
        return document


def lrdoctor(
    tmp_path: Path,
    text: str,
    *options: str,
    command: list[str] | None = None,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
) -> Ran:
    """Runs `lrdoctor run` on a script of that text, or on a command; recorded in `out`."""
    (tmp_path / "train.py").write_text(text, encoding="utf-8")
    words = [sys.executable, "-m", "lrdoctor", "run", "--out", "out", *options, "--"]
    done = subprocess.run(
        [*words, *(command or [sys.executable, "train.py"])],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    return Ran(tmp_path / "out", done)
