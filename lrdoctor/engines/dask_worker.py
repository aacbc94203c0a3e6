"""What runs in the workers of a Dask cluster: each has one worker process of lrdoctor's own, and gives it the tasks.

The process of its own keeps a trial away from Dask's: user code that holds the interpreter, kills the process or eats
the memory ends that process alone, whose end is told with its reason, while the Dask worker goes on answering its
scheduler.

What a task tells goes out as events of the study's topic, pickled tuples (key of the task, worker, kind, values):
    ("started", facts, deaths)     the worker took the task, which has cost it processes before
    ("progress", value)            a piece of progress
    ("result", value)              the task is done
    ("failed", reason)             the task killed its process twice
    ("error", class name, text)    the task raised, or opening the session did
    ("abandoned",)                 the task was stopped
    ("leaving", address)           of no task: the worker closes in peace, preempted or at the end of its time
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import platform
import threading
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from distributed import Reschedule, Worker, WorkerPlugin, get_worker

from lrdoctor import __version__, errors
from lrdoctor.engines.base import Failed, Finished, Progress, Started, Task
from lrdoctor.engines.entry import load
from lrdoctor.errors import EngineError, Interrupted, LrdoctorError

IDLE = 600.0
"""Seconds after which a worker without a task of a study gives back what the study's session holds, a GPU perhaps: the
process that asked may have been killed, and nobody says so."""

DESCRIBE = "describe"
"""Key of the task that asks for a worker's facts."""

_GUESTS: dict[tuple[str, str], Guest] = {}
"""By worker and token: in a cluster of threads many workers share this process."""


class Guest(WorkerPlugin):
    """What a study brings to every worker of a cluster, those that come later included.

    Args:
        token: names it.
        entry, context: what opens a session, as for every engine.
        preload: modules to import before the session is opened, where the system can fork.
        inner: "module:class" of the engine that runs the tasks in the worker.
        indexed: whether workers are numbered, and share the accelerators of one machine by number; else each has its
            own CUDA_VISIBLE_DEVICES.
        folder: the user's folder, as the context names it.
        digest: of its code.
        files: the folder's content, where workers may not see it.
        topic: which takes the events.
    """

    idempotent = True  # a process that takes a study over finds it here, and must not replace what is at work

    def __init__(
        self,
        token: str,
        entry: str,
        context: Mapping[str, Any],
        preload: Sequence[str],
        inner: str,
        indexed: bool,
        folder: str | None,
        digest: str,
        files: bytes | None,
        topic: str,
    ) -> None:
        self.name = self.token = token
        self.topic = topic
        self.entry, self.context, self.preload = entry, context, tuple(preload)
        self.inner, self.indexed = inner, indexed
        self.folder, self.digest, self.files = folder, digest, files
        self._reset()

    def _reset(self) -> None:
        self._engine: Any = None
        self._closing = self._stopped = False
        self._key: str | None = None  # of the task that it does
        self._lock = threading.Lock()
        self._idle: threading.Timer | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._reset()

    def setup(self, worker: Worker) -> None:
        _GUESTS[worker.id, self.token] = self
        self.worker = worker
        self._index = worker.name if self.indexed and isinstance(worker.name, int) else 0

    def teardown(self, worker: Worker) -> None:
        """The worker closes, or the study is over: what it runs for the study is abandoned, and may run elsewhere."""
        self._closing = True
        with suppress(Exception):  # the scheduler may be gone already
            worker.log_event(self.topic, pickle.dumps(("", str(worker.name), "leaving", (worker.address,))))
        _GUESTS.pop((worker.id, self.token), None)
        self.give_back()

    @property
    def is_closing(self) -> bool:
        return self._closing

    def engine(self, key: str) -> Any:
        """The engine of this worker, made when it is needed, for one task."""
        with self._lock:
            self._key, self._stopped = key, False
            if self._idle is not None:
                self._idle.cancel()
            if self._engine is None:
                self._engine = load(self.inner)(
                    self.entry, self._here(), jobs=1, preload=self.preload, first=self._index
                )
            return self._engine

    def rest(self) -> None:
        """The task is over; in a while the engine is given back."""
        with self._lock:
            self._key = None
            engine = self._engine
            if self._stopped and engine is not None:  # as its task ended: it takes no further one
                self._engine = None
                threading.Thread(target=engine.__exit__, args=(None, None, None), daemon=True).start()
            self._idle = threading.Timer(IDLE, self.give_back)
            self._idle.daemon = True
            self._idle.start()

    def stop(self, keys: Collection[str] | None) -> None:
        """Abandons what runs, where it is one of the tasks; None: whatever it is."""
        with self._lock:
            if self._engine is not None and self._key is not None and (keys is None or self._key in keys):
                self._stopped = True
                self._engine.stop()

    def give_back(self) -> None:
        """Ends the engine; what runs is abandoned. Returns at once: ending takes seconds."""
        with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            if self._engine is None:
                return
            self._engine.stop()
            if self._key is None:  # else the task ends it, once it has noticed
                threading.Thread(target=self._engine.__exit__, args=(None, None, None), daemon=True).start()
                self._engine = None

    def drop(self) -> None:
        """Ends an engine that was stopped: it takes no further task."""
        with self._lock:
            engine, self._engine = self._engine, None
        engine.__exit__(None, None, None)

    def _here(self) -> Mapping[str, Any]:
        """The context as it holds on this machine.

        Raises:
            EngineError: the user's folder is neither here, with the same code, nor was it sent.
        """
        if self.folder is None or digest_of(Path(self.folder)) == self.digest:
            return self.context
        if self.files is None:
            raise EngineError(
                f"{self.folder} is not on {platform.node()} as it is where the study was begun, and is too large to be "
                "sent: put it on a file system that all machines share, or leave out of it what is no code"
            )
        unpacked = Path(self.worker.local_directory) / self.token
        with zipfile.ZipFile(io.BytesIO(self.files)) as archive:
            archive.extractall(unpacked)
        context: Mapping[str, Any] = moved(self.context, self.folder, str(unpacked))
        return context


