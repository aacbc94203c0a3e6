"""Commands that are ended at any moment: `python -m benchmarks.kills --kills N --seed S`.

Every command that trains is run once to its end, undisturbed. Then N times a command is ended at a random moment of it
(SIGKILL, SIGTERM, or Ctrl-C to all processes of its terminal) and typed again, to its end, each time with one worker or
with two, which train ahead what will probably be asked for. The end must be that of the undisturbed one, which has one
worker: the same curves and trials.csv to the last bit, the same report but for what the clock measured, the same files
in the study folder, and no trial that was finished written again. Nor may a process, a temporary file or shared memory
be left, or an ended command exit as a verdict or with a traceback.

Printed is a table, a line a command; what is wrong is printed as it is found, and makes the exit code 1. Ctrl-C and
SIGTERM end it with the table of the kills before.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MARK = "LRDOCTOR_BENCHMARK_KILLS"
"""Environment variable by which the processes of a command are found, wherever they were handed to."""
JOBS = (1, 2)
"""Workers of a command that is ended, and of the same command typed again; the undisturbed one has the first number."""
TO_END = 60.0
"""Seconds that a command has to end in once it was asked to."""
TO_VANISH = 20.0
"""Seconds that the processes of a command have after it: an import of torch, on a busy machine, takes no notice."""
SHARED_MEMORY = Path("/dev/shm")
PATIENT = (signal.SIGTERM, signal.SIGINT)

WORK = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 3))

    def forward(self, x):
        return self.layers(x)


def data():
    x = torch.randn(256, 4, generator=torch.Generator().manual_seed(0))
    return torch.utils.data.TensorDataset(x, (x[:, 0] * x[:, 1] > 0).long())


def loaders():
    return torch.utils.data.DataLoader(data(), 32, shuffle=True), torch.utils.data.DataLoader(data(), 64)
"""

SCRIPT = """\
import torch
from work import Net, data

torch.manual_seed(0)
model, batches = Net(), torch.utils.data.DataLoader(data(), 32, shuffle=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(20):
    for x, y in batches:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
"""

SPEC = """\
name: {name}
model: {{class_path: "./work.py:Net"}}
data: {{class_path: "./work.py:loaders"}}
loss: {{class_path: torch.nn.CrossEntropyLoss}}
optimizer: {optimizer}
max_train_steps: 60
eval_every: 20
seeds: [0, 1]
sweep: {{values: {rates}}}
probe: {{factor: 2, steps: 30}}
warmup: {{factor: 4, steps: [10, 30]}}
"""

FILES = {
    "work.py": WORK,
    "train.py": SCRIPT,
    "a.yaml": SPEC.format(name="a", optimizer="adam", rates=[0.001, 0.01, 0.1, 10.0]),
    "b.yaml": SPEC.format(name="b", optimizer="{name: momentum, momentum: 0.9}", rates=[0.125, 0.5, 2.0]),
}

TRAIN = (sys.executable, "train.py")
RATES = ("--lr", "0.02", "--unstable-lr", "0.5")
SAVED = ("--out", "out", "--fail-on", "never")
OF_SCRIPT = ("--seeds", "1", "--steps", "40", "--min", "0.02", "--max", "20", "--set", "sweep.values=[0.02, 0.2, 20.0]")


@dataclass(frozen=True)
class Command:
    """A command line after `lrdoctor`, typed in the folder of a project."""

    words: tuple[str, ...]
    folders: tuple[str, ...] = ("out",)
    """Study folders that it writes."""
    prints: bool = False
    """Whether what it prints on standard output has to be the same."""
    resumes: bool = True
    """Whether it goes on in the folder of one that was ended; else it refuses that folder and wants another one."""
    trains: bool = True
    """Whether it has workers that train trials, of which there may be several."""

    def typed(self, jobs: int) -> tuple[str, ...]:
        """Its words for so many workers."""
        first, *others = self.words
        return (first, "--jobs", str(jobs), *others) if self.trains else self.words


