"""Runs tasks on a Dask cluster: one started here, one that runs already, or one that a queueing system gives.

Dask places the tasks, restarts what dies and places its tasks anew; what a task tells comes as events of the study's
topic (`engines.dask_worker`). The key of a task of Dask's is made of the study and the trial, so that a process that
takes a study over asks for the same keys and finds what runs already; such tasks go on when the process that asked for
them dies.
"""

from __future__ import annotations

import pickle
import queue
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any

from distributed import Client, Future, KilledWorker

from lrdoctor import __version__, errors
from lrdoctor.engines import dask_worker
from lrdoctor.engines.base import Event, Failed, Finished, Progress, Started, Task
from lrdoctor.engines.dask_cluster import died_of, sent, sharing, started
from lrdoctor.engines.dask_tasks import AGAIN, Kept, Losses, OpenTask
from lrdoctor.engines.local import cores, interrupted
from lrdoctor.errors import EngineError, LrdoctorError

PATIENCE = 8.0
"""Seconds for running tasks to be abandoned: a worker gives its process five to notice."""

SETTLED = 2.0
"""Seconds between the end of a task, as Dask tells it, and its last event, which comes another way."""

LOOK = 1.0
"""Seconds between two looks at whether the scheduler is still there."""

AHEAD = 1024
"""Tasks that the scheduler has at a time: more than any cluster has workers, and no ten thousand in one burst, which it
would answer nobody for."""

DEATHS = 2
"""Workers that a task may cost, those not counted that said goodbye: as many as processes of this machine."""

EVENTS_KEPT = 2000
"""Events after which the scheduler is asked to forget those that were read: it would keep a hundred thousand."""

SECONDS_TO_JOIN = 30
"""Within which a scheduler has to answer."""

WAITING = 15.0
"""Seconds without any worker after which the user is told that one is waited for."""


