"""How worker processes come to be: what they are forked from, and what they must not inherit."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

from lrdoctor.engines.local_worker import KEEP_MEMORY, ONE_THREAD
from lrdoctor.errors import EngineError

if TYPE_CHECKING:  # Windows has no ForkServerContext
    from multiprocessing.context import ForkServerContext, SpawnContext


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
    context.set_forkserver_preload(list(preload))
    _start_server()
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


def _start_server() -> None:
    """Starts the process that workers are forked from, with SIGINT blocked for it and so for its children.

    It ignores SIGINT by itself, but only once it has imported what it preloads, which takes seconds.
    """
    from multiprocessing import forkserver  # not on Windows

    # starting the tracker unblocks SIGINT, so it has to run before
    resource_tracker.ensure_running()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with own_surroundings():
            forkserver.ensure_running()
    finally:
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
