"""Hostile input: `python -m benchmarks.fuzz --cases N --seed S`.

Every case is made of its number and the seed, and runs in a process of a pool with a limit of memory and of time.
Printed is a table: kind, cases, exit codes, the most processor time of a case (where it has a worker of its own, the
time that passed), the largest memory. What is neither exit code 0, 1 nor 2 is printed with the number of its case, by
which it is made again. Ctrl-C and SIGTERM end it with the table of the cases before; standard error tells how many
those are, about once a minute.

Kinds: logs (text of several formats, mutated), specs (a field of the schema with a wrong value), reports (a report.json
edited, cut off, nested, with numbers that no float holds), studies (files of a study folder likewise, exchanged or
lost, `benchmarks.fuzz_folders`), workloads (a training at one place of which something odd is done,
`benchmarks.fuzz_workloads`).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import typer.main
from typer.testing import CliRunner

from benchmarks.fuzz_folders import DRAWN, a_folder, project, undrawn
from benchmarks.fuzz_texts import csv_log, document, edited, json_log, mutated, printed_log, trainer_log
from benchmarks.fuzz_workloads import REAL, TIMED_OUT, a_workload, by_a_worker, trained_here

MEMORY = 4 * 1024**3
"""Bytes of address space of a process."""
SECONDS, ANY_SECONDS = 20, 300
"""What a case may take of a processor, and until it counts as one that hangs, which a busy machine must not make it."""
NOT_MADE = -1000
"""In the place of the exit code of a case that could not be made."""
SECONDS_A_SIGN = 60.0
"""Between two lines that say how far it is."""
FINE = (0, 1, 2)


def a_log(chance: random.Random, folder: Path, samples: Mapping[str, Any]) -> list[str]:
    text = chance.choice((csv_log, json_log, trainer_log, printed_log))(chance)
    (folder / "log").write_bytes(mutated(text.encode("utf-8", "replace"), chance) or b"\n")
    outputs = chance.choice(
        ((), ("--json",), ("-v",), ("--html", str(folder / "r.html")), ("--junit", str(folder / "j.xml")))
    )
    return ["diagnose", str(folder / "log"), *outputs]


def a_spec(chance: random.Random, folder: Path, samples: Mapping[str, Any]) -> list[str]:
    text = json.dumps(edited(samples["spec"], chance)).replace("NaN", ".nan")
    (folder / "s.yaml").write_bytes(mutated(text.encode(), chance) if chance.random() < 0.3 else text.encode())
    return ["check", str(folder / "s.yaml")]


def a_report(chance: random.Random, folder: Path, samples: Mapping[str, Any]) -> list[str]:
    (folder / "report.json").write_bytes(document(chance, samples["report"]))
    if chance.random() < 0.3:
        (folder / "log.csv").write_text(csv_log(chance))
        return ["diagnose", str(folder / "log.csv"), "--baseline", str(folder / "report.json")]
    outputs = chance.choice(
        ((), ("--json",), ("-v",), ("--html", str(folder / "r.html")), ("--markdown", str(folder / "m")))
    )
    return ["report", str(folder / "report.json"), *outputs]


KINDS: Mapping[str, Callable[[random.Random, Path, Mapping[str, Any]], list[str]]] = {
    "logs": a_log,
    "specs": a_spec,
    "reports": a_report,
    "studies": a_folder,
    "workloads": a_workload,
}


@dataclass
class Outcome:
    """How a case ended, and the seconds that it took: of a processor, or that passed where it has its own worker."""

    kind: str
    number: int
    code: int
    seconds: float
    megabytes: float
    said: str = ""


@dataclass
class Line:
    codes: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    largest: float = 0.0


def samples(kinds: Sequence[str]) -> dict[str, Any]:
    """A report and a spec that are all right, and where they are needed study folders."""
    import lrdoctor
    from lrdoctor.reports import json as json_report

    values = [2.5 * 0.97**step for step in range(100)] + [float("nan")] * 5
    report = json.loads(json_report.render(lrdoctor.diagnose({"step": range(105), "loss": values})))
    block = {"class_path": "torch.nn.MSELoss", "init_args": {}}
    spec = {
        "name": "x",
        "model": {"class_path": "torch.nn:Linear", "init_args": {"a": 1}},
        "data": block,
        "loss": block,
        "optimizer": {"name": "sgd"},
        "schedule": {"name": "constant"},
        "max_train_steps": 10,
        "eval_every": 5,
        "seeds": [0, 1],
        "sweep": {"min": 1e-4, "max": 1.0, "points": 5},
        "probe": {"factor": 2, "steps": 5},
        "warmup": {"factor": 10, "steps": [2, 5]},
        "clip": {"percentile": 90},
    }
    return {"report": report, "spec": spec, "project": project() if "studies" in kinds else {}}


def one(kind: str, number: int, seed: int, given: Mapping[str, Any]) -> Outcome:
    """Makes the case and runs it in this process."""
    from lrdoctor.cli import app

    begun, cpu, chance = time.monotonic(), time.process_time(), random.Random(f"{seed}/{kind}/{number}")
    with tempfile.TemporaryDirectory() as name, trained_here():
        if kind == "workloads" and chance.random() < REAL:
            code, said = by_a_worker(chance, Path(name))
            used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            return Outcome(kind, number, code, time.monotonic() - begun, used, said)
        words = KINDS[kind](chance, Path(name), given)
        with nullcontext() if kind != "studies" or chance.random() < DRAWN else undrawn():
            result = CliRunner().invoke(app, words)
    code = result.exit_code
    said = "" if result.exception is None or isinstance(result.exception, SystemExit) else repr(result.exception)
    if "Traceback (most recent call last)" in result.output:
        said = "a traceback was printed"
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Outcome(kind, number, code, time.process_time() - cpu, megabytes, said)


def _late(number: int, frame: object) -> None:
    raise SystemExit(TIMED_OUT)


def several(order: tuple[str, Sequence[int], int, Mapping[str, Any]]) -> list[Outcome]:
    """Cases of a kind, one after the other in a process of the pool."""
    kind, numbers, seed, given = order
    for limit in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(limit, _late)
    found = []
    for number in numbers:
        signal.alarm(ANY_SECONDS)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        begun = time.monotonic()
        try:
            found.append(one(kind, number, seed, given))
        except SystemExit:
            found.append(Outcome(kind, number, TIMED_OUT, time.monotonic() - begun, 0.0))
        except Exception as error:  # a fault of this file or its like must not end the others
            found.append(Outcome(kind, number, NOT_MADE, time.monotonic() - begun, 0.0, repr(error)))
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
    return found


def _begin() -> None:
    """Begins a process of the pool: it is limited, and ends by a signal, quietly; the parent prints the table."""
    # all commands are built anew whenever one is called, which takes longer than most cases
    typer.main.get_command = cache(typer.main.get_command)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def outcomes(n: int, seed: int, jobs: int, kinds: Sequence[str] = tuple(KINDS)) -> Iterator[Outcome]:
    """The outcomes of `n` cases, as they come."""
    given, size = samples(kinds), 50
    # a workload takes ten times as long as a log
    share = {kind: {"logs": 0.7, "workloads": 0.01}.get(kind, 0.1) for kind in kinds}
    counts = {kind: max(1, round(n * share[kind] / sum(share.values()))) for kind in kinds}
    orders = [
        (kind, range(at, min(at + size, count)), seed, given)
        for kind, count in counts.items()
        for at in range(0, count, size)
    ]
    with multiprocessing.get_context("fork").Pool(jobs, _begin, maxtasksperchild=40) as pool:
        try:
            for found in pool.imap_unordered(several, orders):
                yield from found
        except BaseException:
            # a command that trains has a handler of SIGTERM, by which a pool ends its processes
            for worker in multiprocessing.active_children():
                worker.kill()
            raise


def counted(found: Iterator[Outcome], seed: int, table: Mapping[str, Line]) -> int:
    """Counts the outcomes in the table as they come, prints the bad ones, and returns how many those are.

    Ctrl-C and SIGTERM end it early, in the background too, where a shell has SIGINT ignored.
    """

    def end(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    bad, told = 0, time.monotonic()
    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for one in found:
            line = table[one.kind]
            line.codes[one.code] += 1
            line.slowest, line.largest = max(line.slowest, one.seconds), max(line.largest, one.megabytes)
            if one.code not in FINE or one.said:
                bad += 1
                print(f"{one.kind} {one.number} of seed {seed}: exit {one.code} {one.said}", flush=True)
            if time.monotonic() - told >= SECONDS_A_SIGN:
                told = time.monotonic()
                print(", ".join(f"{kind}: {line.codes.total()}" for kind, line in table.items()), file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted; the table is of the cases before")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return bad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, action="append", help="this kind alone; may be repeated")
    asked = parser.parse_args()
    kinds = asked.kind or list(KINDS)
    table = {kind: Line() for kind in kinds}
    bad = counted(outcomes(asked.cases, asked.seed, asked.jobs, kinds), asked.seed, table)
    print(f"{'kind':10}{'cases':>8}  {'exit codes':36}{'slowest':>10}{'largest':>10}")
    for kind, line in table.items():
        codes = ", ".join(f"{code}: {n}" for code, n in sorted(line.codes.items()))
        print(f"{kind:10}{line.codes.total():>8}  {codes:36}{line.slowest:>8.2f} s{line.largest:>7.0f} MB")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
