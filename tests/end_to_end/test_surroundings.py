"""The command line where little around it is as usual: the same report, or a sentence that says what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from projects import command, in_process

from benchmarks.broken import SPEC, WORK

if sys.platform != "linux":
    pytest.skip("/proc and /dev/full are Linux's", allow_module_level=True)

NOWHERE = "/proc"
"""A folder in which nobody can write anything, root included."""
LONG = "/".join(["d" * 200] * 3)
ODD = "ä b'\u200b☃"


@dataclass(frozen=True)
class Place:
    """What is unusual around a command."""

    name: str
    changed: Mapping[str, str | None] = field(default_factory=dict)
    """Environment variables; None removes one."""
    shell: str = ""
    """What a shell does before it turns into the command."""
    after: str = ""
    """Redirections of the command."""
    cwd: str = "."
    """Where it is typed, from the folder of the project."""
    log: str = "log.csv"
    """The log, or where a copy of the study goes."""
    code: int = 0
    said: str = "STABLE: "
    """What is printed on one of the streams, beside the same report where that is all."""
    is_same: bool = True
    """Whether standard output is, to the byte, that of an ordinary place."""


DIAGNOSED = (
    Place("another working directory that is read-only", {"PYTHONDONTWRITEBYTECODE": "1"}, cwd=NOWHERE, is_same=False),
    Place("no HOME, no TMPDIR", {"HOME": None, "TMPDIR": "/nonexistent"}),
    Place("HOME and TMPDIR read-only", {"HOME": NOWHERE, "TMPDIR": NOWHERE}),
    Place("the C locale", {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}, is_same=False),
    Place("ASCII output", {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, is_same=False),
    Place("no docstrings, no asserts", {"PYTHONOPTIMIZE": "2"}),
    Place("warnings as errors", {"PYTHONWARNINGS": "error"}),
    Place("no standard input", after="<&-"),
    Place("no standard output", after=">&-", said="", is_same=False),
    Place("no standard error", after="2>&-"),
    Place("a full disk behind standard output", after=">/dev/full", code=2, said="No space left", is_same=False),
    Place("files for their owner alone", shell="umask 777"),
    Place("20 open files", shell="ulimit -n 20"),
    Place("a column of one character", {"COLUMNS": "1"}, said="", is_same=False),
    Place("a terminal that can do nothing", {"TERM": "dumb", "NO_COLOR": "1"}),
    Place("a symbolic link", log="link.csv", is_same=False),
    Place("a long path", log=f"{LONG}/log.csv", is_same=False),
    Place("a path of odd characters", log=f"{ODD}/log.csv", is_same=False),
    Place("a path of odd characters in the C locale", {"LC_ALL": "C", "PYTHONUTF8": "0"}, log=f"{ODD}/log.csv",
          is_same=False),
    Place("a name too long for any disk", log="d" * 300, code=2, said="File name too long", is_same=False),
)  # fmt: skip
SWEPT = (
    Place(
        "no HOME, the C locale, 64 open files, nothing to read from, odd and linked folders",
        {"HOME": None, "LC_ALL": "C", "PYTHONUTF8": "0", "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "1"},
        shell="umask 077; ulimit -n 64",
        after="<&-",
        log=f"linked/{ODD}",
        said="",
    ),
    Place(
        "TMPDIR read-only, no asserts, warnings as errors, a long folder, no standard error",
        {"TMPDIR": NOWHERE, "PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error"},
        after="2>&-",
        log=f"{LONG}/out",
    ),
    Place("20 open files", shell="ulimit -n 20", code=2, said="20 open files are allowed, expected 64 or more"),
)


def typed(place: Place, words: Sequence[object], folder: Path) -> subprocess.CompletedProcess[str]:
    """Types the command there."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **place.changed}
    known = {name: value for name, value in environment.items() if value is not None}
    return subprocess.run(
        ["sh", "-c", f'{place.shell or ":"}; exec "$@" {place.after}', "sh", *command(*words)],
        cwd=folder / place.cwd, env=known, capture_output=True, text=True, encoding="utf-8", errors="replace",
        timeout=120,
    )  # fmt: skip


def check(place: Place, done: subprocess.CompletedProcess[str]) -> None:
    """It ended as it should, without a traceback."""
    printed = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == place.code, printed
    assert "Traceback" not in printed
    assert place.said in printed


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in several places, and a spec."""
    folder = tmp_path_factory.mktemp("surroundings")
    log = Path(__file__).parents[2] / "sample_runs" / "healthy.csv"
    for name in ("log.csv", f"{LONG}/log.csv", f"{ODD}/log.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, folder / name)
    (folder / "link.csv").symlink_to("log.csv")
    (folder / "studies").mkdir()
    (folder / "linked").symlink_to("studies")
    (folder / "spec.yaml").write_text(SPEC)
    (folder / "work.py").write_text(WORK)
    return folder


@pytest.fixture(scope="module")
def ordinary(project: Path) -> str:
    """The report on the log in an ordinary place."""
    return typed(Place("ordinary"), ["diagnose", project / "log.csv"], project).stdout


@pytest.mark.parametrize("place", DIAGNOSED, ids=lambda place: place.name)
def test_a_log_is_judged(place: Place, project: Path, ordinary: str) -> None:
    done = typed(place, ["diagnose", project / place.log], project)
    check(place, done)
    if place.is_same:
        assert done.stdout == ordinary


@pytest.fixture(scope="module")
def swept(project: Path) -> dict[str, bytes]:
    """The curves of a sweep in an ordinary place."""
    check(Place("ordinary"), in_process(*sweep(project / "plain"), cwd=project))
    return curves(project / "plain")


def sweep(out: Path) -> list[object]:
    return ["sweep", "spec.yaml", "--out", out, "--jobs", 2, "--fail-on", "never", "-q"]


def curves(out: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in out.glob("trials/*/steps.csv")}


@pytest.mark.parametrize("place", SWEPT, ids=lambda place: place.name)
def test_rates_are_swept_to_the_same_curves(place: Place, project: Path, swept: dict[str, bytes]) -> None:
    out = project / (place.log if place.code == 0 else "none")
    check(place, typed(place, sweep(out), project))
    assert curves(out) == (swept if place.code == 0 else {})
