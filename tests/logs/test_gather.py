"""Paths to runs: which files are read, which are passed over, and under which names the runs appear."""

from __future__ import annotations

import io
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import event_writer as events
import pytest
from log_samples import CSV, LOSS, N

from lrdoctor.errors import LogError
from lrdoctor.logs.gather import Gathered, Unread, gather

TWO_RUNS = "step,a,b\n" + "".join(f"{t},{3 - t / 100},{4 - t / 100}\n" for t in range(40))
NOTES = "bought milk\nand bread\n"
SETTINGS = "name,size\nfirst,12\nsecond,15\n"

REPORT = '{\n  "schema_version": 1,\n  "lrdoctor_version": "0.1",\n  "runs": [{"train_loss": 1.5}]\n}\n'

Tree = dict[str, str | bytes]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Tree], Path]:
    """Writes files, and goes to their folder."""

    def write(files: Tree) -> Path:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return write


def event_file(first: int, n: int) -> bytes:
    scalars = (events.event(step, events.summary(simple(LOSS[step]))) for step in range(first, first + n))
    return events.version() + b"".join(scalars)


def simple(value: float) -> bytes:
    import struct

    return events.block(1, "loss") + b"\x15" + struct.pack("<f", value)


def names(found: Gathered) -> list[str]:
    return [run.name for run in found.runs]


@pytest.mark.parametrize(
    ("files", "paths", "runs"),
    [
        ({"a.csv": CSV}, ["a.csv"], ["a.csv"]),
        ({"a.csv": CSV, "b.csv": CSV}, ["b.csv", "a.csv"], ["b.csv", "a.csv"]),
        ({"logs/b.csv": CSV, "logs/x/a.csv": CSV}, ["logs"], ["logs/b.csv", "logs/x/a.csv"]),
        ({"a.csv": CSV}, ["a.csv", "./a.csv"], ["a.csv"]),
        ({"logs/a.csv": CSV}, ["logs/a.csv", "logs"], ["logs/a.csv"]),
        ({"a.csv": TWO_RUNS.replace("a,b", "one - loss,two - loss")}, ["a.csv"], ["a.csv#one", "a.csv#two"]),
        ({"live/plots/metrics/loss.tsv": "step\tloss\n0\t1.0\n1\t0.5\n"}, ["live"], ["live"]),
        ({"m/meta.yaml": "x: 1\n", "m/metrics/loss": "1700000000000 1.5 0\n1700000000001 1.2 1\n"}, ["m"], ["m"]),
        ({"t/events.out.tfevents.1.a": event_file(0, 20)}, ["t"], ["t/events.out.tfevents.1.a"]),
        ({f"t/events.out.tfevents.{k}.a": event_file(20 * k, 20) for k in range(2)}, ["t"], ["t"]),
    ],
)
def test_runs_and_their_names(tree: Callable[[Tree], Path], files: Tree, paths: list[str], runs: list[str]) -> None:
    tree(files)
    found = gather(paths)
    assert names(found) == runs
    assert found.unread == ()


def test_event_files_of_one_folder_are_one_run(tree: Callable[[Tree], Path]) -> None:
    tree({f"t/events.out.tfevents.{k}.a": event_file(20 * k, 20) for k in range(2)})
    (run,) = gather(["t"]).runs
    assert run.train_loss.value == pytest.approx(LOSS, rel=1e-6)
    assert len(run.train_loss) == N


def test_a_path_below_the_working_directory_is_named_from_there(tree: Callable[[Tree], Path]) -> None:
    folder = tree({"a.csv": CSV})
    assert names(gather([folder.resolve() / "a.csv"])) == ["a.csv"]


