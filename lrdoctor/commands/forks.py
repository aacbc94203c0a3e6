"""Runs of a command that are forked from a process which has its imports behind it (see `recording.prepared`)."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import IO, Any

from lrdoctor.commands.processes import MARK
from lrdoctor.core import passing
from lrdoctor.errors import Interrupted
from lrdoctor.launch import PYTHON
from lrdoctor.recording import prepared
from lrdoctor.recording.settings import Recording

LONGEST = 300.0
"""Seconds in which the imports are to be done: some ten times what the largest take on a busy machine."""
LOOK = 0.1
"""Seconds between two questions whether the run is still wanted, while the imports are waited for."""
KILLED = -9
"""Exit code of a run whose own one cannot be known, since the process it was forked from is gone."""
NO_MARK = "0" * 32
"""Of the process that is forked from; as long as the mark of a run."""


def script_of(words: Sequence[str]) -> str | None:
    """The script that a command hands to Python itself; None for a launcher, a module or options of Python.

    >>> script_of(["python", "train.py", "--lr", "1"]), script_of(["torchrun", "train.py"])
    ('train.py', None)
    """
    if len(words) > 1 and PYTHON.match(PurePath(words[0]).name.lower()) and words[1].endswith(".py"):
        return words[1]
    return None


class Forked:
    """A run, with the part of the interface of `subprocess.Popen` that its owner needs."""

    def __init__(self, pid: int, connection: socket.socket, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        self.pid, self.stdout, self.stderr = pid, stdout, stderr
        self.returncode: int | None = None
        self._connection = connection

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.returncode = _number(self._connection, KILLED)
        return self.returncode

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = _number(self._connection, KILLED)
        return self.returncode


class Fork:
    """A process to fork runs of one script from; ends with the object, or with this process.

    Args:
        words: of a run, in which Python and the script are those of all.
        folder: working directory.
        environment: that of every run but for the recorder's part and the run's own variables.
        told: what a run of it has written by `recording.imports`.
    """

    def __init__(
        self, words: Sequence[str], folder: str, environment: Mapping[str, str], told: Mapping[str, Any]
    ) -> None:
        self.why: str | None = "it is not ready"
        """Why no run can be forked from it."""
        self._words, self._folder = list(words[:2]), folder
        self._environment = dict(environment)
        own = passing.make()
        imports = Path(own) / "told.json"
        imports.write_text(json.dumps(dict(told)), encoding="ascii")
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        asleep = Recording(directory=own, is_asleep=True).environment({**environment, MARK: NO_MARK})
        line = [words[0], prepared.__file__, str(theirs.fileno()), str(imports), words[1]]
        with theirs, (Path(own) / "said").open("w+b") as said:
            self._process = subprocess.Popen(
                line,
                cwd=folder,
                env=asleep,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                pass_fds=[theirs.fileno()],
            )
        self._end = weakref.finalize(self, _end, self._process, self._connection, own)

    def close(self) -> None:
        self._end()

    def wait(self, stopped: Callable[[], bool]) -> None:
        """Until it is ready, or says `why` it is not.

        Raises:
            Interrupted: `stopped` said so.
        """
        late = time.monotonic() + LONGEST
        while not select.select([self._connection], [], [], LOOK)[0]:
            if stopped():
                raise Interrupted("the trial was abandoned")
            if time.monotonic() > late:
                self.why = f"its imports take longer than {LONGEST:g} s"
                return
        with suppress(OSError):
            answer = self._connection.recv(prepared.LARGEST).decode() or "it ended while importing"
            self.why = None if answer == prepared.READY else answer

    def start(self, words: Sequence[str], folder: str, environment: Mapping[str, str], mark: str) -> Forked | None:
        """Begins a run; None where it cannot be a fork of this process.

        Args:
            words: its command.
            folder: its working directory.
            environment: its variables, those of the recorder included.
            mark: of the run.
        """
        own = {name: value for name, value in environment.items() if self._environment.get(name) != value}
        if self.why or list(words[:2]) != self._words or folder != self._folder:
            return None
        order = json.dumps({"arguments": list(words[2:]), "environment": {**own, MARK: mark}}).encode()
        if len(order) > prepared.LARGEST:
            return None
        (out, theirs), (err, their_errors) = os.pipe(), os.pipe()
        try:
            socket.send_fds(self._connection, [order], [theirs, their_errors])
            pid = _number(self._connection, 0)
        except OSError:
            pid = 0
        finally:
            os.close(theirs)
            os.close(their_errors)
        if not pid:
            self.why = "it does not fork any more"
            os.close(out)
            os.close(err)
            return None
        return Forked(pid, self._connection, open(out, "rb"), open(err, "rb"))  # closed by the reader


def _number(connection: socket.socket, otherwise: int) -> int:
    with suppress(OSError, ValueError):
        return int(connection.recv(prepared.LARGEST))
    return otherwise


def _end(process: subprocess.Popen[bytes], connection: socket.socket, own: str) -> None:
    connection.close()
    process.kill()
    process.wait()
    shutil.rmtree(own, ignore_errors=True)


def is_possible(gpus: Sequence[str]) -> bool:
    """Whether this machine lets runs be forked: a library that has begun to use a GPU does not live on in a fork."""
    return sys.platform == "linux" and not gpus
