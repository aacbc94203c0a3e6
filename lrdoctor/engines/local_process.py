"""The parent's end of one worker process: starting it, talking to it, ending it."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import pickle
import time
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lrdoctor.engines import death, local_worker
from lrdoctor.engines.base import Task
from lrdoctor.engines.local_start import NewInterpreter, is_childless, own_surroundings, starter
from lrdoctor.errors import EngineError

if TYPE_CHECKING:  # Windows has no ForkServerContext
    from multiprocessing.context import ForkServerContext, SpawnContext

Message = tuple[Any, ...]

PATIENCE = 5.0
"""Seconds a worker has to leave by itself, and again to die of SIGTERM; a clean end takes well under one."""


class WorkerProcess:
    """One live worker, the task it has, and what it did before.

    Args:
        index: the worker's place, handed to its entry point.
        retry: a task that already cost a worker, with how that one died; this worker takes it first.

    Raises:
        EngineError: the system does not start another process.
    """

    def __init__(
        self,
        entry: str,
        context: Mapping[str, Any],
        index: int,
        preload: Sequence[str],
        retry: tuple[Task, str] | None = None,
    ) -> None:
        self.index = index
        self.is_open = False
        self.facts: Mapping[str, Any] = {}
        """What it told of itself once it was open."""
        self.task: Task | None = retry[0] if retry else None
        self.first_death: str | None = retry[1] if retry else None
        self.has_begun = False
        """Whether its task was handed over."""
        self.is_ahead = False
        """Whether nobody has asked for its task yet."""
        self.given_up: float | None = None
        """When its task, that was begun ahead, was abandoned, on the monotonic clock."""
        self.served: list[Hashable] = []
        """Affinities of the tasks it had, the last one last."""
        self.begun = 0.0
        """When its task was handed over, on the monotonic clock."""
        self.memory_kills = death.memory_kills()
        """Processes that the system had ended for want of memory when this one was started, or given its task."""
        self._number = 0
        self._start(entry, context, preload)

    def _start(self, entry: str, context: Mapping[str, Any], preload: Sequence[str]) -> None:
        make = multiprocessing.get_context("spawn") if is_childless() else _starter(preload)
        self.connection, theirs = make.Pipe()
        their_lifeline, self._lifeline = make.Pipe(duplex=False)
        order = (entry, context, self.index, theirs, their_lifeline)
        self._process = (
            NewInterpreter(order)
            if is_childless()
            else make.Process(target=local_worker.main, args=(*order, _sockets()), name=f"lrdoctor-worker-{self.index}")
        )
        try:
            with own_surroundings():
                self._process.start()
        except (OSError, EOFError) as error:
            self._close_pipes()
            raise EngineError(
                f"worker process {self.index} cannot be started: {type(error).__name__}: {error}; try fewer --jobs"
            ) from error
        finally:
            theirs.close()
            their_lifeline.close()
        self.sentinel: int = self._process.sentinel

    @property
    def is_alive(self) -> bool:
        return bool(self._process.is_alive())

    @property
    def has_hung_up(self) -> bool:
        """Whether a worker without a task has died: it has nothing to say, so what can be read is the end."""
        return self.connection.poll()

    def give(self, task: Task) -> None:
        """Hands the task over; when the worker is dead, the sentinel tells."""
        self.task, self.has_begun, self.begun = task, True, time.monotonic()
        self._number += 1
        self.memory_kills = death.memory_kills()
        if task.affinity is not None:
            self.served = [affinity for affinity in self.served if affinity != task.affinity]
            self.served.append(task.affinity)
        with suppress(OSError):
            self.connection.send_bytes(pickle.dumps((self._number, task.payload)))

    def free(self) -> None:
        """Its task is over."""
        self.task, self.first_death, self.has_begun, self.is_ahead, self.given_up = None, None, False, False, None

    def give_up(self) -> None:
        """Abandons the task that it has ahead: at its next step, or at once where it was not handed over yet."""
        if self.has_begun:
            self.given_up = time.monotonic()
            self.abandon()
        else:
            self.free()

    def receive(self) -> Message | None:
        """The next whole message, None when the worker is dead and its messages are read."""
        try:
            if not self.connection.poll():
                return None
            data = self.connection.recv_bytes()
        except (EOFError, OSError):
            return None
        message: Message = pickle.loads(data)
        return message

    def abandon(self) -> None:
        """Asks for the task it has, if any, to be abandoned at its next step."""
        with suppress(OSError):
            self._lifeline.send_bytes(self._number.to_bytes(8, "big"))

    def ask_to_leave(self) -> None:
        """Lets it abandon its task and end by itself."""
        self.abandon()
        # not the lifeline: its end means the parent's death, and then a worker leaves without cleaning up
        self.connection.close()

    def join(self, seconds: float) -> None:
        self._process.join(seconds)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        """Kills it with what its task has started."""
        if self._process.pid is not None:
            local_worker.kill_group(self._process.pid)
        # it may have had no time yet to make a group of its own
        self._process.kill()

    def close(self) -> int:
        """Frees what belongs to a worker that has ended, and returns its exit code."""
        if self._process.pid is not None:
            # what its task has started and left behind
            local_worker.kill_group(self._process.pid)
        self._process.join()
        code = self._process.exitcode
        assert code is not None  # it was joined
        self._process.close()
        self._close_pipes()
        return code

    def _close_pipes(self) -> None:
        self.connection.close()
        self._lifeline.close()


def _sockets() -> str:
    """The folder in which multiprocessing keeps the sockets of this process, "" where it has none."""
    return str(multiprocessing.process.current_process()._config.get("tempdir") or "")  # type: ignore[attr-defined]


def _starter(preload: Sequence[str]) -> ForkServerContext | SpawnContext:
    try:
        return starter(preload)
    except OSError as error:
        # the server listens at a socket among the temporary files, whose path the system keeps short
        raise EngineError(
            f"worker processes cannot be started: {error}; try a TMPDIR that can be written and has a short path"
        ) from error


def end(workers: Sequence[WorkerProcess]) -> None:
    """Ends the workers: asks them, then terminates those that stay, then kills; all of them at a time."""
    for worker in workers:
        worker.ask_to_leave()
    for insist in (WorkerProcess.terminate, WorkerProcess.kill):
        deadline = time.monotonic() + PATIENCE
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        for worker in workers:
            if worker.is_alive:
                insist(worker)
