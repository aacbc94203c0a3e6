from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from projects import SPEC, assert_drawn, in_process, lrdoctor, project, trials
from report_schema import SCHEMA, faults, parse

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forkserver are POSIX")

SMALL = SPEC.replace("seeds: [0, 1, 2]", "seeds: [0, 1]").replace("max_train_steps: 60", "max_train_steps: 40")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study folder of a warmup search at rates given by hand."""
    folder = tmp_path_factory.mktemp("searched")
    rates = ("--lr", 0.01, "--unstable-lr", 0.5, "--factor", 4)
    done = lrdoctor("warmup", project(folder, SMALL), "--out", folder / "out", "--json", "--jobs", 1, *rates)
    assert done.returncode in (0, 1), done.stderr
    assert_drawn(folder / "out")
    (folder / "stdout.json").write_text(done.stdout)
    return folder / "out"


def test_the_report_and_the_figures_are_saved(searched: Path) -> None:
    printed = parse((searched.parent / "stdout.json").read_text())
    assert printed == json.loads((searched / "report.json").read_text())
    assert faults(printed, SCHEMA) == []
    assert printed["command"] == "warmup"
    assert (printed["best_learning_rate"], printed["unstable_base_learning_rate"]) == (0.01, 0.5)
    assert {row["base_learning_rate"] for row in printed["warmup"]["tried"]} >= {2.0}
    assert printed["fixes"][0]["status"] in ("verified", "rejected")
    assert [file for file in printed["warmup"]["figures"] if not (searched / file).is_file()] == []
    assert len(printed["warmup"]["figures"]) == 4
    assert len(printed["runs"]) == len(trials(searched)) == len((searched / "trials.csv").read_text().splitlines()) - 1


def test_a_finished_search_is_not_run_again(searched: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in searched.glob("trials/*/*")}
    rates = ("--lr", 0.01, "--unstable-lr", 0.5, "--factor", 4)
    done = in_process("warmup", searched.parent / "tiny.yaml", "--out", searched, "--fail-on", "never", "-v", *rates)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in searched.glob("trials/*/*")} == before
    assert "Warmups tried" in done.stdout
