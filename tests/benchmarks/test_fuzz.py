"""A small part of `python -m benchmarks.fuzz`, in this process: every case ends with an exit code of a verdict."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks import fuzz


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_hostile_input_ends_in_words(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "REAL", 0.0)
    given = fuzz.samples()
    found = [fuzz.one(kind, number, 7, given) for number in range(12 if kind == "workloads" else 60)]
    assert [(one.number, one.code, one.said) for one in found if one.code not in fuzz.FINE or one.said] == []
    assert len({one.code for one in found}) > (kind == "logs")


def test_a_case_is_made_again_by_its_number(tmp_path: Path) -> None:
    made = []
    for _ in range(2):
        words = fuzz.a_log(random.Random("3/logs/5"), tmp_path, {})
        made.append((words[0], words[2:], (tmp_path / "log").read_bytes()))
    assert made[0] == made[1]
