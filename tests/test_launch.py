"""Commands in the place of the shell: what they are called, and which ones cannot be recorded."""

from __future__ import annotations

import pytest

from lrdoctor.errors import LrdoctorError
from lrdoctor.launch import Ended, refuse_blind, script_name


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["python", "train.py", "--lr", "0.1"], "train"),
        (["torchrun", "--nproc-per-node", "2", "src/my.train.py"], "my.train"),
        (["python", "-m", "pkg.train", "x"], "pkg.train"),
        (["accelerate", "launch", "run.py", "other.py"], "run"),
        (["./train"], "train"),
        (["python", "-m"], "python"),
    ],
)
def test_the_name_of_a_training(command: list[str], name: str) -> None:
    assert script_name(command) == name


@pytest.mark.parametrize(
    "words",
    [
        "python -I a.py",
        "python3.11 -E a.py",
        "/usr/bin/python -uS a.py",
        "python -W error -I a.py",
        "pypy3 -X dev -E a",
    ],
)
def test_pythons_that_are_deaf(words: str) -> None:
    with pytest.raises(LrdoctorError, match="cannot be recorded; leave -"):
        refuse_blind(words.split())


@pytest.mark.parametrize(
    "words",
    ["python a.py -I", "python -m pkg -E", "python -c 0 -S", "python -u a.py", "python -WIES a.py", "python - -I",
     "torchrun -I a.py", "python", "python -X"],
)  # fmt: skip
def test_pythons_that_listen(words: str) -> None:
    refuse_blind(words.split())


@pytest.mark.parametrize(
    ("ended", "code", "words", "interrupted"),
    [
        (Ended(0, 1.0), 0, "ended with exit code 0", False),
        (Ended(3, 1.0), 3, "ended with exit code 3", False),
        (Ended(-9, 1.0), 137, "was killed by SIGKILL (the system does that when memory runs out)", False),
        (Ended(-15, 1.0, told=15), 143, "was killed by SIGTERM", True),
        (Ended(130, 1.0), 130, "ended with exit code 130", True),
        (Ended(0, 1.0, told=15), 0, "ended with exit code 0", False),
    ],
)
def test_how_commands_end(ended: Ended, code: int, words: str, interrupted: bool) -> None:
    assert (ended.code, ended.words, ended.was_interrupted) == (code, words, interrupted)
