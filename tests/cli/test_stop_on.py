"""`lrdoctor run --stop-on unstable`: a script that goes on for ever is ended when its training is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

SCRIPT = """
import subprocess, sys, time, torch
torch.manual_seed(0)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("child.pid", "w").write(str(child.pid))
w = torch.nn.Parameter(torch.ones(4))
optimizer = torch.optim.SGD([w], lr=0.05)
x = torch.randn(4000, 4)
for step in range({steps}):
    loss = ((x[step % 4000] * w).sum() ** 2 + 0.1 + 0.01 * x[step % 4000].abs().sum())
    if step >= {lost_from}:
        loss = loss * float("nan")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step >= {lost_from}:
        time.sleep(0.05)
child.kill()
"""


def run(
    folder: Path, steps: int, lost_from: int, *words: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, object]]:
    script = folder / "train.py"
    script.write_text(SCRIPT.format(steps=steps, lost_from=lost_from))
    out = folder / "out"
    command = [sys.executable, "-m", "lrdoctor", "run", "--out", str(out), *words, "--", sys.executable, script.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    return done, json.loads((out / "report.json").read_text()) if (out / "report.json").exists() else {}


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux which processes run")
def test_a_lost_training_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    done, report = run(tmp_path, 10**9, 300, "--stop-on", "unstable")
    assert done.returncode == 1, done.stderr
    assert "ended the script: train: UNSTABLE at step 300" in done.stderr
    assert report["verdict"] == "unstable"
    recorded = report["recorded"]
    assert isinstance(recorded, dict)
    assert recorded["signal"] == signal.SIGTERM.name
    assert not is_running(int((tmp_path / "child.pid").read_text()))


def test_a_healthy_one_runs_to_its_end(tmp_path: Path) -> None:
    done, report = run(tmp_path, 300, 10**9, "--stop-on", "unstable")
    assert "ended the script" not in done.stderr
    recorded = report["recorded"]
    assert isinstance(recorded, dict)
    assert recorded["exit_code"] == 0


def test_nothing_can_be_stopped_where_nothing_is_judged(tmp_path: Path) -> None:
    done, _ = run(tmp_path, 1, 0, "--stop-on", "unstable", "--record-only")
    assert done.returncode == 2
    assert "--stop-on has nothing to go by" in done.stderr
