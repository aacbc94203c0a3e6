"""`lrdoctor watch` from its first line to its exit code, as a process beside one that writes."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import IO

import pytest
from projects import in_process
from report_schema import SCHEMA, faults
from watching.growing_logs import HEADER, HEALTHY, LOST, rows

from lrdoctor.alerts import webhook

SECONDS = 120
"""After which a test gives up; nothing is measured by it."""
LINES = json.loads((resources.files("lrdoctor") / "schemas/watch.schema.json").read_text("utf-8"))


@contextmanager
def watching(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "lrdoctor", "watch", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def line_of(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("values", "number", "code", "verdict"),
    [
        (HEALTHY, signal.SIGINT, 0, "STABLE"),
        (LOST, signal.SIGINT, 1, "UNSTABLE"),
        (HEALTHY[:10], signal.SIGTERM, 2, "INCONCLUSIVE"),
    ],
)
def test_it_ends_with_the_verdict_so_far(
    tmp_path: Path, values: list[float], number: signal.Signals, code: int, verdict: str
) -> None:
    log = tmp_path / "log.csv"
    log.write_text(HEADER + rows(values))
    with watching(str(log)) as process:
        assert line_of(process.stderr).startswith("watching: ")
        process.send_signal(number)
        found, out, _ = ended(process)
    assert found == code
    assert verdict in out


def test_until_fail_says_each_change_and_ends_by_itself(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(HEADER + rows(LOST[:100]))
    with watching(str(log), "--until-fail", "--json") as process:
        first = json.loads(line_of(process.stdout))
        with log.open("a") as file:
            file.write(rows(LOST[100:], first=100))
        code, out, _ = ended(process)
    lines = [first, *map(json.loads, out.splitlines())]
    assert code == 1
    assert [(line["type"], line.get("kind")) for line in lines] == [
        ("event", "verdict"), ("event", "alarm"), ("event", "confirmed"), ("report", None),
    ]  # fmt: skip
    assert lines[1]["size"] == "NaN"
    assert [faults(line, LINES, root=LINES) for line in lines] == [[]] * 4
    assert faults(lines[-1]["report"], SCHEMA) == []


def test_the_process_that_trains_is_asked_to_end(tmp_path: Path) -> None:
    """And when it has, watch is over too."""
    log = tmp_path / "log.csv"
    log.write_text(HEADER + rows(HEALTHY[:100]))
    trains = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        with watching(str(log), "--stop-pid", str(trains.pid)) as process:
            assert line_of(process.stdout)
            with log.open("a") as file:
                file.write(rows([math.nan] * 5, first=100))
            code, out, err = ended(process)
        assert trains.wait(SECONDS) == -signal.SIGTERM
    finally:
        trains.kill()
    assert code == 1
    assert "UNSTABLE at step 100" in out
    assert f"asked process {trains.pid} to end" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-"], "cannot be followed|`lrdoctor diagnose -` reads it"),
        (["a.csv", "--webhook", "example.org"], "expected a URL"),
        (["a.csv", "--format", "xls"], "unknown format"),
        (["a.csv", "--columns", "loss"], "expected KEY=COLUMN"),
    ],
)
def test_what_cannot_be_watched_is_said_at_once(words: list[str], said: str) -> None:
    with watching(*words) as process:
        code, _, err = ended(process)
    assert code == 2
    assert any(part in err for part in said.split("|"))


def test_a_process_that_is_not_there() -> None:
    # the number of one that has ended may be another's by now; no system gives this one
    with watching("a.csv", "--stop-pid", str(2**31 - 1)) as process:
        code, _, err = ended(process)
    assert code == 2
    assert "there is no such process" in err


def test_a_server_that_is_away_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log.csv"
    log.write_text(HEADER + rows(LOST))
    monkeypatch.setattr(webhook, "THRESHOLDS", replace(webhook.THRESHOLDS, first_pause=0.0))
    done = in_process("watch", log, "--until-fail", "--webhook", "http://127.0.0.1:1/hook")
    assert done.returncode == 1
    assert "UNSTABLE" in done.stdout
    assert done.stderr.count("given up") >= 1