@pytest.mark.parametrize(
    ("files", "passed_over", "no_logs", "unread"),
    [
        ({"a.csv": CSV, "notes.txt": NOTES}, {"files of no known format": 1}, ["d/notes.txt"], []),
        ({"a.csv": CSV, "size.csv": SETTINGS}, {"files without a training loss": 1}, ["d/size.csv"], []),
        ({"a.csv": CSV, "report.json": REPORT}, {"reports of lrdoctor": 1}, ["d/report.json"], []),
        (
            {"a.csv": CSV, "study.json": "{}", "trials.csv": CSV, "report.json": REPORT, "trials/notes": NOTES},
            {"lrdoctor's own records of a study": 3, "files of no known format": 1},
            ["d/trials/notes"],
            [],
        ),
        ({"a.csv": CSV, "net.pt": b"x"}, {"weights, pictures, code and settings": 1}, [], []),
        ({"a.csv": CSV, "t/events.out.tfevents.1": event_file(0, 1)[:60]}, {}, [], ["d/t/events.out.tfevents.1"]),
        ({"a.csv": CSV, "two.csv": TWO_RUNS.replace("a,b", "loss_a,loss_b")}, {}, [], ["d/two.csv"]),
    ],
)
def test_what_of_a_directory_is_no_run(
    tree: Callable[[Tree], Path], files: Tree, passed_over: dict[str, int], no_logs: list[str], unread: list[str]
) -> None:
    tree({f"d/{name}": content for name, content in files.items()})
    found = gather(["d"])
    assert names(found) == ["d/a.csv"]
    assert found.passed_over == passed_over
    assert [log.source for log in found.no_logs] == no_logs
    assert [log.source for log in found.unread] == unread


@pytest.mark.parametrize(
    ("files", "path", "reason"),
    [
        ({}, "nowhere.csv", "cannot be read: No such file or directory"),
        ({}, "n" * 300, "cannot be read: File name too long"),
        ({"a.csv": ""}, "a.csv", "is empty"),
        ({"a.txt": NOTES}, "a.txt", "no format that is known"),
        ({"a.csv": SETTINGS}, "a.csv", "no column is known as the training loss"),
        ({"d/notes.txt": NOTES, "d/net.pt": b"x"}, "d", "no training log below it; found 1 x files of no known format"),
    ],
)
def test_what_was_named_and_is_no_log_is_unread(
    tree: Callable[[Tree], Path], files: Tree, path: str, reason: str
) -> None:
    tree({**files, "good.csv": CSV})
    found = gather([path, "good.csv"])
    assert names(found) == ["good.csv"]
    (log,) = found.unread
    assert log.source == path
    assert log.reason.startswith(reason)


def test_an_empty_directory_says_so(tmp_path: Path) -> None:
    assert gather([tmp_path]).unread == (Unread(str(tmp_path), "no training log below it; found an empty directory"),)


@pytest.mark.skipif(sys.platform == "win32", reason="FIFOs and sockets are POSIX")
@pytest.mark.parametrize(("kind", "word"), [("fifo", "a FIFO"), ("socket", "a socket"), ("device", "a device")])
def test_what_is_no_file_is_refused_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = "/dev/zero" if kind == "device" else "odd"
    with socket.socket(socket.AF_UNIX) as server:
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            server.bind(path)
        (log,) = gather([path]).unread
    assert log.reason.startswith(f"is {word}, expected a file; pipe its content into `lrdoctor diagnose -`")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_linked_file_and_a_loop_of_directories_are_read_once(tree: Callable[[Tree], Path]) -> None:
    folder = tree({"d/a.csv": CSV})
    (folder / "d/b.csv").symlink_to("a.csv")
    (folder / "d/loop").symlink_to(".")
    found = gather(["d"])
    assert names(found) == ["d/a.csv"]
    assert found.passed_over == {"logs given twice": 1, "links to directories already read": 1}


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CSV.encode())))
    assert names(gather(["-"])) == ["-"]
    with pytest.raises(LogError, match="- is given twice"):
        gather(["-", "-"])


def test_an_unknown_format_is_an_error_of_the_call(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"--format exel: unknown format, expected one of .*csv"):
        gather([tmp_path], format="exel")


@pytest.mark.parametrize(
    ("objective", "known"),
    [
        (None, {}),
        ("adversarial", {"objective": "adversarial", "objective_reason": "given by --objective"}),
    ],
)
def test_a_given_objective_is_known_of_every_run(
    tree: Callable[[Tree], Path], objective: str | None, known: dict[str, Any]
) -> None:
    tree({"a.csv": CSV})
    (run,) = gather(["a.csv"], objective=objective).runs
    assert {key: run.provenance[key] for key in run.provenance if key.startswith("objective")} == known
    assert run.provenance["format"] == "csv"
