"""The processes of one run of a command: all of them found again, and ended.

A run is a process group of its own, and every process of it carries the run's mark in its environment: launchers such
as torchrun give their ranks groups of their own, and kill them only if they get the chance to. Run as a program (with
nothing but the standard library, so that it starts at once), this file is a run's guard: it waits for the end of its
standard input and, unless it has read a word by then, kills what is left. The process that started the run holds the
other end, so that however that one dies, nothing of the run outlives it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

MARK = "LRDOCTOR_RUN"
"""Environment variable that names the run."""

GRACE = 3.0
"""Seconds from the request to leave until the run is killed: time to close files, and none to finish a checkpoint that
nobody wants; less than the 5 that a worker has."""

UNTIL_DEAD = 30.0
"""Seconds to wait for what was killed: a busy machine, or a device that holds a process, takes its time."""

PAUSE = 0.02
"""Seconds between two looks at processes that were asked to leave."""


def marked(mark: str) -> list[int]:
    """The processes of the run, this one excepted; none where the system does not tell (Linux does)."""
    wanted = f"{MARK}={mark}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it is gone by now, or somebody else's
            if int(folder.name) != os.getpid() and wanted in (folder / "environ").read_bytes() + b"\0":
                found.append(int(folder.name))
    return found


def signal_all(group: int, mark: str, number: int) -> bool:
    """Sends a signal to the run's group and to every marked process; whether there was any."""
    reached = False
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        reached = True
    for pid in marked(mark):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            reached = True
    return reached


def end(group: int, mark: str, leader_is_gone: Callable[[], bool], grace: float = GRACE) -> None:
    """Ends every process of the run: asks, waits, kills.

    Args:
        group: process group of the run, whose leader this process started.
        mark: of the run.
        leader_is_gone: reaps the leader if it has ended, and says whether it has.
        grace: seconds to wait.
    """
    signal_all(group, mark, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline:
        if leader_is_gone() and not _group_lives(group) and not marked(mark):
            return
        time.sleep(PAUSE)
    # what a process starts while the others are killed is met by the next round
    deadline = time.monotonic() + UNTIL_DEAD
    while time.monotonic() < deadline:
        signal_all(group, mark, signal.SIGKILL)
        if leader_is_gone() and not _group_lives(group) and not marked(mark):
            return
        time.sleep(PAUSE)


def _group_lives(group: int) -> bool:
    """Whether a process of the group runs; one that is dead and that nobody has asked for its exit code does not.

    A container often has nobody that asks for the orphans.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stats = list(Path("/proc").glob("[0-9]*/stat"))
    return not stats or any(_is_running_in(group, path) for path in stats)


def _is_running_in(group: int, stat: Path) -> bool:
    try:
        # "pid (any name) state parent group ...", and the name may hold anything
        state, _, of = stat.read_bytes().rpartition(b")")[2].split()[:3]
    except (OSError, ValueError):
        return False
    return int(of) == group and state not in (b"Z", b"X")


class Guard:
    """Kills the run when the process that made the guard dies; a context manager.

    Args:
        group: process group of the run.
        mark: of the run.
    """

    def __init__(self, group: int, mark: str) -> None:
        words = [sys.executable, "-I", "-S", __file__, str(group), mark]
        # a session of its own: what ends the run or a terminal must not end the guard
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(b"done\n")
        with suppress(OSError):
            self._process.stdin.close()
        self._process.wait()


def start(words: Sequence[str], folder: str, environment: Mapping[str, str], mark: str) -> subprocess.Popen[bytes]:
    """Starts a run in a process group and session of its own, with nothing to read and its output in pipes.

    Raises:
        OSError: there is no such program, or it cannot be run.
    """
    return subprocess.Popen(
        list(words),
        cwd=folder,
        env={**environment, MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def main() -> None:
    """The guard's life."""
    group, mark = int(sys.argv[1]), sys.argv[2]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read():
        return
    deadline = time.monotonic() + UNTIL_DEAD
    while time.monotonic() < deadline and (_group_lives(group) or marked(mark)):
        signal_all(group, mark, signal.SIGKILL)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
