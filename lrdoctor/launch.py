"""Runs a command in the place of the shell: its streams, its signals and its end are its own."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import PurePath
from types import FrameType
from typing import IO

from lrdoctor.errors import LrdoctorError

FORWARDED = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name))
PYTHON = re.compile(r"^(python|pypy)[\d.]*w?(\.exe)?$")
TAKES_VALUE = "cmWXQ"
"""Letters of Python's options that what follows belongs to; after `c` and `m` come the script's own."""
BLIND = "IES"
"""Options with which Python does not look at PYTHONPATH, or runs no sitecustomize."""
KILLED = getattr(signal, "SIGKILL", None)
"""The signal that no process can act upon; None where there are no signals."""
PAUSE = 0.5
"""Seconds between two questions whether the command is to be ended."""
OF_SIGNAL = 128
"""What shells add to the number of a signal that ended a command."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    returncode: int
    """As Python gives it: negative for a signal."""
    seconds: float
    told: int | None = None
    """The last signal that lrdoctor was sent meanwhile."""
    was_stopped: bool = False
    """Whether it was ended because `until` said so."""

    @property
    def code(self) -> int:
        """The exit code as shells have it."""
        return self.returncode if self.returncode >= 0 else OF_SIGNAL - self.returncode

    @property
    def by_signal(self) -> str | None:
        if self.returncode >= 0:
            return None
        with suppress(ValueError):
            return signal.Signals(-self.returncode).name
        return f"signal {-self.returncode}"

    @property
    def words(self) -> str:
        """`ended with exit code 3`, `was killed by SIGKILL`."""
        if self.by_signal is not None:
            hint = " (the system does that when memory runs out)" if self.by_signal == "SIGKILL" else ""
            return f"was killed by {self.by_signal}{hint}"
        return f"ended with exit code {self.returncode}"

    @property
    def was_interrupted(self) -> bool:
        """Whether it failed because somebody pressed Ctrl-C, or told lrdoctor to end."""
        return self.returncode != 0 and (self.told is not None or self.returncode in (-signal.SIGINT, 130))


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    stdout: IO[str] | None = None,
    until: Callable[[], bool] | None = None,
    end: Callable[[int, Callable[[], bool]], None] | None = None,
    guard: Callable[[int], AbstractContextManager[object]] | None = None,
) -> Ended:
    """Runs the command to its end; signals that this process gets meanwhile are the command's.

    Args:
        command: the program and its arguments; no shell looks at them.
        environment: all of it.
        stdout: another file for its standard output.
        until: asked every so often; where it says True the command is ended by `end`. The command then has a process
            group of its own.
        end: ends the group of that number and all that it started; given with it whether its leader has ended. Also
            called when the command was killed: it had no chance to do so, and the ranks of a launcher would train on.
        guard: given the command's process number, what watches over it while it runs; None where it is left to itself
            when this process is killed.

    Raises:
        LrdoctorError: it cannot be started.
    """
    begun = time.monotonic()
    try:
        process = subprocess.Popen(command, env=dict(environment), stdout=stdout, start_new_session=until is not None)
    except OSError as error:
        raise LrdoctorError(f"{shlex.join(command)}: cannot be started: {error.strerror}; check its name") from error
    was_stopped = False
    with (
        _forwarding(process, has_group=until is not None) as told,
        nullcontext() if guard is None else guard(process.pid),
    ):
        if until is None:
            process.wait()
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(PAUSE)
            if process.poll() is None and not told and until is not None and end is not None and until():
                was_stopped = True
                end(process.pid, lambda: process.poll() is not None)
        returncode = process.wait()
        if end is not None and not was_stopped and -returncode == KILLED:
            end(process.pid, lambda: True)
    return Ended(returncode, time.monotonic() - begun, told[-1] if told else None, was_stopped)


@contextmanager
def _forwarding(process: subprocess.Popen[bytes], *, has_group: bool) -> Iterator[list[int]]:
    """Passes signals on to the process, or to its group; gives the list of those that came."""
    told: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        told.append(number)
        # a terminal tells all of its foreground at Ctrl-C, so that the command knows already
        if has_group:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        elif number != signal.SIGINT or not _is_in_foreground():
            with suppress(ProcessLookupError):
                process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_in_foreground() -> bool:
    for stream in (sys.stdin, sys.stderr, sys.stdout):
        with suppress(OSError, ValueError, AttributeError):
            return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    return False


def refuse_blind(command: Sequence[str]) -> None:
    """
    Raises:
        LrdoctorError: the command is a Python that cannot be told to record, by its own options.
    """
    if not PYTHON.match(PurePath(command[0]).name.lower()):
        return
    words = iter(command[1:])
    for word in words:
        if not word.startswith("-") or word.startswith("--") or word == "-":
            return
        letters = word[1:]
        for k, letter in enumerate(letters):
            if letter in BLIND:
                raise LrdoctorError(
                    f"{command[0]} {word}: with -{letter} Python runs nothing but the script, so that it cannot be "
                    f"recorded; leave -{letter} out"
                )
            if letter in TAKES_VALUE:
                if letter in "cm":
                    return
                if k == len(letters) - 1:
                    next(words, None)
                break


def script_name(command: Sequence[str]) -> str:
    """What a training is called: the script's name without its ending, else the module's, else the program's.

    >>> script_name(["torchrun", "--nproc-per-node", "2", "src/train.py", "--lr", "0.1"])
    'train'
    >>> script_name(["python", "-m", "my.training", "x"]), script_name(["./train"])
    ('my.training', 'train')
    """
    for word in command[1:]:
        if word.endswith(".py"):
            return PurePath(word).stem
    if "-m" in command[1:-1]:
        return command[command.index("-m", 1) + 1]
    return PurePath(command[0]).stem
