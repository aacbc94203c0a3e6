"""What an engine costs: overhead a trial, scaling, and how scheduling, streaming and judging grow on a large cluster.

    python -m benchmarks.engines [--trials 10000] [--workers 64,256] [--seconds 1.0]

1. Trials that do nothing, on local and on Dask workers: seconds a trial.
2. Trials that compute, on 1 and 2 workers: how many times as fast.
3. A simulated cluster: a scheduler, and workers that are threads of another process; trials that sleep and tell their
   progress five times. What is lost of the ideal is lost to scheduling; the processor time of the asking process and of
   the scheduler says which of the two saturates first (the workers' is spent elsewhere on a real cluster).
4. What the asking process does with a finished trial: saving it, and judging the study, by the number of trials.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lrdoctor import assess
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Finished, Progress, Task
from lrdoctor.engines.dask_engine import DaskEngine
from lrdoctor.engines.local import LocalEngine
from lrdoctor.store import StudyFolder, attempts

ENTRY = "benchmarks.engines:open_session"
SIGNS = 5
"""Signs of progress of a sleeping trial."""


class Session:
    """Does what a payload says: (kind, amount)."""

    def describe(self) -> Mapping[str, Any]:
        return {"device_name": "none", "devices": 0}

    def run(self, payload: Any, emit: Callable[[Any], None], stopped: Callable[[], bool]) -> Any:
        kind, amount = payload
        if kind == "sleep":
            for sign in range(SIGNS):
                time.sleep(amount / SIGNS)
                emit({"rows": sign, "step": sign, "train_loss": 1.0})
        if kind == "compute":
            end = time.process_time() + amount
            while time.process_time() < end:
                math.sqrt(2.0)
        return {"status": "completed", "reason": None, "facts": {}}


def open_session(context: Mapping[str, Any], worker: int) -> Session:
    """The engine's entry point."""
    return Session()


def seconds_of(engine: Any, kind: str, amount: float, n: int) -> float:
    """Wall time of n trials on workers that are warm."""
    engine.describe()
    list(engine.run([Task(f"warm {i}", (kind, 0.0)) for i in range(4)]))
    began = time.perf_counter()
    n_done = sum(isinstance(event, Finished) for event in engine.run([Task(str(i), (kind, amount)) for i in range(n)]))
    assert n_done == n
    return time.perf_counter() - began


def overhead(n: int = 300) -> None:
    """Prints part 1 and part 2."""
    print(
        f"{'engine':8} {'workers':>7} {'ms a trial that does nothing':>30} {'s for 16 trials of 0.1 s CPU':>30}",
        flush=True,
    )
    for name, make in (("local", LocalEngine), ("dask", DaskEngine)):
        for jobs in (1, 2):
            with make(ENTRY, {}, jobs) as engine:
                nothing = seconds_of(engine, "nothing", 0.0, n) / n
                compute = seconds_of(engine, "compute", 0.1, 16)
            print(f"{name:8} {jobs:7} {1000 * nothing:30.2f} {compute:30.2f}", flush=True)


