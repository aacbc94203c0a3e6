"""What an engine takes and gives, whatever machine it runs on.

An engine runs *tasks* on *sessions*. A session lives in a worker and is opened once there by an entry point,
named as "module:function" so that the parent process never imports it (nor torch).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


class Session(Protocol):
    """What an entry point returns, inside a worker."""

    def describe(self) -> Mapping[str, Any]:
        """Facts about the worker, as plain values: sent to the parent once, when the session is open."""

    def run(self, payload: Any, emit: Callable[[Any], None], stopped: Callable[[], bool]) -> Any:
        """Does one task and returns its result, a picklable value.

        Args:
            payload: the task's payload.
            emit: sends a picklable piece of progress to the parent, in order.
            stopped: True once the parent wants the task abandoned; asked every few steps.

        Raises:
            LrdoctorError: the task cannot be done and no retry would help; the parent raises it as it is.
        """


OpenSession = Callable[[Mapping[str, Any], int], Session]
"""An entry point: (context, worker index) -> Session."""


@dataclass(frozen=True)
class Task:
    key: str
    payload: Any
    affinity: Hashable = None
    """Tasks of equal affinity share what a worker caches, so they go to the same worker when it costs nothing."""
    shared: bool = False
    """Whether tasks of the same key and study are the same work, whoever asks for it: an engine whose workers outlive
    the process that asked goes on with it, and another process takes it over."""


@dataclass(frozen=True)
class Started:
    """A worker took the task; after a crash the same task starts a second time, from nothing."""

    task: Task
    worker: int
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What the worker told of itself (`Session.describe`)."""
    deaths: tuple[str, ...] = field(default=(), compare=False)
    """How the workers ended that had the task before, in words, the first one first; those that were preempted too,
    though that counts for nothing."""


@dataclass(frozen=True)
class Progress:
    task: Task
    value: Any


@dataclass(frozen=True)
class Finished:
    task: Task
    result: Any


@dataclass(frozen=True)
class Failed:
    """The task killed its workers, two in a row where they are local, or took too long; the reason says how."""

    task: Task
    reason: str


Event = Started | Progress | Finished | Failed


class Engine(Protocol):
    """Runs tasks; a context manager that ends its workers on exit."""

    def __enter__(self) -> Engine: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def describe(self) -> Mapping[str, Any]:
        """What the first session told about its worker, plus the number of workers as `jobs`."""

    tell: Callable[[str], None]
    """Takes what the user should know while the engine works, as sentences; set by whoever shows them."""

    def attach(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        """Which of the tasks run already, asked for by a process that is gone: key -> where. `run` takes them over; the
        others it begins."""

    def run(self, tasks: Iterable[Task]) -> Iterator[Event]:
        """Runs the tasks and yields what happens as it happens.

        Raises:
            LrdoctorError: what a session raised; the tasks still running are abandoned.
            Interrupted: `stop` was called; the tasks still running are abandoned.
            RuntimeError: a bug: a session raised something that is not an LrdoctorError (its traceback is the text).
        """

    def stop(self) -> None:
        """Asks for the running tasks to be abandoned at their next step; safe in a signal handler."""

    def kill(self) -> None:
        """Ends the engine's own workers at once; safe in a signal handler."""


@runtime_checkable
class LooksAhead(Protocol):
    """An engine whose workers begin tasks that nobody asked for yet, rather than wait.

    Such a task goes on between two calls of `run`. The one that asks for it takes it over; where other tasks need its
    worker it is abandoned. It has no events before it is taken over, and whatever becomes of it ends nothing.
    """

    guess: Callable[[], Task | None]
    """Gives the task that a worker without one begins; None where it is to wait. Each at most once."""

    def forget(self) -> None:
        """Abandons what was begun ahead: nothing more will be asked for."""
