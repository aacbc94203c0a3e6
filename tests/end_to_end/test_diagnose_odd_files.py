"""Files that are hardly logs, and paths that are hardly files: each ends with a message."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from in_process import COULD_NOT_JUDGE, JUDGED, UNSTABLE, diagnose
from projects import command

VALUES = 0.4 + 2 * np.exp(-np.arange(500) / 100) + 0.02 * np.random.default_rng(0).standard_normal(500)


def log(values: np.ndarray) -> bytes:
    rows = "".join(f"{step},{value:.6g}\n" for step, value in enumerate(values))
    return f"step,loss\n{rows}".encode()


HEALTHY = log(VALUES)
DIVERGED = log(np.where(np.arange(500) < 300, VALUES, 5 + np.arange(500) / 50))
NAN = log(np.where(np.arange(500) < 300, VALUES, np.nan))
MB = 1_000_000
NO_FORMAT = "no format that is known"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


CONTENTS = {
    "0 lines": (b"", "is empty"),
    "a line end": (b"\n", NO_FORMAT),
    "a packed nothing": (gzip.compress(b"", mtime=0), "is empty"),
    "1 line": (b"step,loss", "holds a header and no rows"),
    "header only": (b"step,loss\n", "holds a header and no rows"),
    "header only, other delimiter": (b"step\ttrain/loss\n\n", "holds a header and no rows"),
    "one word": (b"loss\n", "it starts with b'loss\\n'"),
    "a sentence": (b"Well, nothing was logged\n", "it starts with b'Well, nothing"),
    "1 row": (b"step,loss\n1,2.5\n", "holds one value of 'loss', expected a series of them"),
    "NULs": (bytes(1000), NO_FORMAT),
    "every byte": (bytes(range(256)) * 100, "is no text"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "is a picture, expected a log"),
    "an array": (
        b"\x93NUMPY\x01\0v\0{'descr': '<f8', 'fortran_order': False, 'shape': (10,)}\n" + bytes(80),
        "is a NumPy array, expected a log",
    ),
    "a line of 10 MB": (b"x" * 10 * MB, NO_FORMAT),
    "a JSON line of 10 MB": (
        b'{"step": 1, "note": "' + b"x" * 10 * MB + b'"}\n',
        "no column is known as the training loss",
    ),
    "one byte 50 million times": (b"7" * 50 * MB, NO_FORMAT),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_that_holds_no_log(name: str) -> None:
    content, message = CONTENTS[name]
    Path("a.log").write_bytes(content)
    done = diagnose("a.log")
    assert done.code == COULD_NOT_JUDGE
    assert done.stdout.startswith("INCONCLUSIVE: ")
    assert message in " ".join(done.stdout.split())
    (run,) = diagnose("a.log", "--json").document["runs"]
    assert (run["name"], run["verdict"]) == ("a.log", "inconclusive")


def test_a_log_with_a_line_of_10_mb_is_judged_by_its_other_lines() -> None:
    Path("a.jsonl").write_bytes(
        b"".join(b'{"step": %d, "loss": %.4f}\n' % (k, v) for k, v in enumerate(VALUES)) + b"x" * 10 * MB + b"\n"
    )
    assert diagnose("a.jsonl").code == JUDGED


def loop(folder: Path) -> None:
    (folder / "odd").mkdir()
    (folder / "odd/again").symlink_to(folder / "odd")
    (folder / "odd/up").symlink_to(folder)


def self_link(folder: Path) -> None:
    (folder / "odd").symlink_to("odd")


def unreadable_directory(folder: Path) -> None:
    (folder / "odd").mkdir(mode=0o000)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda folder: None, "No such file or directory"),
    "an empty directory": (lambda folder: (folder / "odd").mkdir(), "found an empty directory"),
    "a directory loop": (loop, "links to directories already read"),
    "a link to itself": (self_link, "cannot be read"),
    "a FIFO": (lambda folder: os.mkfifo(folder / "odd"), "is a FIFO"),
    "a device without end": (lambda folder: (folder / "odd").symlink_to("/dev/zero"), "is a device"),
    "a device without content": (lambda folder: (folder / "odd").symlink_to("/dev/null"), "is a device"),
    "a file nobody may read": (lambda folder: (folder / "odd").touch(0o000), "Permission denied"),
    "a directory nobody may list": (unreadable_directory, "Permission denied"),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_path_that_is_no_log(folder: Path, kind: str) -> None:
    make, message = ODD[kind]
    if "nobody" in kind and os.geteuid() == 0:
        pytest.skip("root may read everything")
    make(folder)
    done = diagnose("odd")
    assert done.code == COULD_NOT_JUDGE
    assert message in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "name", ["a\nb.csv", "\x1b[31mred.csv", "[red]a[bold].csv", "-a b.csv", "x" * 250, "\u202eabc", "\udcff"]
)
def test_a_name_that_could_steer_a_terminal(name: str) -> None:
    try:
        Path(name).write_bytes(NAN)
    except OSError:
        pytest.skip("the file system does not take this name")
    assert diagnose("--", name).stdout.startswith("UNSTABLE: ")
    (run,) = diagnose("--json", "--", name).document["runs"]
    assert run["name"] == name
    assert diagnose("--", f"no {name}").code == COULD_NOT_JUDGE


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, ""])
def test_a_name_that_no_file_can_have(name: str) -> None:
    assert diagnose("--", name).code == COULD_NOT_JUDGE


def test_the_same_file_given_twice_is_judged_once(folder: Path) -> None:
    Path("a.csv").write_bytes(NAN)
    Path("b.csv").symlink_to("a.csv")
    done = diagnose("a.csv", "a.csv", folder / "a.csv", "b.csv", ".", "--json")
    assert done.code == UNSTABLE
    assert [run["name"] for run in done.document["runs"]] == ["a.csv"]
    assert done.document["passed_over"] == {"logs given twice": 5}


def test_three_hundred_files() -> None:
    for k in range(300):
        Path(f"{k:03}.csv").write_bytes(NAN if k == 150 else HEALTHY[:2000])
    done = diagnose(".", "--json")
    assert done.code == UNSTABLE
    assert [run["name"] for run in done.document["runs"]] == [f"{k:03}.csv" for k in range(300)]
    assert [run["name"] for run in done.document["runs"] if run["verdict"] == "unstable"] == ["150.csv"]


FOUR = {"diverged.csv": DIVERGED, "nan.csv": NAN, "healthy.csv": HEALTHY, "unreadable.csv": bytes(range(256))}


@pytest.fixture
def four() -> None:
    for name, content in FOUR.items():
        Path(name).write_bytes(content)


@pytest.mark.usefixtures("four")
def test_a_diverged_a_nan_a_healthy_and_an_unreadable_log_in_one_call() -> None:
    done = diagnose(*FOUR, "--json")
    document = done.document
    assert (done.code, document["verdict"]) == (UNSTABLE, "unstable")
    assert {run["name"]: run["verdict"] for run in document["runs"]} == {
        "diverged.csv": "unstable",
        "nan.csv": "unstable",
        "healthy.csv": "stable",
        "unreadable.csv": "inconclusive",
    }
    errors = {(finding["run"], finding["code"]) for finding in document["findings"] if finding["severity"] == "error"}
    assert errors == {("diverged.csv", "LRD204"), ("nan.csv", "LRD101")}
    assert {fix["run"] for fix in document["fixes"]} == {"diverged.csv", "nan.csv"}
    (unread,) = (run for run in document["runs"] if run["verdict"] == "inconclusive")
    assert (unread["n_points"], unread["status"]) == (0, "failed")
    assert unread["exit_reason"].startswith("is no text")


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("healthy.csv", JUDGED),
        ("healthy.csv unreadable.csv", COULD_NOT_JUDGE),
        ("unreadable.csv healthy.csv nowhere.csv", COULD_NOT_JUDGE),
        ("healthy.csv unreadable.csv --fail-on never", COULD_NOT_JUDGE),
        ("healthy.csv diverged.csv nan.csv --fail-on never", JUDGED),
        ("healthy.csv diverged.csv", UNSTABLE),
        ("unreadable.csv diverged.csv --fail-on never", COULD_NOT_JUDGE),
        (".", UNSTABLE),
        (". --fail-on never", JUDGED),
    ],
)
def test_the_worst_log_decides(arguments: str, code: int) -> None:
    assert diagnose(*arguments.split()).code == code
    assert diagnose(*arguments.split(), "--json").code == code


@pytest.mark.usefixtures("four")
@pytest.mark.skipif(sys.platform == "win32", reason="pipes are POSIX")
@pytest.mark.parametrize("options", [["-v"], ["--json"]])
def test_a_reader_that_goes_away_changes_no_verdict(folder: Path, options: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command("diagnose", *FOUR, *options), stdout=writer, stderr=subprocess.PIPE, timeout=100)
    os.close(writer)
    assert (done.returncode, done.stderr) == (UNSTABLE, b"")
    assert not list(folder.glob("lrdoctor-crash*"))
