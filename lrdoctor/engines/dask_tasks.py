"""What a `DaskEngine` remembers of the tasks that it asked for, and of the workers that were lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from distributed import Client, Future

from lrdoctor.engines import dask_worker, death
from lrdoctor.engines.base import Task
from lrdoctor.engines.dask_cluster import how

AGAIN = 0.1
"""Seconds between two requests to keep tasks that the scheduler has not read yet."""

REPLACED = 30.0
"""Seconds that a lost worker has to come back by itself, before the cluster is asked for another."""


@dataclass
class OpenTask:
    """A task that was asked for."""

    task: Task
    future: Future[Any]
    has_started: bool = False
    deaths: list[str] = field(default_factory=list)
    """Of workers that had it, in words; what counts against it."""
    ends: list[str] = field(default_factory=list)
    """Of all that had it, those that said goodbye included, and of processes of theirs."""
    inside: tuple[str, ...] = ()
    """Of processes of the worker that has it."""
    n_given_up: int = 0
    """Times that Dask has given it up for workers that left."""

    def lost(self, worker: str, reason: str, is_expected: bool) -> None:
        """Notes the end of the worker that had it."""
        self.has_started = False
        self.ends += [*self.inside, f"the worker at {worker} {reason}"]
        self.inside = ()
        if not is_expected:
            self.deaths.append(f"the one at {worker} {reason}")


class Kept:
    """The shared tasks that the scheduler goes on with when this process dies, so that whoever takes the study over
    finds them.

    `distributed.fire_and_forget` says the same and is not heard where the scheduler has not yet read the task.
    """

    def __init__(self) -> None:
        self.unread: dict[str, str] = {}
        """Key -> Dask's key of those that the scheduler does not know yet."""
        self._asked = 0.0

    def ask(self, client: Client, is_open: Callable[[str], bool]) -> None:
        """Asks the scheduler to keep what it has not been asked for yet, of the tasks that are still open."""
        if not self.unread or time.monotonic() - self._asked < AGAIN:
            return
        began = self._asked = time.monotonic()
        # what was just submitted takes the scheduler some milliseconds to read, in which no event may be handed on: the
        # caller may end with the first one
        while self.unread and time.monotonic() - began < AGAIN:
            try:
                kept = client.run_on_scheduler(dask_worker.keep, list(self.unread.values()))
            except OSError:  # the scheduler is gone, which the next look says
                return
            self.unread = {k: name for k, name in self.unread.items() if name not in kept and is_open(k)}
            if self.unread:
                time.sleep(0.01)


class Losses:
    """The workers that were lost.

    Args:
        is_here: whether they are processes of this machine, whose memory is its own.
    """

    def __init__(self, is_here: bool) -> None:
        self.leaving: set[str] = set()
        """Addresses of workers that said goodbye."""
        self._is_here = is_here
        self._memory_kills = death.memory_kills()
        self._last: float | None = None

    def told(self, what: Mapping[str, Any]) -> tuple[str, str, bool]:
        """The worker that the scheduler has lost, how, in words, and whether it said goodbye."""
        worker = str(what.get("worker"))
        self._last = time.monotonic()
        is_expected = bool(what.get("expected")) or worker in self.leaving
        kills = death.memory_kills() if self._is_here else None
        ran_out = kills is not None and kills > (self._memory_kills or 0)
        self._memory_kills = kills
        return worker, how(str(what.get("stimulus_id", "")), is_expected, ran_out), is_expected

    def replace(self, cluster: Any, client: Client, n_wanted: int | None) -> None:
        """Asks the cluster for a worker in place of one that has not come back by itself: a queueing system has ended
        its job, at the end of its time perhaps, and starts none by itself.

        Args:
            cluster: None where it is not our own.
            client: of the cluster.
            n_wanted: how many there are to be; None for as many as there are.
        """
        if self._last is None or time.monotonic() - self._last <= REPLACED:
            return
        self._last = None
        if cluster is not None and n_wanted and len(client.nthreads()) < n_wanted:
            cluster.scale(n_wanted)
            self._last = time.monotonic()
