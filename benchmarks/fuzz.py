"""Hostile input: `python -m benchmarks.fuzz --cases N --seed S`.

Every case is made of its number and the seed, and runs in a process of a pool with a limit of memory and of time.
Printed is a table: kind, cases, exit codes, the slowest, the largest memory. What is neither exit code 0, 1 nor 2 is
printed with the number of its case, by which it is made again. Ctrl-C and SIGTERM end it with the table of the cases
before; standard error tells how many those are, about once a minute.

Kinds: logs (text of several formats, mutated), specs (a field of the schema with a wrong value), reports (a report.json
edited, cut off, nested, with numbers that no float holds), studies (a study folder likewise), workloads (a training at
one place of which something odd is done, `benchmarks.fuzz_workloads`).
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
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import typer.main
from typer.testing import CliRunner

from benchmarks.fuzz_workloads import REAL, TIMED_OUT, a_workload, by_a_worker, trained_here

MEMORY = 4 * 1024**3
"""Bytes of address space of a process."""
SECONDS, ANY_SECONDS = 20, 90
"""What a case may take, and one that may have a worker of its own."""
SECONDS_A_SIGN = 60.0
"""Between two lines that say how far it is."""
FINE = (0, 1, 2)
NUMBERS = (
    "0",
    "-1",
    "1e308",
    "1.7976931348623157e308",
    "-1e308",
    "5e-324",
    "1e150",
    "1e400",
    "nan",
    "inf",
    "-Infinity",
    "9" * 400,
    "1_0",
    "0x1",
    "٣",
    "true",
    "",
    " ",
    "1,5",
    "--",
    "1e",
    "2147483648",
    "9223372036854775808",
)
NAMES = (
    "",
    "loss",
    "::add-mask::x",
    "##[error]x",
    "\x1b[31m",
    "\u202e",
    "\u200b",
    "<script>",
    "]]>",
    "a" * 5000,
    "\0",
    "|`*_[x](y)",
    "\ud7ff",
    "\u2028",
    "step",
    "nan",
    "%0A",
    "'\"",
    "{x}",
    "../../x",
)
WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    "9" * 400,
    "",
    "x",
    [],
    {},
    [[]],
    {"": 1},
    float("nan"),
    2**63,
    -(2**70),
    "::error::x",
)


def losses(chance: random.Random) -> list[float]:
    n, decay = chance.choice((1, 3, 60, 300)), chance.choice((0.9, 0.99, 1.0))
    values = [2.5 * decay**step + 0.01 * chance.random() for step in range(n)]
    for _ in range(chance.choice((0, 0, 1, 5))):
        values[chance.randrange(n)] = float(chance.choice(("1e308", "1e150", "nan", "inf", "-1e308", "0", "5e-324")))
    return values


def csv_log(chance: random.Random) -> str:
    names = ["step", "loss", *chance.choice(((), ("grad_norm",), ("lr", "val_loss")))]
    rows = [[str(step), repr(loss), *(["1.5"] * (len(names) - 2))] for step, loss in enumerate(losses(chance))]
    mark = chance.choice((",", ",", "\t", ";"))
    return "\n".join(mark.join(row) for row in [names, *rows]) + "\n"


def json_log(chance: random.Random) -> str:
    extra: dict[str, Any] = {
        chance.choice(NAMES).encode("utf-8", "replace").decode(): chance.choice(("a", 1, None, []))
    }
    return "".join(json.dumps({"step": i, "loss": loss, **extra}) + "\n" for i, loss in enumerate(losses(chance)))


def trainer_log(chance: random.Random) -> str:
    rows = [{"step": i, "loss": loss, "learning_rate": 0.1, "epoch": i / 10} for i, loss in enumerate(losses(chance))]
    return json.dumps({"log_history": rows, "global_step": len(rows), "max_steps": len(rows)})


def printed_log(chance: random.Random) -> str:
    line = chance.choice(
        (
            "iter {i}: loss {x:.4f}, time 10.00ms, mfu 1.00%",
            "step: {i}  loss: {x:.5f}  grad_norm: 1.0",
            " iteration {i}/ 300 | lm loss: {x:.6E} | grad norm: 1.000 |",
            "{{'loss': {x}, 'epoch': {i}}}",
            "epoch {i} loss={x}",
        )
    )
    return "\n".join(line.format(i=i, x=x) for i, x in enumerate(losses(chance))) + "\n"


def mutated(text: bytes, chance: random.Random) -> bytes:
    """The text with a few things done to it that crashes, editors and enemies do."""
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        at, to = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
        piece = chance.choice((*NUMBERS, *NAMES)).encode("utf-8", "replace")
        text = chance.choice(
            (
                lambda t, a, b, p: t[:a] + p + t[a:],
                lambda t, a, b, p: t[:a],
                lambda t, a, b, p: t[:a] + t[b:],
                lambda t, a, b, p: t[:a] + t[a:b][:2000] + t[a:],
                lambda t, a, b, p: t[:a] + p + t[a + len(p) :],
                lambda t, a, b, p: t.replace(b",", p or b";"),
                lambda t, a, b, p: t[:a] + bytes([chance.randrange(256)]) + t[a + 1 :],
            )
        )(text, at, to, piece)
    return text


def edited(value: Any, chance: random.Random) -> Any:
    """Plain values with one of them another one."""
    if isinstance(value, (dict, list)) and value and chance.random() < 0.85:
        key = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        changed = dict(value) if isinstance(value, dict) else list(value)
        if isinstance(changed, dict) and chance.random() < 0.1:
            del changed[key]
        else:
            changed[key] = edited(value[key], chance)
        return changed
    return chance.choice(WRONG)


def deep(chance: random.Random) -> str:
    return chance.choice(("[", '{"a":')) * chance.choice((100, 100_000))


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


def _document(chance: random.Random, whole: Any) -> bytes:
    if chance.random() < 0.05:
        return deep(chance).encode()
    text = json.dumps(edited(whole, chance)).replace('"' + "9" * 400 + '"', "9" * 400).encode()
    return mutated(text, chance) if chance.random() < 0.3 else text


def a_report(chance: random.Random, folder: Path, samples: Mapping[str, Any]) -> list[str]:
    (folder / "report.json").write_bytes(_document(chance, samples["report"]))
    if chance.random() < 0.3:
        (folder / "log.csv").write_text(csv_log(chance))
        return ["diagnose", str(folder / "log.csv"), "--baseline", str(folder / "report.json")]
    outputs = chance.choice(
        ((), ("--json",), ("-v",), ("--html", str(folder / "r.html")), ("--markdown", str(folder / "m")))
    )
    return ["report", str(folder / "report.json"), *outputs]


def a_study(chance: random.Random, folder: Path, samples: Mapping[str, Any]) -> list[str]:
    (folder / "study.json").write_bytes(_document(chance, samples["study"]))
    (folder / "report.json").write_text(json.dumps(samples["report"]))
    return ["report", str(folder), *chance.choice(((), ("--html", str(folder / "r.html")), ("--github",)))]


KINDS: Mapping[str, Callable[[random.Random, Path, Mapping[str, Any]], list[str]]] = {
    "logs": a_log,
    "specs": a_spec,
    "reports": a_report,
    "studies": a_study,
    "workloads": a_workload,
}


@dataclass
class Outcome:
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


def samples() -> dict[str, Any]:
    """A report, a study.json and a spec that are all right."""
    import lrdoctor
    from lrdoctor.reports import json as json_report

    values = [2.5 * 0.97**step for step in range(100)] + [float("nan")] * 5
    report = json.loads(json_report.render(lrdoctor.diagnose({"step": range(105), "loss": values})))
    study = {
        "schema_version": 1,
        "lrdoctor_version": "0.1.0",
        "name": "x",
        "identity": {},
        "environment": {},
        "invocations": [{"command_line": ["lrdoctor"], "machine": "m", "started": "s", "finished": None, "exit": None}],
    }
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
    return {"report": report, "study": study, "spec": spec}


def one(kind: str, number: int, seed: int, given: Mapping[str, Any]) -> Outcome:
    """Makes the case and runs it in this process."""
    from lrdoctor.cli import app

    begun, chance = time.monotonic(), random.Random(f"{seed}/{kind}/{number}")
    with tempfile.TemporaryDirectory() as name, trained_here():
        if kind == "workloads" and chance.random() < REAL:
            code, said = by_a_worker(chance, Path(name))
            used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            return Outcome(kind, number, code, time.monotonic() - begun, used, said)
        words = KINDS[kind](chance, Path(name), given)
        result = CliRunner().invoke(app, words)
    code = result.exit_code
    said = "" if result.exception is None or isinstance(result.exception, SystemExit) else repr(result.exception)
    if "Traceback (most recent call last)" in result.output:
        said = "a traceback was printed"
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Outcome(kind, number, code, time.monotonic() - begun, megabytes, said)


def _late(number: int, frame: object) -> None:
    raise SystemExit(TIMED_OUT)


def several(order: tuple[str, Sequence[int], int, Mapping[str, Any]]) -> list[Outcome]:
    """Cases of a kind, one after the other in a process of the pool."""
    kind, numbers, seed, given = order
    signal.signal(signal.SIGALRM, _late)
    found = []
    for number in numbers:
        signal.alarm(ANY_SECONDS if kind == "workloads" else SECONDS)
        begun = time.monotonic()
        try:
            found.append(one(kind, number, seed, given))
        except SystemExit:
            found.append(Outcome(kind, number, TIMED_OUT, time.monotonic() - begun, 0.0))
        signal.alarm(0)
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
    given, size = samples(), 50
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