class DaskEngine:
    """An `engines.base.Engine` on a Dask cluster. What it starts is started when the first task is asked for.

    Args:
        entry: "module:function" that opens a session; imported in the workers only.
        context: handed to it, picklable.
        jobs: the number of workers to start, or, on a cluster that runs already, of tasks at a time; None for one an
            accelerator or core of this machine, and for as many tasks as the running cluster has workers.
        preload: modules that a worker imports before it opens the session, where the system can fork.
        address: of a scheduler that runs already.
        cluster: {class_path, init_args} of a cluster class, such as dask_jobqueue.SLURMCluster.
        folder: the user's folder, which workers that do not see it are sent.
        study: names the study, as `Task.shared` needs it.
        inner: "module:class" of the engine that runs the tasks in a worker.
    """

    def __init__(
        self,
        entry: str,
        context: Mapping[str, Any],
        jobs: int | None = None,
        preload: Sequence[str] = (),
        *,
        address: str | None = None,
        cluster: Mapping[str, Any] | None = None,
        folder: str | None = None,
        study: str | None = None,
        inner: str = "lrdoctor.engines.local:LocalEngine",
    ) -> None:
        if jobs is not None and jobs < 1:
            raise EngineError(f"the number of workers must be 1 or more, got --jobs {jobs}")
        if cluster is not None and jobs is None and "n_workers" not in cluster.get("init_args", {}):
            raise EngineError(
                f"engine: found the cluster {cluster['class_path']} without a number of workers, expected jobs: N, or "
                "--jobs N"
            )
        self._entry, self._context, self._preload, self._inner = entry, dict(context), tuple(preload), inner
        self._jobs, self._address, self._cluster_block = jobs, address, cluster
        self._folder = folder
        self._study = study or uuid.uuid4().hex
        self._topic = f"lrdoctor-{self._study}"
        self._token = ""
        self._cluster: Any = None
        self._client: Client | None = None
        self._facts: Mapping[str, Any] | None = None
        self._open: dict[str, OpenTask] = {}
        self._kept = Kept()
        self._losses = Losses(self._is_here)
        self._workers: dict[str, int] = {}
        """Name -> number that the user is shown."""
        # a signal handler may put into it at any time
        self._news: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._gpus: dict[tuple[str, str], set[str]] = {}
        """Workers by host and by what their CUDA_VISIBLE_DEVICES says."""
        self._n_events = 0
        self._quiet_since: float | None = time.monotonic()
        """Since when no worker has been heard of; None once one has, or the user was told."""
        self._stopping = self._killed = False
        self.tell: Callable[[str], None] = lambda text: None

    def __enter__(self) -> DaskEngine:
        return self

    def __exit__(self, *exc_info: object) -> None:
        client, cluster = self._client, self._cluster
        self._client = self._cluster = None
        if client is not None:
            with suppress(Exception):  # the scheduler may be gone, and there is nothing to be done about it
                client.unsubscribe_topic("all")
                client.unsubscribe_topic(self._topic)
                if cluster is None:
                    client.unregister_worker_plugin(self._token)
                    client.run_on_scheduler(dask_worker.forget, self._topic)
        for part in (client, cluster):
            if part is not None:
                with suppress(Exception):
                    part.close(timeout=1 if self._killed else 10)

    def describe(self) -> Mapping[str, Any]:
        """What the first worker told of itself, and the number of workers as `jobs`."""
        while self._facts is None:
            for event in self.run([Task(dask_worker.DESCRIBE, None)]):
                if isinstance(event, Finished):
                    self._facts = event.result
                    self._grow()
        return {**self._facts, "jobs": self._n_workers()}

    def attach(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        if self._address is None:  # a cluster of our own, which lives as long as this process
            return {}
        known = {self._key(task): task.key for task in tasks if task.shared}
        client = self._connected()
        return {
            known[str(key)]: worker for worker, keys in client.processing().items() for key in keys if str(key) in known
        }

    def run(self, tasks: Iterable[Task]) -> Iterator[Event]:
        """Runs the tasks and yields what happens; see `engines.base.Engine.run`."""
        waiting = list(tasks)[::-1]
        if not waiting:
            return
        if self._facts is None and waiting[0].key != dask_worker.DESCRIBE:
            self.describe()
        client = self._connected()
        try:
            while (waiting or self._open) and not self._stopping:
                while waiting and len(self._open) < self._at_a_time():
                    self._submit(client, waiting.pop())
                self._kept.ask(client, self._open.__contains__)
                yield from self._events(client, AGAIN if self._kept.unread else LOOK)
            if self._stopping:
                yield from self._abandoned(client)
        finally:
            # still open when an error, or the caller, ended the run
            self._cancel(client)
        if self._stopping:
            raise interrupted()

    def stop(self) -> None:
        """Asks for the running tasks to be abandoned, wherever they run. Safe in a signal handler."""
        self._stopping = True
        self._news.put(("stop",))

    def kill(self) -> None:
        """Waits for nothing any more. Safe in a signal handler."""
        self._stopping = self._killed = True
        self._news.put(("stop",))

    def _connected(self) -> Client:
        """The client, of a cluster that is started or joined at the first call.

        Raises:
            EngineError: there is no scheduler at the address, or the cluster cannot be started.
        """
        if self._client is not None:
            return self._client
        try:
            if self._address is None:
                self._cluster = started(self._cluster_block, self._jobs)
            with warnings.catch_warnings():
                # versions of packages that differ are no matter of taste: lrdoctor's own is compared by every task
                warnings.simplefilter("ignore")
                client = Client(self._address or self._cluster, timeout=SECONDS_TO_JOIN, set_as_default=False)
        except (OSError, TimeoutError, RuntimeError) as error:
            where = f"at {self._address}" if self._address else "that was to be started"
            raise EngineError(f"engine: no Dask scheduler {where} answers: {error}") from error
        self._client = client
        self._enter(client)
        link = client.dashboard_link
        self.tell(
            f"Dask scheduler at {client.scheduler_info()['address']}" + (f", dashboard at {link}" if link else "")
        )
        return client

    def _enter(self, client: Client) -> None:
        """Brings to the workers what they need to run tasks, and listens to what they tell."""
        digest, files = sent(self._folder, self._is_here)
        said = pickle.dumps((self._study, self._entry, sorted(self._context.items(), key=str), self._inner, digest))
        self._token = f"lrdoctor-{sha256(said).hexdigest()[:16]}"
        guest = dask_worker.Guest(
            self._token, self._entry, self._context, self._preload, self._inner, self._is_here,
            self._folder, digest, files, self._topic,
        )  # fmt: skip
        client.register_plugin(guest)
        client.subscribe_topic(self._topic, lambda event: self._news.put(("event", event[1])))
        client.subscribe_topic("all", self._notice)

    @property
    def _is_here(self) -> bool:
        """Whether the workers are processes of this machine."""
        return self._address is None and self._cluster_block is None

    def _notice(self, event: tuple[float, Any]) -> None:
        """What happens to workers, told by the scheduler."""
        what = event[1]
        if isinstance(what, dict) and what.get("action") == "remove-worker":
            self._news.put(("gone", what))

    def _n_workers(self) -> int:
        assert self._client is not None
        there = len(self._client.nthreads())
        return max(1, self._jobs or there, there)

    def _grow(self) -> None:
        """Starts further workers of this machine, once the first has told what the machine is like."""
        assert self._facts is not None
        if self._is_here and self._jobs is None:
            self._jobs = int(self._facts.get("devices") or 0) or cores()
            self._cluster.scale(self._jobs)

    def _at_a_time(self) -> int:
        """Tasks that may be asked for at once; Dask places them as workers come."""
        if self._facts is not None and self._facts.get("alone"):
            return 1
        return self._jobs if self._jobs is not None and self._address is not None else AHEAD

    def _key(self, task: Task) -> str:
        return f"{self._topic}-{task.key}" if task.shared else f"{self._topic}-{task.key}-{uuid.uuid4().hex}"

    def _submit(self, client: Client, task: Task, before: OpenTask | None = None) -> None:
        future = client.submit(
            dask_worker.serve,
            self._token,
            task.key,
            task.payload,
            self._topic,
            __version__,
            key=self._key(task) + (f"-{before.n_given_up}" if before is not None and before.n_given_up else ""),
            pure=False,
            # a question about the workload is not to wait for the trials that somebody asked for before
            priority=0 if task.shared else 1,
        )
        fresh = before or OpenTask(task, future)
        self._open[task.key] = replace(fresh, future=future, has_started=False, inside=())
        if task.shared:
            self._kept.unread[task.key] = str(future.key)
        future.add_done_callback(lambda done, key=task.key: self._news.put(("done", key, done)))

    def _events(self, client: Client, seconds: float) -> Iterator[Event]:
        """Waits until something happens, so many seconds at most, and yields what it means."""
        try:
            kind, *values = self._news.get(timeout=seconds)
        except queue.Empty:
            self._look(client)
            return
        if kind == "event":
            yield from self._meaning(client, *pickle.loads(values[0]))
        elif kind == "gone":
            yield from self._bury(client, values[0])
        elif kind == "done":
            yield from self._done(client, *values)
        elif kind == "late":
            key, future = values
            if key in self._open and self._open[key].future is future:
                kind, *values = future.result()
                yield from self._meaning(client, key, "", kind, values)

    def _look(self, client: Client) -> None:
        """Raises EngineError when the scheduler is gone; says it when workers are waited for."""
        if client.status != "running":
            raise EngineError(
                f"the Dask scheduler{f' at {self._address}' if self._address else ''} does not answer any more; what "
                "workers have finished is kept: run the command again"
            )
        self._losses.replace(self._cluster, client, self._jobs)
        if self._quiet_since is not None and time.monotonic() - self._quiet_since > WAITING:
            self._quiet_since = None
            n = len(client.nthreads())
            self.tell(f"{n} Dask workers, all busy: waiting for one" if n else "no Dask worker yet: waiting for one")

    def _meaning(self, client: Client, key: str, worker: str, kind: str, values: Sequence[Any]) -> Iterator[Event]:
        if kind == "leaving":
            self._losses.leaving.add(values[0])
            return
        self._n_events += 1
        self._quiet_since = None
        if self._n_events % EVENTS_KEPT == 0:
            client.run_on_scheduler(dask_worker.forget, self._topic)
        found = self._open.get(key)
        if found is None:
            return
        if kind == "error":
            del self._open[key]
            self._fail(worker, *values)
            return
        number = self._workers.setdefault(worker, len(self._workers))
        if key != dask_worker.DESCRIBE and (kind == "started" or not found.has_started):
            # of a task that was taken over the start was told to somebody else
            found.has_started = True
            facts, found.inside = values if kind == "started" else ({}, ())
            if found.inside:
                self.tell(f"{found.inside[-1]} at {worker}; its trial is tried once more")
            if not self._is_here and (shared := sharing(self._gpus, worker, facts)):
                self.tell(shared)
            yield Started(found.task, number, facts, (*found.ends, *found.inside))
        if kind == "progress":
            yield Progress(found.task, values[0])
        elif kind != "started":
            # dropped at once: a result that lies on a worker would be lost with it, and made again
            del self._open[key]
            found.future.release()
            if kind == "result":
                yield Finished(found.task, values[0])
            elif kind == "failed":
                yield Failed(found.task, values[0])
            elif not self._stopping:  # abandoned for somebody else
                self._submit(client, found.task, found)

    def _done(self, client: Client, key: str, future: Future[Any]) -> Iterator[Event]:
        """What it means that Dask is done with a task whose end no event has told."""
        found = self._open.get(key)
        if found is None or found.future is not future:
            return
        if future.status == "finished":
            # its last event is on the way, or was told before this process listened
            late = threading.Timer(SETTLED, self._news.put, (("late", key, future),))
            late.daemon = True
            late.start()
        elif future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                del self._open[key]
                if len(found.deaths) < DEATHS:
                    # Dask counts a worker that was preempted as one that died, and has given up the key for good.
                    # Whoever takes the study over meets that as well, and comes to the same further key
                    future.release()
                    found.n_given_up += 1
                    self._submit(client, found.task, found)
                    return
                if not found.has_started:
                    yield Started(found.task, 0)
                yield Failed(found.task, died_of(found.deaths))
            else:
                raise EngineError(
                    f"a Dask worker cannot run trials: {type(error).__name__}: {error}; workers and scheduler need the "
                    "environment of this process, lrdoctor included"
                )
        elif not self._stopping:
            # somebody restarted the cluster, which forgets all tasks
            self._look(client)
            del self._open[key]
            self._submit(client, found.task, found)

    def _bury(self, client: Client, what: Mapping[str, Any]) -> Iterator[Event]:
        """Notes the end of a worker for the tasks it had. Dask gives them to others, and would do so until its own
        count is reached, which does not tell workers that died from those that said goodbye."""
        worker, reason, is_expected = self._losses.told(what)
        for key, found in list(self._open.items()):
            if found.has_started and found.future.key in what["processing-tasks"]:
                # those that only waited there, or will wait elsewhere, are no worse for it
                found.lost(worker, reason, is_expected)
                if len(found.deaths) < DEATHS:
                    self.tell(f"the worker at {worker} {reason}; its trial runs anew on another one")
                    continue
                del self._open[key]
                # another worker may have begun it already
                client.cancel([found.future], force=True)
                client.run(dask_worker.abandon, self._token, [key], on_error="ignore")
                yield Failed(found.task, died_of(found.deaths))

    def _fail(self, worker: str, kind: str, text: str) -> None:
        """Raises in this process what was raised in the worker; says nothing of tasks that were abandoned."""
        if self._stopping:
            return
        if kind == RuntimeError.__name__:
            raise RuntimeError(f"in Dask worker {worker}:\n{text}")
        error: type[LrdoctorError] = getattr(errors, kind)
        raise error(text)

    def _abandoned(self, client: Client) -> Iterator[Event]:
        """What still happens until the tasks that run have been abandoned."""
        self._cancel(client, keep=True)
        deadline = time.monotonic() + PATIENCE
        while any(found.has_started for found in self._open.values()) and not self._killed:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            with suppress(EngineError):
                yield from self._events(client, min(left, LOOK))

    def _cancel(self, client: Client, keep: bool = False) -> None:
        """Takes back every task that is open, and has the running ones abandoned, wherever they run.

        Args:
            keep: whether their ends are still waited for.
        """
        if self._open:
            with suppress(Exception):  # the scheduler may be gone
                client.cancel([found.future for found in self._open.values()], force=True)
                client.run(dask_worker.abandon, self._token, on_error="ignore")
        if not keep:
            self._open.clear()
