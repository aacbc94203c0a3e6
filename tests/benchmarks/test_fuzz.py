"""A small part of `python -m benchmarks.fuzz`, in this process: every case ends with an exit code of a verdict."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import fuzz


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_hostile_input_ends_in_words(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for share in ("REAL", "DRAWN"):
        monkeypatch.setattr(fuzz, share, 0.0)
    given = fuzz.samples([kind])
    found = [fuzz.one(kind, number, 7, given) for number in range({"workloads": 12, "studies": 20}.get(kind, 60))]
    assert [(one.number, one.code, one.said) for one in found if one.code not in fuzz.FINE or one.said] == []
    assert len({one.code for one in found}) > (kind == "logs")


def test_a_case_is_made_again_by_its_number(tmp_path: Path) -> None:
    made = []
    for _ in range(2):
        words = fuzz.a_log(random.Random("3/logs/5"), tmp_path, {})
        made.append((words[0], words[2:], (tmp_path / "log").read_bytes()))
    assert made[0] == made[1]


@pytest.mark.parametrize(("limit", "case"), [("SECONDS", "while True: pass"), ("ANY_SECONDS", "time.sleep(60)")])
def test_a_case_that_computes_or_waits_for_ever_is_ended(
    limit: str, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, limit, 1)
    monkeypatch.setattr(fuzz, "one", lambda *given: exec(case, {"time": time}))
    before = {number: signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGPROF)}
    try:
        (found,) = fuzz.several(("logs", [5], 7, {}))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (found.number, found.code) == (5, fuzz.TIMED_OUT)


def test_a_case_that_cannot_be_made_is_told_and_ends_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def one(kind: str, number: int, *given: object) -> fuzz.Outcome:
        return fuzz.Outcome(kind, number, 1 // number, 0.0, 0.0)

    monkeypatch.setattr(fuzz, "one", one)
    monkeypatch.setattr(signal, "signal", lambda *given: None)
    found = fuzz.several(("logs", [0, 1], 7, {}))
    assert [(one.code, "ZeroDivisionError" in one.said) for one in found] == [(fuzz.NOT_MADE, True), (1, False)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_table_of_the_cases_before(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    def outcomes() -> Iterator[fuzz.Outcome]:
        yield fuzz.Outcome("logs", 0, 0, 1.5, 100.0)
        yield fuzz.Outcome("logs", 1, 3, 0.5, 50.0, "a bug")
        os.kill(os.getpid(), number)
        yield fuzz.Outcome("logs", 2, 0, 1.0, 100.0)

    before = signal.getsignal(number)
    table = {"logs": fuzz.Line()}
    assert fuzz.counted(outcomes(), 7, table) == 1
    assert table == {"logs": fuzz.Line(fuzz.Counter({0: 1, 3: 1}), 1.5, 100.0)}
    assert "logs 1 of seed 7: exit 3 a bug" in capsys.readouterr().out
    assert signal.getsignal(number) == before
