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


@pytest.mark.parametrize(("words", "hinted"), [(death.how(-9), True), (death.how(-15), False)])
def test_only_a_sigkill_looks_like_the_memory_ran_out(words, hinted):
    assert ("--jobs" in death.hint(words)) is hinted


def test_two_different_deaths_are_both_named():
    assert death.twice(death.how(-9), death.how(1)).startswith(
        "the worker process was killed by SIGKILL, and on the second try exited with code 1 ("
    )
