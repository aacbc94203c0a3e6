"""`lrdoctor clip` on a workload whose large gradients at the start throw a high rate off, and which clipping cures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import STEEP, assert_drawn, in_process, lrdoctor, project, trials
from report_schema import SCHEMA, faults, parse
from typer.testing import CliRunner

from lrdoctor.cli import app

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forkserver are POSIX")

SPEC = """\
name: steep
model: {class_path: "./work.py:Net"}
data: {class_path: "./work.py:loaders"}
loss: torch.nn.MSELoss
optimizer: sgd
max_train_steps: 150
eval_every: 50
seeds: [0, 1]
sweep: {values: [0.001, 0.003]}
"""


@pytest.fixture(scope="module")
def clipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clipped")
    done = run(folder, project(folder, SPEC, STEEP), "--json", runner=lrdoctor)
    assert done.returncode in (0, 1), done.stderr
    assert_drawn(folder / "out")
    (folder / "stdout.json").write_text(done.stdout)
    return folder


def run(
    folder: Path, spec: Path, *more: str, runner: Callable[..., subprocess.CompletedProcess[str]] = in_process
) -> subprocess.CompletedProcess[str]:
    rates = ("--lr", 0.01, "--unstable-lr", 0.2)
    return runner("clip", spec, "--out", folder / "out", "--jobs", 1, *rates, *more)


def test_json_is_the_saved_report_and_fits_the_schema(clipped: Path) -> None:
    printed = parse((clipped / "stdout.json").read_text())
    assert printed == json.loads((clipped / "out" / "report.json").read_text())
    assert faults(printed, SCHEMA) == []
    assert printed["command"] == "clip"
    assert printed["clip"]["status"] == "verified"
    assert len(printed["runs"]) == len(trials(clipped / "out"))
    for name in printed["clip"]["figures"]:
        assert (clipped / "out" / name).is_file()


def test_a_second_run_trains_nothing_and_says_the_same(clipped: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in clipped.glob("out/trials/*/*")}
    done = run(clipped, clipped / "tiny.yaml", "--fail-on", "never", "-v")
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in clipped.glob("out/trials/*/*")} == before
    assert "completed" not in done.stderr
    verdict = parse((clipped / "stdout.json").read_text())["clip"]["verdict"]
    assert verdict[:60] in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--percentile", "0", "found 0, expected a number above 0 and at most 100"),
        ("--percentile", "101", "found 101, expected a number above 0 and at most 100"),
        ("--lr", "0", "found 0, expected a finite number above 0"),
        ("--unstable-lr", "nan", "found nan, expected a finite number above 0"),
    ],
)
def test_values_that_make_no_sense_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: str, expected: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(app, ["clip", str(tmp_path / "none.yaml"), option, value])
    assert done.exit_code == 2
    assert expected in done.stderr
