"""Trials in this process, one after the other: for models and data that exist in memory and nowhere else.

Nothing is sent anywhere, so nothing has to be picklable; a class from a notebook's cell will do. In exchange there is
one worker, a trial that brings the process down brings everything down, and what a trial says arrives at its end.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from lrdoctor.engines.base import Event, Finished, OpenSession, Progress, Session, Started, Task
from lrdoctor.engines.entry import load
from lrdoctor.errors import Interrupted, LrdoctorError


class HereEngine:
    """Runs tasks where it is made; see `engines.base.Engine`.

    Args:
        entry: "module:function" that opens the session.
        context: what it is handed.
        jobs: not looked at: there is one worker, this process.
        preload: not looked at: nothing is started that could have modules imported before.
        first: index of the worker.
    """

    def __init__(
        self,
        entry: str,
        context: Mapping[str, Any],
        *,
        jobs: int | None = None,
        preload: tuple[str, ...] = (),
        first: int = 0,
    ) -> None:
        self._entry, self._context, self._first = entry, context, first
        self._session: Session | None = None
        self._stopped = False
        self.tell: Callable[[str], None] = lambda text: None

    def __enter__(self) -> HereEngine:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._session = None

    def describe(self) -> Mapping[str, Any]:
        return {**self._opened().describe(), "jobs": 1}

    def _opened(self) -> Session:
        if self._session is None:
            opener: OpenSession = load(self._entry)
            self._session = opener(self._context, self._first)
        return self._session

    def attach(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        return {}

    def run(self, tasks: Iterable[Task]) -> Iterator[Event]:
        for task in tasks:
            yield Started(task, self._first, self._opened().describe())
            said: list[Any] = []
            try:
                result = self._opened().run(task.payload, said.append, lambda: self._stopped)
            except LrdoctorError:
                raise
            except Exception as error:
                raise RuntimeError("".join(traceback.format_exception(error))) from error
            if self._stopped:
                raise Interrupted("interrupted")
            yield from (Progress(task, value) for value in said)
            yield Finished(task, result)

    def stop(self) -> None:
        self._stopped = True

    def kill(self) -> None:
        """There is no worker to end: what runs here ends at its next step."""
        self._stopped = True