def moved(value: Any, old: str, new: str) -> Any:
    """Plain values with every path below one folder led to another.

    >>> moved({"folder": "/a/b", "words": ["/a/b/x.py", "/a/bc"]}, "/a/b", "/n")
    {'folder': '/n', 'words': ['/n/x.py', '/a/bc']}
    """
    if isinstance(value, str):
        return new + value[len(old) :] if value == old or value.startswith(old + os.sep) else value
    if isinstance(value, Mapping):
        return {key: moved(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [moved(item, old, new) for item in value]
    return value


def digest_of(folder: Path) -> str:
    """Of the code that lies directly in a folder; "" where there is no such folder."""
    found = hashlib.sha256()
    try:
        for path in sorted(folder.iterdir()):
            if path.suffix in (".py", ".sh", ".toml") and path.is_file():
                found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    except OSError:
        return ""
    return found.hexdigest()


def serve(token: str, key: str, payload: Any, topic: str, version: str) -> tuple[Any, ...]:
    """One task of Dask's: runs a task of a study, and tells what happens.

    Args:
        token: of the study's `Guest`.
        key: of the task.
        payload: its payload.
        topic: which takes the events.
        version: of the lrdoctor that asks.

    Returns:
        What it told last: (kind, values).

    Raises:
        Reschedule: this worker is about to close; the task belongs on another one.
    """
    worker = get_worker()
    name = str(worker.name)

    def tell(kind: str, *values: Any) -> tuple[Any, ...]:
        worker.log_event(topic, pickle.dumps((key, name, kind, values)))
        return (kind, *values)

    guest = _GUESTS.get((worker.id, token))
    try:
        if version != __version__:
            raise EngineError(
                f"worker {name} on {platform.node()} has lrdoctor {__version__}, expected {version}, as here: give the "
                "workers and the scheduler the environment that asks"
            )
        if worker.state.nthreads != 1:
            raise EngineError(
                f"worker {name} on {platform.node()} has {worker.state.nthreads} threads, expected 1: a trial has a "
                "worker for itself; start workers with --nthreads 1 and as many of them with --nworkers, or, where a "
                "cluster class starts them, with as many processes as cores"
            )
        if guest is None:
            raise EngineError(f"worker {name} knows nothing of this study any more: run the command again")
        return _run(guest, Task(key, payload), tell)
    except LrdoctorError as error:
        known = [kind.__name__ for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind]
        return tell("error", known[0], str(error))
    except RuntimeError as error:
        return tell("error", RuntimeError.__name__, str(error))


def _run(guest: Guest, task: Task, tell: Callable[..., tuple[Any, ...]]) -> tuple[Any, ...]:
    engine = guest.engine(task.key)
    try:
        if task.key == DESCRIBE:
            return tell("result", dict(engine.describe()))
        for event in engine.run([task]):
            if isinstance(event, Started):
                # a worker of a cluster has the accelerators that its environment names
                tell("started", {**event.facts, "visible": os.environ.get("CUDA_VISIBLE_DEVICES")}, event.deaths)
            elif isinstance(event, Progress):
                tell("progress", event.value)
            elif isinstance(event, Finished):
                return tell("result", event.result)
            elif isinstance(event, Failed):
                return tell("failed", event.reason)
        raise AssertionError("an engine ends every task")
    except Interrupted:
        guest.drop()
        if guest.is_closing:
            raise Reschedule from None
        return tell("abandoned")
    finally:
        guest.rest()


def abandon(token: str, keys: Collection[str] | None = None) -> None:
    """Run in every worker: abandons what it does for a study, or of that only some tasks."""
    for (_, owner), guest in list(_GUESTS.items()):
        if owner == token:
            guest.stop(keys)


def keep(keys: Sequence[str], dask_scheduler: Any) -> set[str]:
    """Run in the scheduler: goes on with the tasks that it knows, whether or not somebody waits for them; says which
    these are."""
    known = {key for key in keys if key in dask_scheduler.tasks}
    # Dask lets go of a task that nobody waits for when it ends: the result of one that has ended already would lie on
    # its worker for ever, which could not leave then
    going_on = sorted(key for key in known if dask_scheduler.tasks[key].state not in ("memory", "erred"))
    dask_scheduler.client_desires_keys(keys=going_on, client="fire-and-forget")
    return known


def forget(topic: str, dask_scheduler: Any) -> None:
    """Run in the scheduler, which would keep a hundred thousand events of every topic."""
    dask_scheduler._broker.truncate(topic)
