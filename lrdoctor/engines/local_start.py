"""How worker processes come to be: what they are forked from, and what they must not inherit."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from lrdoctor.engines import local_worker
from lrdoctor.engines.local_worker import KEEP_MEMORY, ONE_THREAD
from lrdoctor.errors import EngineError

if TYPE_CHECKING:  # Windows has no ForkServerContext
    from multiprocessing.context import ForkServerContext, SpawnContext


SERVER = "lrdoctor.engines.local_server"
"""Module that has the server import what workers share, and clean up after a parent that was killed."""

FEWEST_FILES = 64
"""Open files that a process needs to import torch and to talk to its workers, with room for the user's own."""


def starter(preload: Sequence[str]) -> ForkServerContext | SpawnContext:
    """What makes processes and pipes here: a server to fork from where there is one, else new interpreters.

    Args:
        preload: modules the server imports once for all the workers; the first engine of a process decides.
    """
    _refuse_too_few_files()
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([SERVER])
    _start_server(preload)
    return context


def _refuse_too_few_files() -> None:
    """
    Raises:
        EngineError: a worker could not even import what it needs.
    """
    if sys.platform == "win32":  # which has no such limit
        return
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= allowed < FEWEST_FILES:
        raise EngineError(
            f"worker processes cannot be started: {allowed} open files are allowed, expected {FEWEST_FILES} or more; "
            "try ulimit -n 1024"
        )


def _start_server(preload: Sequence[str]) -> None:
    """Starts the process that workers are forked from, with SIGINT blocked for it and so for its children.

    It ignores SIGINT by itself, but only once it has imported what it preloads, which takes seconds.
    """
    from multiprocessing import forkserver  # not on Windows

    from lrdoctor.engines.local_server import PARENT, PRELOAD

    # starting the tracker unblocks SIGINT, so it has to run before
    resource_tracker.ensure_running()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with own_surroundings():
            os.environ |= {PARENT: str(os.getpid()), PRELOAD: ",".join(preload)}
            forkserver.ensure_running()
    finally:
        for name in (PARENT, PRELOAD):
            os.environ.pop(name, None)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@contextmanager
def own_surroundings() -> Iterator[None]:
    """One thread a worker, memory that it keeps, and no `__main__` for it to import again.

    Workers find everything by module name. Running the caller's script once more in each of them would
    cost its imports, fail for a script read from standard input, and recurse for one without a guard.
    """
    # what the user set for the allocator stays
    ours = {**{name: value for name, value in KEEP_MEMORY.items() if name not in os.environ}, **ONE_THREAD}
    before = {name: os.environ.get(name) for name in ours}
    main = sys.modules["__main__"]
    os.environ.update(ours)
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def is_childless() -> bool:
    """Whether multiprocessing lets this process start none: it is itself a daemon of it, as workers of Dask are."""
    return multiprocessing.current_process().daemon


class NewInterpreter:
    """A worker process that is a new interpreter, for a process that multiprocessing lets start none; the part of the
    interface of multiprocessing's processes that a worker needs.

    Args:
        order: arguments of `local_worker.main`: what can be pickled, and at the end its two connections.
    """

    def __init__(self, order: tuple[Any, ...]) -> None:
        *self._plain, self._connection, self._lifeline = order

    def start(self) -> None:
        """Starts it.

        Raises:
            OSError: the system refuses.
        """
        # readable once nobody has the other end any more, that is when the worker is dead
        self.sentinel, theirs = os.pipe()
        handles = (self._connection.fileno(), self._lifeline.fileno(), theirs)
        # what Dask sets for the allocator is for its own worker, which trains nothing
        environment = {**os.environ, **KEEP_MEMORY, **ONE_THREAD}
        words = [sys.executable, "-c", BEGIN, json.dumps(sys.path), *map(str, handles)]
        try:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, pass_fds=handles, env=environment, start_new_session=True
            )
        except BaseException:
            os.close(self.sentinel)
            raise
        finally:
            os.close(theirs)
        assert self._process.stdin is not None
        with self._process.stdin as order:
            order.write(pickle.dumps(self._plain))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exitcode(self) -> int | None:
        return self._process.poll()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def join(self, seconds: float | None = None) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        os.close(self.sentinel)


BEGIN = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from lrdoctor.engines.local_start import begin; begin()"
)
"""What a new interpreter runs."""


def begin() -> None:
    """The life of a `NewInterpreter`, at its other end."""
    connection, lifeline, sentinel = map(int, sys.argv[2:])
    for handle in (connection, lifeline, sentinel):
        os.set_inheritable(handle, False)
    # a child of the user's code must not look like this process being alive
    os.register_at_fork(after_in_child=lambda: os.close(sentinel))
    entry, context, index = pickle.loads(sys.stdin.buffer.read())
    local_worker.main(entry, context, index, Connection(connection), Connection(lifeline, writable=False))
