"""The table of `benchmarks.startup`, from made-up times, and that what it runs is what it says."""

from __future__ import annotations

from pathlib import Path

import lrdoctor
from benchmarks import startup


def test_ratios_are_taken_within_a_round() -> None:
    slow = {startup.BARE: 20.0, startup.PANDAS: 600.0, "lrdoctor --help": 120.0, "lrdoctor diagnose small.csv": 1500.0}
    quick = {name: value / 2 for name, value in slow.items()}
    lines = [line.split() for line in startup.table([slow, quick, slow])]
    assert [line[-3:] for line in lines[1:3]] == [["20", "1.0", "0.03"], ["600", "30.0", "1.00"]]
    assert lines[3][2:] == ["120", "6.0", "0.20", "limit", "0.3:", "ok"]
    assert lines[4][3:] == ["1500", "75.0", "2.50", "limit", "0.6:", "MISSED"]


def test_what_is_run() -> None:
    of = startup.programs(Path("/x/small.csv"))
    assert of[startup.PANDAS] == ["-c", "import pandas"]
    assert of["lrdoctor rules"] == ["-m", "lrdoctor", "rules"]
    assert of["lrdoctor diagnose small.csv --json"] == ["-m", "lrdoctor", "diagnose", "/x/small.csv", "--json"]


def test_the_log_is_a_healthy_one(tmp_path: Path) -> None:
    startup.write(tmp_path / "small.csv")
    report = lrdoctor.diagnose(tmp_path / "small.csv")
    assert (report.verdict, report.runs[0].n_points) == ("stable", startup.ROWS)
