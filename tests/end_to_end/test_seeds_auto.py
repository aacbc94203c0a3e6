"""`--seeds auto` from the command line, on a workload whose limit is the same for every seed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from projects import in_process
from report_schema import SCHEMA, faults
from test_quadratic_limits import spec_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forkserver is POSIX")

ONE_SEED = "seeds: [7]\n"


def run(folder: Path, command: str, *options: object) -> dict[str, Any]:
    """The report of a command on the quadratic whose limit is 0.4."""
    (folder / "spec.yaml").write_text(spec_of("sgd", 0.0, curvature=5.0) + ONE_SEED)
    given = ("--out", folder / "out", "--json", "--fail-on", "never", "--jobs", 2, *options)
    done = in_process(command, folder / "spec.yaml", *given)
    assert done.returncode in (0, 2), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert faults(report, SCHEMA) == []
    return report


def test_a_sweep_is_given_three_seeds_and_intervals(tmp_path: Path) -> None:
    one = run(tmp_path, "sweep")
    assert {row["seed"] for row in one["runs"]} == {7}
    single = one["sweep"]["intervals"]
    assert (single["n_seeds"], single["stability_margin"], single["stable_in_3_of_4"]) == (1, None, None)
    several = run(tmp_path, "sweep", "--seeds", "auto")
    assert {row["seed"] for row in several["runs"]} == {7, 8, 9}
    known = several["sweep"]["intervals"]
    low, high = known["unstable_base_learning_rate"]
    assert low < 0.4 < high < 0.8
    assert low <= several["unstable_base_learning_rate"] <= high
    assert known["stable_in_3_of_4"] < 0.4
    assert (known["n_seeds"], known["confidence"]) == (3, 0.9)


def test_a_probe_has_the_seeds_of_its_sweep(tmp_path: Path) -> None:
    report = run(tmp_path, "probe", "--seeds", "auto")
    assert {one["seed"] for one in report["probe"]["seeds"]} == {7, 8, 9}


def test_with_a_given_rate_there_is_nothing_to_settle(tmp_path: Path) -> None:
    report = run(tmp_path, "probe", "--seeds", "auto", "--lr", 0.1)
    assert {one["seed"] for one in report["probe"]["seeds"]} == {7, 8, 9}
    assert report["sweep"] == {}


def test_a_plan_says_that_seeds_may_come(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(spec_of("sgd", 0.0, curvature=5.0) + ONE_SEED)
    given = ("--out", tmp_path / "out", "--plan", "--json", "--jobs", 1)
    plain, auto = (
        json.loads(in_process("treat", tmp_path / "spec.yaml", *given, *options).stdout)["plan"]
        for options in ((), ("--seeds", "auto"))
    )
    swept = [sum(s["trials"] for s in plan["stages"] if s["part"] == "sweep") for plan in (plain, auto)]
    # with three seeds in place of one: further seeds where the first does not tell
    assert swept == [12, 19]
    assert not any("--seeds auto" in one for one in plain["assumptions"])
    assert any("--seeds auto begins with these seeds" in one for one in auto["assumptions"])
