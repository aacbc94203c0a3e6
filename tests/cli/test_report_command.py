"""`lrdoctor report`: what was saved is printed again, with the exit code of the command that made it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lrdoctor.assess import report_of_logs
from lrdoctor.cli import app
from lrdoctor.cli.report import load
from lrdoctor.core.report import Report
from lrdoctor.logs.gather import gather
from lrdoctor.reports.json import render

SAMPLES = Path(__file__).parents[2] / "sample_runs"
BAD, GOOD = SAMPLES / "early_blow_up.csv", SAMPLES / "healthy.csv"


def judged(log: Path) -> Report:
    return report_of_logs(gather([str(log)]), "diagnose")


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text(render(judged(BAD)), encoding="utf-8")
    return path


@pytest.mark.parametrize(("log", "code"), [(BAD, 1), (GOOD, 0)])
def test_the_exit_code_is_that_of_the_saved_verdict(tmp_path: Path, log: Path, code: int) -> None:
    path = tmp_path / "any name.json"
    path.write_text(render(judged(log)), encoding="utf-8")
    assert command(path).exit_code == code
    assert command(path, "--fail-on", "never").exit_code == 0


def test_it_prints_the_saved_report(saved: Path) -> None:
    assert command(saved, "--json").stdout == saved.read_text(encoding="utf-8")
    assert command(saved.parent, "--json").stdout == command(saved, "--json").stdout
    assert command(saved, "-q").stdout.startswith("UNSTABLE: ")


def test_a_file_that_another_system_wrote_is_read(saved: Path) -> None:
    saved.write_bytes(b"\xef\xbb\xbf" + saved.read_bytes().replace(b"\n", b"\r\n"))
    assert command(saved).exit_code == 1


def test_only_a_study_has_a_folder(saved: Path) -> None:
    (saved.parent / "study.json").write_text("{}")
    assert load(saved)[1] is None
    assert load(saved)[0] == load(saved.parent)[0]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "report.json does not exist; give a study folder, or what --json printed"),
        ({"study.json": b"{}"}, "did not come to an end; run the command that began it again, it resumes"),
        ({"report.json": b"{}"}, "is no report of lrdoctor: it has no schema_version"),
        ({"report.json": b"\xff"}, "it is not UTF-8"),
        ({"report.json": b'{"schema_version": 1}'}, "lrdoctor_version: is missing"),
    ],
)
def test_what_cannot_be_rendered_is_explained(tmp_path: Path, files: dict[str, bytes], told: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    done = command(tmp_path)
    assert done.exit_code == 2
    assert told in done.stderr
    assert not done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="folders are opened differently there")
@pytest.mark.parametrize("name", ["", "report.json"])
def test_a_report_without_an_end_is_explained(tmp_path: Path, name: str) -> None:
    (tmp_path / "report.json").symlink_to("/dev/zero")
    done = command(tmp_path / name)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "report.json cannot be read: it is a device or a pipe" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="folders are opened differently there")
def test_a_folder_in_place_of_the_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    done = command(tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "cannot be read" in done.stderr
