"""Runs tasks in worker processes on this machine: one a core with one thread each, or one an accelerator.

Workers are started once and kept, since opening a session costs seconds; a worker that dies costs only the
task it had, which is run once more.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from multiprocessing.connection import wait
from typing import Any

from lrdoctor import errors
from lrdoctor.engines import death
from lrdoctor.engines.affinity import choose
from lrdoctor.engines.base import Event, Failed, Finished, Progress, Started, Task
from lrdoctor.engines.local_process import PATIENCE, Message, WorkerProcess, end
from lrdoctor.errors import EngineError, Interrupted, LrdoctorError


class LocalEngine:
    """An `engines.base.Engine` of local processes; a context manager, whose end is the end of its workers.

    Args:
        entry: "module:function", the entry point that opens a session; imported in the workers only.
        context: handed to the entry point, picklable.
        jobs: the number of workers; None for one a visible accelerator when the first session describes
            `devices` of 1 or more, else one a core that this process may use.
        preload: modules that all workers share from their start, where the system can fork.
        task_seconds: how long a task may take; None for any time.
        first: index of the first worker.
    """

    def __init__(
        self,
        entry: str,
        context: Mapping[str, Any],
        jobs: int | None = None,
        preload: Sequence[str] = (),
        task_seconds: float | None = None,
        first: int = 0,
    ) -> None:
        if jobs is not None and jobs < 1:
            raise EngineError(f"the number of worker processes must be 1 or more, got --jobs {jobs}")
        self._entry, self._context, self._preload = entry, context, tuple(preload)
        self._jobs, self._first, self._task_seconds = jobs, first, task_seconds
        self.tell: Callable[[str], None] = lambda text: None
        self.guess: Callable[[], Task | None] = lambda: None
        self._facts: Mapping[str, Any] | None = None
        self._workers: list[WorkerProcess] = []
        self._stopping = self._killed = False
        # a signal handler cannot end the wait for workers; a byte through this pipe does
        self._alarm, self._ring = multiprocessing.Pipe(duplex=False)

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._end(self._workers)
        self._alarm.close()
        self._ring.close()

    def describe(self) -> Mapping[str, Any]:
        """What the first session told about its worker, plus the number of workers as `jobs`.

        Raises:
            EngineError: no worker opens a session.
            LrdoctorError: what opening the session raised.
            Interrupted: `stop` was called.
        """
        while self._facts is None:
            if self._stopping:
                raise interrupted()
            self._hire(1)
            list(self._events())
        return {**self._facts, "jobs": self._limit()}

    def attach(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        """None: these workers never outlive the process that asked."""
        return {}

    def run(self, tasks: Iterable[Task]) -> Iterator[Event]:
        """Runs the tasks, in order as far as affinity allows, and yields what happens as it happens.

        After `stop`, events of the tasks still running go on until each is finished or abandoned.
        See `engines.base.Engine.run` for what it raises.
        """
        waiting = list(tasks)
        try:
            yield from self._take_over(waiting)
            while (waiting or self._busy()) and not self._stopping:
                self._make_room(waiting)
                self._hire(len(waiting))
                yield from self._hand_out(waiting)
                self._begin_ahead(waiting)
                happened: list[Event] = []
                try:
                    happened.extend(self._events(self._until_late()))
                    happened.extend(self._late())
                    # before the caller spends time on what happened: an idle worker waits for nobody
                    happened[:0] = self._hand_out(waiting)
                finally:
                    yield from happened
            if self._stopping:
                yield from self._last_events()
        finally:
            # still busy when an error, or the caller, ended the run
            self._end(self._busy())
        if self._stopping:
            raise interrupted()

    def _last_events(self) -> Iterator[Event]:
        """Abandons every task, and yields what happens until the workers have taken notice."""
        for worker in self._workers:
            worker.abandon()
        deadline = time.monotonic() + PATIENCE
        # a worker that is still opening, to try a task again, has not begun and is not waited for; neither is one
        # that looks up too seldom, as in data that take long to make: its task is lost in any case
        while any(worker.has_begun for worker in self._workers) and not self._killed:
            left = deadline - time.monotonic()
            if left <= 0:
                for worker in self._workers:
                    if worker.has_begun:
                        worker.kill()
                break
            yield from self._events(left)

    def stop(self) -> None:
        """Asks for the running tasks to be abandoned; workers that take no notice end. Safe in a signal handler."""
        if not self._stopping:
            self._stopping = True
            self._wake()

    def kill(self) -> None:
        """Ends the engine's own workers at once; safe in a signal handler."""
        self._stopping = self._killed = True
        for worker in tuple(self._workers):
            worker.kill()
        self._wake()

    def _wake(self) -> None:
        if not self._ring.closed:
            self._ring.send_bytes(b"!")

    def _limit(self) -> int:
        """How many workers there may be: one until the first session has told what the machine is like."""
        if self._jobs is None and self._facts is not None:
            self._jobs = int(self._facts.get("devices") or 0) or cores()
        return self._jobs or 1

    def _busy(self) -> list[WorkerProcess]:
        """Those with a task that was asked for."""
        return [worker for worker in self._workers if worker.task is not None and not worker.is_ahead]

    def _take_over(self, waiting: list[Task]) -> Iterator[Event]:
        """Takes off `waiting` what was begun ahead: it is asked for now."""
        ahead = {worker.task.key: worker for worker in self._workers if worker.is_ahead and worker.task is not None}
        for task in tuple(waiting):
            worker = ahead.get(task.key)
            if worker is not None and worker.given_up is None:
                waiting.remove(task)
                worker.task, worker.is_ahead = task, False
                if worker.has_begun:  # else it is handed over once the worker is open
                    yield Started(task, worker.index, worker.facts)

    def _make_room(self, waiting: Sequence[Task]) -> None:
        """Abandons what was begun ahead, the last first, where tasks that are asked for wait for its worker."""
        ahead = [worker for worker in self._workers if worker.is_ahead]
        coming = sum(worker.given_up is not None for worker in ahead)
        room = self._limit() - len(self._busy()) - len(ahead) + coming
        going = sorted((worker for worker in ahead if worker.given_up is None), key=lambda worker: -worker.begun)
        for worker in going[: max(0, len(waiting) - room)]:
            worker.give_up()

    def forget(self) -> None:
        """Abandons what was begun ahead: nothing more will be asked for."""
        for worker in self._workers:
            if worker.is_ahead:
                worker.give_up()

    def _begin_ahead(self, waiting: Sequence[Task]) -> None:
        """Gives a task that may be asked for to every worker that has none, and starts workers for more of them."""
        while not waiting and not self._stopping:
            free = next((worker for worker in self._workers if worker.task is None), None)
            if free is None and len(self._workers) >= self._limit():
                return
            task = self.guess()
            if task is None:
                return
            if free is None:
                self._hire(1)
                free = self._workers[-1]
            free.task, free.is_ahead = task, True
            if free.is_open:
                free.give(task)

    def _hire(self, wanted: int) -> None:
        """Starts workers until as many as `wanted` are free, up to the limit."""
        for worker in list(self._workers):
            if worker.is_open and worker.task is None and worker.has_hung_up:
                self._discard(worker)
        while len(self._workers) < self._limit() and not self._stopping:
            if sum(worker.task is None for worker in self._workers) >= wanted:
                return
            taken = {worker.index for worker in self._workers}
            self._start(min(set(range(self._first, self._first + self._limit())) - taken))

    def _start(self, index: int, retry: tuple[Task, str] | None = None) -> None:
        self._workers.append(WorkerProcess(self._entry, self._context, index, self._preload, retry))

    def _hand_out(self, waiting: list[Task]) -> Iterator[Event]:
        """Gives a task to every open worker that has none; takes it off `waiting`."""
        for worker in [each for each in self._workers if each.is_open and not each.has_begun]:
            task = worker.task or self._take(worker, waiting)
            if task is not None:
                worker.give(task)
                if worker.is_ahead:
                    continue
                deaths = () if worker.first_death is None else (f"the worker process {worker.first_death}",)
                yield Started(task, worker.index, worker.facts, deaths)

    def _take(self, worker: WorkerProcess, waiting: list[Task]) -> Task | None:
        if not waiting:
            return None
        others = {affinity for other in self._workers if other is not worker for affinity in other.served}
        return waiting.pop(choose([task.affinity for task in waiting], worker.served, others))

    def _events(self, seconds: float | None = None) -> Iterator[Event]:
        """Waits until something happens, so many seconds at most, and yields what it means: a message of each worker
        that sent any."""
        source: dict[Any, WorkerProcess] = {}
        for worker in self._workers:
            source[worker.connection] = source[worker.sentinel] = worker
        ready = wait([self._alarm, *source], seconds)
        if self._alarm in ready:
            self._alarm.recv_bytes()
        for worker in dict.fromkeys(source[thing] for thing in ready if thing is not self._alarm):
            message = worker.receive()
            yield from self._bury(worker) if message is None else self._meaning(worker, message)

    def _until_late(self) -> float | None:
        """Seconds until the first task has taken too long; None where all may take any time."""
        ends = [end for worker in self._workers if (end := self._deadline(worker)) is not None]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def _deadline(self, worker: WorkerProcess) -> float | None:
        """When the task of a worker has taken too long, on the monotonic clock; None where it may take any time."""
        if worker.given_up is not None:
            return worker.given_up + PATIENCE
        return worker.begun + self._task_seconds if worker.has_begun and self._task_seconds is not None else None

    def _late(self) -> Iterator[Event]:
        """Ends the tasks that have taken too long; they are not tried again."""
        for worker in tuple(self._workers):
            deadline = self._deadline(worker)
            if deadline is not None and time.monotonic() >= deadline and worker.task is not None:
                worker.kill()
                self._discard(worker)
                if not worker.is_ahead:
                    yield Failed(worker.task, f"it took longer than the {self._task_seconds:g} s of --trial-timeout")

    def _meaning(self, worker: WorkerProcess, message: Message) -> Iterator[Event]:
        kind, *values = message
        task = worker.task
        if kind == "open":
            worker.is_open, worker.facts = True, values[0]
            self._facts = values[0] if self._facts is None else self._facts
        elif kind == "error":
            self._fail(worker, *values)
        elif task is not None and kind == "progress":
            if not worker.is_ahead:
                yield Progress(task, values[0])
        elif task is not None:
            is_asked = not worker.is_ahead
            worker.free()
            if is_asked:
                yield Finished(task, values[0])

    def _fail(self, worker: WorkerProcess, kind: str, text: str) -> None:
        """Raises in this process what was raised in the worker; says nothing of tasks that were abandoned."""
        if worker.is_ahead and worker.is_open:
            # whoever asks for the task hears of it; what it has done to its worker nobody knows
            if worker.given_up is None:
                self._discard(worker)
            worker.free()
            return
        worker.free()
        if not worker.is_open:
            self._discard(worker)
        if self._stopping:
            return
        if kind == RuntimeError.__name__:
            raise RuntimeError(f"in worker process {worker.index}:\n{text}")
        error: type[LrdoctorError] = getattr(errors, kind)
        raise error(text)

    def _bury(self, worker: WorkerProcess) -> Iterator[Event]:
        """Puts a fresh worker in the place of one that died in a task; the task's second death is its end."""
        cause = self._discard(worker)
        if self._stopping:
            return
        if not worker.is_open:
            raise EngineError(
                f"worker process {worker.index} {cause} before it was ready for a task{death.hint(cause)}"
            )
        if worker.task is None or worker.is_ahead:
            return
        if worker.first_death is None:
            self.tell(f"the worker process {cause}; its trial is tried once more")
            self._start(worker.index, (worker.task, cause))
        else:
            yield Failed(worker.task, death.twice(worker.first_death, cause))

    def _discard(self, worker: WorkerProcess) -> str:
        """Ends the worker and says how it ended."""
        end([worker])
        self._workers.remove(worker)
        return death.how(worker.close(), worker.memory_kills)

    def _end(self, workers: Sequence[WorkerProcess]) -> None:
        for worker in workers:
            if not worker.is_open:
                # it would listen only after the seconds that opening takes, and has nothing to clean up
                worker.kill()
        end(workers)
        for worker in list(workers):
            self._discard(worker)


def cores() -> int:
    """The number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def interrupted() -> Interrupted:
    return Interrupted("interrupted: the tasks that were running were abandoned")