@contextmanager
def simulated(n_workers: int) -> Iterator[str]:
    """A process with a scheduler, and one with so many workers as its threads; gives the address."""
    words = [sys.executable, "-m", "benchmarks.engines"]
    with subprocess.Popen([*words, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as scheduler:
        assert scheduler.stdout is not None
        address = scheduler.stdout.readline().strip()
        with subprocess.Popen(
            [*words, "--work", address, str(n_workers)], stdout=subprocess.PIPE, text=True
        ) as workers:
            assert workers.stdout is not None
            workers.stdout.readline()
            yield address
            workers.kill()
        scheduler.kill()


def serve() -> None:
    """The life of the process with the scheduler."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=60) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()


async def work(address: str, n_workers: int) -> None:
    """The life of the process with the workers."""
    from distributed import Worker

    workers = [Worker(address, nthreads=1, memory_limit=0, name=str(i), dashboard=False) for i in range(n_workers)]
    for worker in workers:
        await worker
    print("ready", flush=True)
    await asyncio.gather(*(worker.finished() for worker in workers))


def _processor() -> float:
    return sum(os.times()[:2])


def growth(workers: tuple[int, ...], counts: tuple[int, ...], seconds: float) -> None:
    """Prints part 3."""
    print(
        f"\n{'workers':>7} {'trials':>7} {'ideal s':>8} {'wall s':>8} {'used':>6} {'first event s':>13} "
        f"{'asking: ms CPU a trial':>23} {'scheduler: ms CPU a trial':>26}"
    )
    for n_workers in workers:
        with (
            simulated(n_workers) as address,
            DaskEngine(ENTRY, {}, address=address, inner="lrdoctor.engines.here:HereEngine") as engine,
        ):
            engine.describe()
            client = engine._connected()
            list(engine.run([Task(f"warm {i}", ("sleep", 0.1)) for i in range(2 * n_workers)]))
            for n in counts:
                began, own, theirs = time.perf_counter(), _processor(), client.run_on_scheduler(_processor)
                first, n_done, n_signs = 0.0, 0, 0
                for event in engine.run([Task(f"{n} {i}", ("sleep", seconds), shared=True) for i in range(n)]):
                    first = first or time.perf_counter() - began
                    n_done += isinstance(event, Finished)
                    n_signs += isinstance(event, Progress)
                wall = time.perf_counter() - began
                assert (n_done, n_signs) == (n, SIGNS * n)
                ideal = seconds * math.ceil(n / n_workers)
                own, theirs = _processor() - own, client.run_on_scheduler(_processor) - theirs
                print(
                    f"{n_workers:7} {n:7} {ideal:8.1f} {wall:8.1f} {ideal / wall:6.0%} {first:13.2f} "
                    f"{1000 * own / n:23.2f} {1000 * theirs / n:26.2f}",
                    flush=True,
                )


def saving(n: int = 400, rows: int = 300) -> None:
    """Prints part 4."""
    with tempfile.TemporaryDirectory() as text:
        what: dict[str, Any] = {"name": "b", "identity": {}, "spec_yaml": "", "command_line": [], "environment": {}}
        with StudyFolder.open(Path(text) / "out", **what, fresh=False) as folder:
            trials = {
                f"k{i}": Trial(
                    base_learning_rate=0.001 * (1 + i // 5), seed=i % 5, max_train_steps=rows, eval_every=rows,
                    optimizer='{"name":"sgd"}',
                )
                for i in range(n)
            }  # fmt: skip
            curve = [(t, 0.1, 2.0 * 0.99**t + 0.1 + 0.02 * math.sin(7.0 * t), 1.0, None) for t in range(rows)]

            def trainer(payload: Mapping[str, Any], write: Callable[[Any], None]) -> dict[str, Any]:
                write(curve)
                return {"status": "completed", "reason": None, "facts": {}}

            for key in trials:
                place = {"folder": str(folder.scratch_folder(key)), "mark": folder.mark}
                attempts.train(place, lambda sign: None, trainer, {"device_name": "none"})
            began = _processor()
            runs = [folder.adopt(key, trial) for key, trial in trials.items()]
            print(f"\nsaving a finished trial of {rows} rows: {1000 * (_processor() - began) / n:.2f} ms CPU")
            for part in (n // 4, n):
                study = Study(name="b", runs=tuple(run for run in runs[:part] if run is not None))
                began = _processor()
                assess.judge_runs(study)
                took = _processor() - began
                print(f"judging {part} trials: {took:.2f} s CPU, {1000 * took / part:.2f} ms a trial", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--workers", default="64,256")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a sleeping trial")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve()
        return
    if asked.work:
        asyncio.run(work(asked.work[0], int(asked.work[1])))
        return
    overhead()
    saving()
    workers = tuple(int(n) for n in asked.workers.split(","))
    growth(workers, (asked.trials // 10, asked.trials), asked.seconds)


if __name__ == "__main__":
    main()
