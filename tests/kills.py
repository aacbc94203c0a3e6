"""A kill at any moment, without a process: every call that changes the disk is, one after the other, the last one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it and nothing cleans up after it."""


CALLS = ((os, "replace"), (os, "fsync"), (shutil, "rmtree"), (Path, "unlink"), (Path, "mkdir"))
"""What is done to the disk, beside the writing of files."""


def kill_at_every_call(
    monkeypatch: pytest.MonkeyPatch, do: Callable[[int], object], again: Callable[[int], object]
) -> int:
    """Kills what `do` does before its first such call, after it, before the second one and so on, until it comes to
    its end, and calls `again` after each kill.

    Args:
        do, again: what is killed and what is done next; they take the number of the kill.

    Returns:
        How many kills there were.
    """
    number = 0
    while True:
        with monkeypatch.context() as patched:
            clock = Clock(number)
            for owner, name in CALLS:
                patched.setattr(owner, name, clock.counted(getattr(owner, name)))
            try:
                do(number)
            except Killed:
                pass
            else:
                return number
        again(number)
        number += 1


class Clock:
    """Counts two moments a call, before it and after it, and kills at one of them."""

    def __init__(self, last: int) -> None:
        self.left = last

    def tick(self) -> None:
        self.left -= 1
        if self.left < 0:  # and whatever is tried afterwards: the dead do nothing
            raise Killed

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.tick()
            result = function(*args, **options)
            self.tick()
            return result

        return call