COMMANDS: Mapping[str, Command] = {
    "sweep": Command(("sweep", "a.yaml", *SAVED)),
    "probe": Command(("probe", "a.yaml", *SAVED)),
    "warmup": Command(("warmup", "a.yaml", *SAVED, *RATES)),
    "clip": Command(("clip", "a.yaml", *SAVED, *RATES)),
    "treat": Command(("treat", "b.yaml", *SAVED)),
    "compare": Command(("compare", "a.yaml", "b.yaml"), ("lrdoctor_out/a", "lrdoctor_out/b")),
    "inspect": Command(
        ("inspect", "a.yaml", "--sharpness", "--json", "--fail-on", "never"), (), prints=True, trains=False
    ),
    "run -- script": Command(("run", "--out", "out", "--fail-on", "never", "--", *TRAIN), resumes=False, trains=False),
    "sweep -- script": Command(("sweep", *SAVED, *OF_SCRIPT, "--", *TRAIN)),
}


def project(folder: Path) -> None:
    """Writes the files that the commands are typed beside."""
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (folder / "tmp").mkdir()


def start(command: Command, folder: Path, jobs: int = 1) -> subprocess.Popen[bytes]:
    """The command in a session of its own, its temporary files in `folder/tmp`, its errors in `folder/stderr`."""
    environment = {
        **os.environ,
        MARK: str(folder),
        "TMPDIR": str(folder / "tmp"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([*sys.path[:1], os.environ.get("PYTHONPATH", "")]),
    }
    with open(folder / "stdout", "wb") as printed, open(folder / "stderr", "wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "lrdoctor", *command.typed(jobs)],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=printed, stderr=errors,
            start_new_session=True,
        )  # fmt: skip


def processes_of(folder: Path) -> dict[int, str]:
    """Command lines of what runs of the command that was started for the folder, by process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{MARK}={folder}\0".encode() in (path / "environ").read_bytes():
                found[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def remaining(folder: Path) -> dict[int, str]:
    """Processes of the command that are still there after `TO_VANISH`; they are ended here."""
    deadline = time.monotonic() + TO_VANISH
    while (found := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in found:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return found


def timeless(document: bytes) -> Any:
    """A report.json without what the clock measured."""
    return json.loads(document, object_hook=lambda block: {key: block[key] for key in block if key != "seconds"})


def results(command: Command, folder: Path) -> dict[str, Any]:
    """All that has to be the same at the end, by file: curves and trials.csv as bytes, reports without their times, and
    of every other file that it is there."""
    found: dict[str, Any] = {}
    for name in command.folders:
        for path in sorted((folder / name).rglob("*")):
            if path.is_file():
                held: Any = path.read_bytes() if path.suffix == ".csv" else "a file"
                found[path.relative_to(folder).as_posix()] = (
                    timeless(path.read_bytes()) if path.name == "report.json" else held
                )
    if command.prints:
        found["standard output"] = timeless((folder / "stdout").read_bytes())
    return found


CACHES = "torchinductor_"
"""Begin of the name of a folder that torch makes for its own later use, whatever becomes of the process."""


def temporary(folder: Path) -> set[str]:
    """Names of what is in the folder of the command's temporary files."""
    return {path.name for path in (folder / "tmp").iterdir() if not path.name.startswith(CACHES)}


def begun_otherwise(folder: Path, expected: Mapping[str, Any]) -> Iterator[str]:
    """Curves of a recording that was cut off which are not the begin of the undisturbed one's."""
    for path in (folder / "out").glob("*.csv"):
        name = path.relative_to(folder).as_posix()
        if not expected[name].startswith(path.read_bytes()):
            yield name


def finished_trials(command: Command, folder: Path) -> dict[str, bytes]:
    """trial.json of every trial that is done, by its path."""
    return {
        str(path): path.read_bytes() for name in command.folders for path in (folder / name).glob("trials/*/trial.json")
    }


@dataclass
class Found:
    """What came of the kills of one command."""

    codes: Counter[int] = field(default_factory=Counter)
    n_beside: int = 0
    """Kills of a command with several workers."""
    n_resumed: int = 0
    """Kills after which finished trials were there."""
    slowest_end: float = 0.0
    """Seconds from SIGTERM or Ctrl-C to the end of the command."""
    different: int = 0
    again: int = 0
    """Trials that were finished, and written again."""
    processes: int = 0
    files: int = 0
    bad_exits: int = 0

    def add(self, one: Found) -> None:
        """Counts what came of a kill."""
        self.codes += one.codes
        self.n_beside += one.n_beside
        self.n_resumed += one.n_resumed
        self.slowest_end = max(self.slowest_end, one.slowest_end)
        self.different += one.different
        self.again += one.again
        self.processes += one.processes
        self.files += one.files
        self.bad_exits += one.bad_exits

    @property
    def is_bad(self) -> bool:
        return bool(self.different or self.again or self.processes or self.files or self.bad_exits)


def undisturbed(command: Command, folder: Path) -> tuple[float, dict[str, Any]]:
    """Seconds and results of a command that nobody ends."""
    project(folder)
    began = time.monotonic()
    code = start(command, folder).wait()
    seconds = time.monotonic() - began
    if code not in (0, 2) and command.words[0] != "compare":
        raise SystemExit(f"lrdoctor {' '.join(command.words)}: exit code {code}\n{(folder / 'stderr').read_text()}")
    return seconds, results(command, folder)


def end_at(
    command: Command, folder: Path, seconds: float, number: signal.Signals, jobs: int
) -> tuple[int, float] | None:
    """Starts the command and ends it after so many seconds; its exit code, and how long it took to end.

    Returns:
        None where the command had ended before.
    """
    process = start(command, folder, jobs)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        began = time.monotonic()
    else:
        return None
    if number == signal.SIGINT:  # a terminal sends it to all of its processes
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    try:
        code = process.wait(TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return TIMED_OUT, TO_END
    return code, time.monotonic() - began


TIMED_OUT = -1000
"""In the place of the exit code of a command that took no notice."""


def wrong_exit(code: int, number: signal.Signals, errors: str) -> str:
    """What is wrong with how an ended command ended; "" where nothing is.

    Before lrdoctor's first line runs it is Python that ends, by the signal itself.
    """
    if code == TIMED_OUT:
        return f"still there {TO_END:g} s after {number.name}"
    if number == signal.SIGKILL:
        # it may have come to its end just then
        return "" if code in (-signal.SIGKILL, 0) else f"exit code {code} after SIGKILL"
    if code not in (-number, 130, 0, 2):
        return f"exit code {code} after {number.name}"
    return "a traceback was printed" if "Traceback" in errors and code != -signal.SIGINT else ""


def kill_once(
    name: str, folder: Path, chance: random.Random, seconds: float, expected: Mapping[str, Any], found: Found
) -> Iterator[str]:
    """One kill and the run after it; counts what came of it in `found`, and gives what is wrong, in words."""
    command, number = COMMANDS[name], chance.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
    moment, ended = chance.random() * seconds, None
    jobs, jobs_again = chance.choice(JOBS), chance.choice(JOBS)
    while ended is None:
        shutil.rmtree(folder, ignore_errors=True)
        project(folder)
        ended = end_at(command, folder, moment, number, jobs)
        moment *= 0.8  # it had ended: the machine is less busy than it was
    code, took = ended
    found.codes[code] += 1
    found.n_beside += command.trains and jobs > 1
    if number in PATIENT:
        found.slowest_end = max(found.slowest_end, took)
    errors = (folder / "stderr").read_text(errors="replace")
    before = finished_trials(command, folder)
    found.n_resumed += bool(before)
    left = remaining(folder)
    files = temporary(folder)
    unlike: list[str] = []
    if not command.resumes:
        unlike += begun_otherwise(folder, expected)
        shutil.rmtree(folder / "out", ignore_errors=True)
    again_code = start(command, folder, jobs_again).wait()
    left |= remaining(folder)
    files |= temporary(folder)
    after = finished_trials(command, folder)
    again = [path for path in before if after.get(path) != before[path]]
    ends = results(command, folder)
    unlike += [path for path in {**expected, **ends} if expected.get(path) != ends.get(path)]
    # standard error of a script that is run as it is is the script's own, its KeyboardInterrupt included
    exits = wrong_exit(code, number, errors if command.resumes else "")
    found.different += bool(unlike)
    found.again += len(again)
    found.processes += len(left)
    found.files += len(files)
    found.bad_exits += bool(exits)
    for what, things in (
        ("not as when undisturbed", unlike),
        ("written again", again),
        ("processes left", list(left.values())),
        ("temporary files left", sorted(files)),
        ("ended", [exits] if exits else []),
    ):
        if things:
            yield (
                f"{name}, workers {jobs} and then {jobs_again}, {number.name} at {moment / 0.8:.2f} s of "
                f"{seconds:.2f}, exit {code}, then {again_code}: {what}: {', '.join(things[:5])}"
                f"{f' and {len(things) - 5} more' if len(things) > 5 else ''}"
            )


def table(found: Mapping[str, Found], seconds: Mapping[str, float]) -> Iterator[str]:
    """The lines of the table."""
    yield (
        f"{'command':16}{'whole s':>8}{'kills':>6}{'beside':>7}{'resumed':>8}  {'exit codes':30}{'slowest end s':>14}"
        f"{'different':>10}{'again':>6}{'processes':>10}{'files':>6}{'bad exits':>10}"
    )
    for name, one in found.items():
        codes = ", ".join(f"{code}: {n}" for code, n in sorted(one.codes.items()))
        yield (
            f"{name:16}{seconds[name]:8.1f}{one.codes.total():6}{one.n_beside:7}{one.n_resumed:8}  {codes:30}"
            f"{one.slowest_end:14.2f}{one.different:10}{one.again:6}{one.processes:10}{one.files:6}{one.bad_exits:10}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=COMMANDS, action="append", help="this command alone; may be repeated")
    asked = parser.parse_args()
    names: Sequence[str] = asked.only or list(COMMANDS)
    shared = set(SHARED_MEMORY.iterdir()) if SHARED_MEMORY.is_dir() else set()
    seconds, expected, found = {}, {}, {name: Found() for name in names}
    # a short path: sockets of multiprocessing lie in it
    with tempfile.TemporaryDirectory(prefix="kills") as text:
        for name in names:
            seconds[name], expected[name] = undisturbed(COMMANDS[name], Path(text) / "whole")
            shutil.rmtree(Path(text) / "whole")
            print(f"{name}: {seconds[name]:.1f} s undisturbed, {len(expected[name])} results", flush=True)
        for number in PATIENT:  # a shell has SIGINT ignored in the background
            signal.signal(number, signal.default_int_handler)
        try:
            for kill in range(asked.kills):
                name = names[kill % len(names)]
                chance, one = random.Random(f"{asked.seed}/{kill}"), Found()
                for words in kill_once(name, Path(text) / "k", chance, seconds[name], expected[name], one):
                    print(f"kill {kill} of seed {asked.seed}: {words}", flush=True)
                found[name].add(one)
        except KeyboardInterrupt:
            print("interrupted; the table is of the kills before")
            remaining(Path(text) / "k")
    print(*table(found, seconds), sep="\n")
    leaked = sorted(path.name for path in SHARED_MEMORY.iterdir() if path not in shared) if shared else []
    print(f"left in {SHARED_MEMORY}: {', '.join(leaked) or 'nothing'}")
    sys.exit(any(one.is_bad for one in found.values()) or bool(leaked))


if __name__ == "__main__":
    main()
