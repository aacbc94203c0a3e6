"""Imported by the process that workers are forked from: what it imports for them, and its last act.

A parent that is killed deletes nothing, and the folder of its sockets is left among the temporary files. Its workers
delete it; a parent that is killed before it has any has only the server, which ends once nobody needs it any more.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import time
from contextlib import suppress
from importlib import import_module
from multiprocessing import forkserver  # not on Windows
from pathlib import Path

PARENT = "LRDOCTOR_SERVER_OF"
"""Environment variable with the process that started the server: it may be dead before this module is imported."""
PRELOAD = "LRDOCTOR_SERVER_IMPORTS"
"""Environment variable with the modules that all workers share from their start, separated by commas."""
PATIENCE = 2.0
"""Seconds for the system to give this process another parent: the end of the pipe to a dead one comes first."""


def delete_sockets(parent: int) -> None:
    """Deletes the folder in which this server listened, unless its parent lives, which does so itself at its end."""
    address = forkserver._forkserver._forkserver_address  # type: ignore[attr-defined]
    if not isinstance(address, str) or not Path(address).parent.name.startswith("pymp-"):
        return
    deadline = time.monotonic() + PATIENCE
    while os.getppid() == parent and Path(address).exists():
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)
    shutil.rmtree(Path(address).parent, ignore_errors=True)


def serve(parent: int, preload: str) -> None:
    """Makes this process ready to be forked from.

    Args:
        parent: the process that started it.
        preload: names of modules, separated by commas.
    """
    # workers end without what is registered here
    atexit.register(delete_sockets, parent)
    for name in filter(None, preload.split(",")):
        # by itself the server suppresses ImportError alone: a library that is damaged raises OSError as well, and would
        # end it with a traceback. The worker that imports the module again says what is wrong with it
        with suppress(Exception):
            import_module(name)
    # else a worker that looks for cycles looks through all that was imported, and makes its own copy of it
    gc.freeze()


# the server knows no other way to have something done than to import it
if PARENT in os.environ:
    serve(int(os.environ.pop(PARENT)), os.environ.pop(PRELOAD, ""))
