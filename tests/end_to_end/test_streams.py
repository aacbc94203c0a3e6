from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from projects import SPEC, command, lrdoctor, project

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and /dev are POSIX")

STABLE = SPEC.replace("[0, 1, 2]", "[0]")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The arguments of a sweep that is done and exits with 0."""
    folder = tmp_path_factory.mktemp("study")
    arguments = ["sweep", project(folder, STABLE), "--out", folder / "out", "--fail-on", "never"]
    done = lrdoctor(*arguments)
    assert done.returncode == 0, done.stderr
    return arguments


def run_into(stream: str, target: int, arguments: list[object], cwd: Path) -> subprocess.CompletedProcess[bytes]:
    other = {"stdout": "stderr", "stderr": "stdout"}[stream]
    streams = {stream: target, other: subprocess.PIPE}
    return subprocess.run(command(*arguments), cwd=cwd, timeout=300, **streams)  # type: ignore[call-overload]


@pytest.fixture
def unread() -> Iterator[int]:
    """The end of a pipe that nobody reads from."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("options", [["-v"], ["--json"]])
def test_a_reader_that_goes_away_changes_no_verdict(
    study: list[object], tmp_path: Path, unread: int, stream: str, options: list[str]
) -> None:
    assert run_into(stream, unread, [*study, *options], tmp_path).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_goes_on_though_nobody_reads_its_progress(tmp_path: Path, unread: int) -> None:
    arguments = ["sweep", project(tmp_path, STABLE), "--out", tmp_path / "out", "--fail-on", "never"]
    assert run_into("stderr", unread, arguments, tmp_path).returncode == 0
    assert (tmp_path / "out" / "report.json").exists()


@pytest.mark.parametrize("arguments", [["rules"], ["rules", "LRD201"], ["init", "new"]])
def test_other_commands_survive_it_too(tmp_path: Path, unread: int, arguments: list[object]) -> None:
    done = run_into("stdout", unread, arguments, tmp_path)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert list(tmp_path.glob("lrdoctor-crash-*")) == []


def test_an_error_that_nobody_reads_still_exits_with_2(tmp_path: Path, unread: int) -> None:
    assert run_into("stderr", unread, ["sweep", "nowhere.yaml"], tmp_path).returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("options", [["-q"], ["--json"]])
def test_output_that_cannot_be_written_exits_with_2(study: list[object], tmp_path: Path, options: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = run_into("stdout", full.fileno(), [*study, *options], tmp_path)
    assert done.returncode == 2
    assert b"lrdoctor: error: the output cannot be written: No space left on device" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_streams_that_were_never_there(study: list[object], tmp_path: Path, closed: str) -> None:
    shell = f'"$@" {closed}'
    done = subprocess.run(["sh", "-c", shell, "sh", *command(*study, "-q", "--fresh")], cwd=tmp_path, timeout=300)
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []
