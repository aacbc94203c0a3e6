from __future__ import annotations

import pytest

from lrdoctor.engines import death


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (0, "exited with code 0"),
        (255, "exited with code 255"),
        (-15, "was killed by SIGTERM"),
        (-999, "was killed by signal 999"),
    ],
)
def test_how(exit_code, words):
    assert death.how(exit_code) == words


@pytest.fixture
def counters(tmp_path, monkeypatch):
    """Writes what the system has counted; without a number it does not tell."""

    def write(kills=None):
        (tmp_path / "vmstat").write_text("pgfault 12\n" + ("" if kills is None else f"oom_kill {kills}\n"))

    monkeypatch.setattr(death, "COUNTERS", tmp_path / "vmstat")
    return write


@pytest.mark.parametrize(
    ("exit_code", "before", "after", "words", "hint"),
    [
        (-9, 3, 4, "was killed by SIGKILL for want of memory", " (try fewer --jobs, or a smaller batch)"),
        (-9, 3, 3, "was killed by SIGKILL",
         " (and not for want of memory: somebody, or a limit of this machine, did it)"),
        (-9, None, None, "was killed by SIGKILL",
         " (the system's out-of-memory killer does that: try fewer --jobs)"),
        # the system ends processes by SIGKILL alone
        (-15, 3, 4, "was killed by SIGTERM", ""),
        (1, 3, 4, "exited with code 1", ""),
    ],
)  # fmt: skip
def test_a_death_for_want_of_memory_is_told_from_others(counters, exit_code, before, after, words, hint):
    counters(after)
    assert death.how(exit_code, before) == words
    assert death.hint(words) == hint


def test_a_system_that_counts_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(death, "COUNTERS", tmp_path / "none")
    assert death.memory_kills() is None


def test_two_different_deaths_are_both_named(counters):
    counters()
    assert death.twice(death.how(-9), death.how(1)).startswith(
        "the worker process was killed by SIGKILL, and on the second try exited with code 1 ("
    )
