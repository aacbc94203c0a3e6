"""A thread that delivers messages one after another, so that nobody has to wait for them."""

from __future__ import annotations

import atexit
import queue
import threading
from collections.abc import Callable

MOST_WAITING = 100
"""Messages that wait at most; a run whose verdict changes more often while a server is away has told enough."""
AT_EXIT = 10.0
"""Seconds that the end of the process waits for what is on its way."""

Delivery = Callable[[], object]


class Courier:
    """Delivers in the order of sending. A delivery that raises is given up, and said in one line.

    Args:
        say: prints a line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._waiting: queue.Queue[tuple[str, Delivery]] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._said_full = False

    def send(self, to: str, delivery: Delivery) -> None:
        """Takes a message; never waits.

        Args:
            to: what a line calls the receiver.
            delivery: delivers it, and may take its time.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="lrdoctor alerts", daemon=True)
            self._thread.start()
            atexit.register(self.close, AT_EXIT)
        try:
            self._waiting.put_nowait((to, delivery))
        except queue.Full:
            if not self._said_full:
                self._said_full = True
                self._say(f"alerts for {to}: {MOST_WAITING} wait already; further ones are dropped")

    def close(self, seconds: float) -> None:
        """Waits until everything is delivered or given up, so many seconds at most."""
        if self._thread is None:
            return
        atexit.unregister(self.close)
        self._closing.set()
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._say(f"alerts given up at the end: not delivered within {seconds:g} s")
        self._thread = None

    def _work(self) -> None:
        while True:
            try:
                # the timeout is how long the end may go unnoticed, and no more
                to, delivery = self._waiting.get(timeout=0.05 if self._closing.is_set() else 0.5)
            except queue.Empty:
                if self._closing.is_set():
                    return
                continue
            try:
                delivery()
            except Exception as error:
                self._say(f"alert for {to} given up: {error or type(error).__name__}")
