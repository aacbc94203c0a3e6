"""The plainest `diagnose`, which is read without typer, and everything else, which is left to typer."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lrdoctor.cli import app, quick
from lrdoctor.cli.exit_codes import FailOn, coded

SAMPLES = Path(__file__).parents[2] / "sample_runs"


@pytest.mark.parametrize(
    ("typed", "paths", "flags", "fail_on"),
    [
        ("diagnose a.csv", ("a.csv",), set(), "unstable"),
        ("diagnose a.csv b/ -", ("a.csv", "b/", "-"), set(), "unstable"),
        ("diagnose --json a.csv", ("a.csv",), {"json"}, "unstable"),
        ("diagnose a.csv -v --quiet", ("a.csv",), {"verbose", "quiet"}, "unstable"),
        ("diagnose --fail-on never a.csv", ("a.csv",), set(), "never"),
        ("diagnose a.csv --fail-on warning --fail-on unstable", ("a.csv",), set(), "unstable"),
    ],
)
def test_plain_words_are_understood(typed: str, paths: tuple[str, ...], flags: set[str], fail_on: str) -> None:
    assert quick.understood(typed.split()) == quick.Diagnose(paths, frozenset(flags), FailOn(fail_on))


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "--version",
        "diagnose",
        "diagnose --json",
        "diagnose --help",
        "diagnose a.csv --html a.html",
        "diagnose a.csv --alpha 0.001",
        "diagnose a.csv -qv",
        "diagnose a.csv --fail-on",
        "diagnose a.csv --fail-on often",
        "diagnose a.csv --fail-on=never",
        "diagnose --json=yes a.csv",
        "diagnose -- a.csv",
        "diagnos a.csv",
        "sweep a.yaml",
    ],
)
def test_all_else_is_for_typer(typed: str) -> None:
    assert quick.understood(typed.split()) is None


def test_a_shell_that_completes_is_for_typer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_LRDOCTOR_COMPLETE", "complete_bash")
    assert quick.understood(["diagnose", "a.csv"]) is None


@pytest.mark.parametrize(
    "typed",
    [
        "healthy.csv",
        "nan.jsonl -q",
        "recovered_rise.csv --fail-on warning -v",
        "mid_training_spike.log healthy.csv --fail-on never",
        "early_blow_up.csv --json",
        "no_such_file.csv",
    ],
)
def test_both_ways_say_the_same(
    typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(SAMPLES)
    monkeypatch.setenv("COLUMNS", "110")
    words = ["diagnose", *typed.split()]
    asked = quick.understood(words)
    assert asked is not None
    code = coded(quick.diagnose)(asked)
    said = capsys.readouterr()
    by_typer = CliRunner().invoke(app, words)
    assert (code, said.out, said.err) == (by_typer.exit_code, by_typer.stdout, by_typer.stderr)
