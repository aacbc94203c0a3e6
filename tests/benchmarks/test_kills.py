"""What `benchmarks.kills` calls wrong: its judgement of ends and of what is left, without a kill."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import kills


@pytest.mark.parametrize(
    ("code", "number", "errors", "wrong"),
    [
        (-9, signal.SIGKILL, "Traceback", ""),
        (0, signal.SIGKILL, "", ""),
        (1, signal.SIGKILL, "", "exit code 1 after SIGKILL"),
        (130, signal.SIGINT, "interrupted", ""),
        # before the first line of lrdoctor Python itself ends
        (-2, signal.SIGINT, "Traceback (most recent call last)", ""),
        (-15, signal.SIGTERM, "", ""),
        (1, signal.SIGTERM, "", "exit code 1 after SIGTERM"),
        (3, signal.SIGINT, "", "exit code 3 after SIGINT"),
        (130, signal.SIGINT, "Traceback (most recent call last)", "a traceback was printed"),
        (kills.TIMED_OUT, signal.SIGTERM, "", "still there 60 s after SIGTERM"),
    ],
)
def test_ends(code: int, number: signal.Signals, errors: str, wrong: str) -> None:
    assert kills.wrong_exit(code, number, errors) == wrong


def test_what_is_compared_at_the_end(tmp_path: Path) -> None:
    trial = tmp_path / "out" / "trials" / "k"
    trial.mkdir(parents=True)
    (trial / "steps.csv").write_text("step\n0\n")
    (trial / "trial.json").write_text("{}")
    (tmp_path / "out" / "report.json").write_text('{"seconds": 3, "runs": [{"seconds": 1, "name": "a"}]}')
    command = kills.COMMANDS["sweep"]
    assert kills.results(command, tmp_path) == {
        "out/report.json": {"runs": [{"name": "a"}]},
        "out/trials/k/steps.csv": b"step\n0\n",
        "out/trials/k/trial.json": "a file",
    }
    assert list(kills.finished_trials(command, tmp_path).values()) == [b"{}"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("probe", "probe --jobs 2 a.yaml --out out --fail-on never"),
        ("compare", "compare --jobs 2 a.yaml b.yaml"),
        ("run -- script", "run --out out --fail-on never -- "),  # it has no workers
        ("sweep -- script", "sweep --jobs 2 --out out"),
    ],
)
def test_a_command_is_typed_with_its_workers(name: str, words: str) -> None:
    assert " ".join(kills.COMMANDS[name].typed(2)).startswith(words)


@pytest.mark.parametrize(("text", "unlike"), [("a\n1\n", []), ("a\n1\n2", []), ("a\n7\n", ["out/steps.csv"])])
def test_a_recording_that_was_cut_off_is_the_begin_of_the_whole_one(
    text: str, unlike: list[str], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "steps.csv").write_text(text)
    assert list(kills.begun_otherwise(tmp_path, {"out/steps.csv": b"a\n1\n2\n3\n"})) == unlike


def test_caches_of_torch_are_not_left_by_lrdoctor(tmp_path: Path) -> None:
    for name in ("torchinductor_me", "pymp-x"):
        (tmp_path / "tmp" / name).mkdir(parents=True)
    assert kills.temporary(tmp_path) == {"pymp-x"}


def test_sigterm_ends_it_with_the_table_of_the_kills_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds: list[kills.Found] = []

    def kill_once(*given: Any) -> Iterator[str]:
        kinds.append(given[-1])
        given[-1].codes[-9] += 1
        if len(kinds) == 3:  # not counted: it was not judged
            os.kill(os.getpid(), signal.SIGTERM)
        given[-1].different += 1
        yield "unlike"

    monkeypatch.setattr(kills, "undisturbed", lambda command, folder: (folder.mkdir(parents=True), (1.0, {}))[1])
    monkeypatch.setattr(kills, "kill_once", kill_once)
    monkeypatch.setattr(sys, "argv", ["kills", "--kills", "9", "--only", "sweep"])
    before = {number: signal.getsignal(number) for number in kills.PATIENT}
    try:
        with pytest.raises(SystemExit) as ended:
            kills.main()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    printed = capsys.readouterr().out
    assert ended.value.code is True
    assert "interrupted; the table is of the kills before" in printed
    _, line = kills.table({"sweep": kills.Found(Counter({-9: 2}), different=2)}, {"sweep": 1.0})
    assert line in printed
