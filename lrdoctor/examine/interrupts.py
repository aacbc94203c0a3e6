"""What Ctrl-C does while trials run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lrdoctor.engines.base import Engine
from lrdoctor.errors import Interrupted
from lrdoctor.examine.laboratory import Watcher


@contextmanager
def interruptible(engine: Engine, watcher: Watcher) -> Iterator[None]:
    """Within it the first Ctrl-C (or SIGTERM) stops the engine cleanly and the second one kills its workers."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can receive signals
        return
    presses = 0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal presses
        presses += 1
        if presses == 1:
            watcher.message("stopping: finished trials are saved (Ctrl-C again to kill the workers)")
            engine.stop()
        else:
            engine.kill()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
        if presses:
            raise Interrupted("interrupted")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
