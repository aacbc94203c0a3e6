"""The inside of a worker process: opens the session, then does one task after the other.

What it tells the parent, as pickled tuples:
    ("open", facts)                the session is open
    ("progress", value)            a piece of progress of the task
    ("result", value)              the task is done
    ("error", class name, text)    the task raised, or opening the session did, which ends the worker
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from lrdoctor import errors
from lrdoctor.core import passing
from lrdoctor.engines.base import OpenSession, Session
from lrdoctor.engines.entry import load
from lrdoctor.errors import LrdoctorError

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Workers run side by side, one a core: with more threads each they only wait for one another."""

KEEP_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TOP_PAD_": str(16 * 1024 * 1024),
}
"""Read by glibc when a process starts, nothing to other systems. A training step frees as much as it allocated, and
by default that memory goes back to the system and is asked for again in every step: 8 % of a step of the bundled
convolutional network. A worker holds on to up to 256 MiB instead."""


END = os._exit
"""Bound here: the user's code can put anything in its place."""


class Lifeline:
    """What the parent tells during a task: the number of the last one to abandon, or its own death."""

    def __init__(self, connection: Connection, temporary: str = "") -> None:
        self.abandoned = 0
        self._connection, self._temporary = connection, temporary
        threading.Thread(target=self._listen, name="lifeline", daemon=True).start()

    def _listen(self) -> None:
        try:
            while True:
                self.abandoned = int.from_bytes(self._connection.recv_bytes(), "big")
        except (EOFError, ConnectionError):
            # the parent is gone, killed perhaps: no task and no cleanup may outlive it, nor what the task has started,
            # nor the folder of sockets that the parent would have deleted at its end
            if self._temporary:
                shutil.rmtree(self._temporary, ignore_errors=True)
        except OSError:
            # the user's code has closed the pipe; the parent lives, and misses its folder where it is gone
            pass
        kill_group(os.getpid())
        os._exit(1)


def kill_group(pid: int) -> None:
    """Kills what a worker and the user's code in it have started; the worker too, where it still is."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def main(
    entry: str,
    context: Mapping[str, Any],
    index: int,
    connection: Connection,
    lifeline: Connection,
    temporary: str = "",
) -> None:
    """Serves tasks until the parent closes the connection.

    Args:
        entry: "module:function" that opens the session.
        context: what it is handed.
        index: of the worker.
        connection: to the parent.
        lifeline: from the parent; its end is the parent's death.
        temporary: folder that only the parent's processes use, deleted when the parent is killed.
    """
    _settle(connection)
    orders = Lifeline(lifeline, temporary)
    passing.belong_to(temporary)
    try:
        opener: OpenSession = load(entry)
        session = opener(context, index)
        _send(connection, "open", dict(session.describe()))
    except Exception as error:
        _send_error(connection, error)
        return
    while True:
        try:
            job = connection.recv_bytes()
        except (EOFError, OSError):
            return
        _do(session, job, connection, orders)


def _do(session: Session, job: bytes, connection: Connection, orders: Lifeline) -> None:
    is_told = False
    try:
        try:
            number, payload = pickle.loads(job)
            result = session.run(
                payload,
                lambda value: _send(connection, "progress", value),
                lambda: orders.abandoned >= number,
            )
            _send(connection, "result", result)
        except Exception as error:
            _send_error(connection, error)
        except SystemExit:
            is_told = True
            raise
        is_told = True
    finally:
        if not is_told:
            # a KeyboardInterrupt that is raised by hand ends the process of the user's code, as it would without
            # lrdoctor; and where that code has left so little of Python that no error can be told, the exit code does
            END(1)


def _settle(connection: Connection) -> None:
    # Ctrl-C in a terminal reaches every process; what follows from it is the parent's to decide
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        # a group of its own, so that whatever the user's code starts ends with the worker
        with suppress(PermissionError):
            os.setsid()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        # a child of the user's code that outlives this worker must not keep the pipe to the parent open
        os.register_at_fork(after_in_child=connection.close)
    # standard output carries the result only, so what the user's code prints goes to standard error
    os.dup2(2, 1)
    # a server that was already running may have been started without
    os.environ.update(ONE_THREAD)


def _send(connection: Connection, *message: Any) -> None:
    data = pickle.dumps(message)
    try:
        connection.send_bytes(data)
    except OSError:
        # nobody listens any more, and raising would pass through the user's code, which may catch it
        os._exit(1)


def _send_error(connection: Connection, error: Exception) -> None:
    """Sends the class by name: unpickling a class could make the parent import the module that defines it."""
    for kind in type(error).__mro__:
        if issubclass(kind, LrdoctorError) and getattr(errors, kind.__name__, None) is kind:
            _send(connection, "error", kind.__name__, str(error))
            return
    _send(connection, "error", RuntimeError.__name__, "".join(traceback.format_exception(error)))
