"""How commands grow with what they are given: `python -m benchmarks.load [--part NAME] [--scale X]`.

Each part is measured at a size, at twice and at four times it; what grows with its size takes twice the processor time
each time. The parts:

    junit     JUnit XML of a `diagnose` of many logs
    plan      `treat --plan` of many seeds and many rates
    files     `diagnose` of a folder of many tiny logs
    outputs   the same in every format, a third of the logs unstable
    rows      one log of many rows
    study     a study of many trials: the same `sweep` again, which judges and draws, and `report --html`

Printed is a table: processor time and memory of the command, wall time, and the bytes that it wrote.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

WORK = """\
import torch
from torch import nn


def loaders():
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    data = torch.utils.data.TensorDataset(x, (x[:, :1] > 0).float())
    return torch.utils.data.DataLoader(data, 16), torch.utils.data.DataLoader(data, 64)
"""

SPEC = """\
name: load
model: {{class_path: torch.nn.Linear, init_args: {{in_features: 4, out_features: 1}}}}
data: {{class_path: "./work.py:loaders"}}
loss: {{class_path: torch.nn.MSELoss}}
optimizer: sgd
max_train_steps: 24
eval_every: 12
seeds: [0]
sweep: {{min: 0.001, max: 10.0, points: {points}}}
"""


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    cpu: float
    """Seconds of processor time, its own."""
    wall: float
    megabytes: float
    """Largest resident set."""
    code: int


def cost_of(folder: Path, *words: object) -> Cost:
    """Runs `lrdoctor` with the words in the folder.

    Raises:
        SystemExit: it ends otherwise than with a verdict.
    """
    began = time.monotonic()
    with open(folder / "printed", "wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "lrdoctor", *map(str, words)], cwd=folder, stdout=printed, stderr=printed
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1, 2):
        text = (folder / "printed").read_text(errors="replace")
        raise SystemExit(f"lrdoctor {' '.join(map(str, words))}: exit code {process.returncode}\n{text[-2000:]}")
    took = time.monotonic() - began
    return Cost(used.ru_utime + used.ru_stime, took, used.ru_maxrss / 1024, process.returncode)


def write_logs(folder: Path, n: int, rows: int) -> None:
    """Logs number 0 to n - 1, a thousand in a folder; those that are there are kept."""
    for i in range(n):
        place = folder / f"{i // 1000:04}"
        if i % 1000 == 0:
            place.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{step},{2.0 * 0.97**step + 0.01 * ((7 * step + i) % 5):.4f}\n" for step in range(rows))
        (place / f"{i}.csv").write_text("step,loss\n" + lines)


Row = tuple[str, Cost, int]
"""What was given, what it cost, and the bytes that were written."""


def junit(folder: Path, size: int) -> Iterator[Row]:
    write_logs(folder / "logs", size, 60)
    plain = cost_of(folder, "diagnose", "logs", "-q")
    cost = cost_of(folder, "diagnose", "logs", "-q", "--junit", "j.xml")
    yield f"{size} logs", plain, 0
    yield f"{size} logs, --junit", cost, (folder / "j.xml").stat().st_size


def plan(folder: Path, size: int) -> Iterator[Row]:
    (folder / "work.py").write_text(WORK)
    (folder / "few.yaml").write_text(SPEC.format(points=8))
    (folder / "many.yaml").write_text(SPEC.format(points=size))
    yield f"{size} seeds, 8 rates", cost_of(folder, "treat", "few.yaml", "--plan", "-q", "--seeds", size), 0
    yield f"3 seeds, {size} rates", cost_of(folder, "treat", "many.yaml", "--plan", "-q", "--seeds", 3), 0


def files(folder: Path, size: int) -> Iterator[Row]:
    write_logs(folder / "logs", size, 3)
    yield f"{size} logs of 3 rows", cost_of(folder, "diagnose", "logs"), (folder / "printed").stat().st_size


OUTPUTS = (
    ("-v",),
    ("--json",),
    ("-q", "--html", "made"),
    ("-q", "--junit", "made"),
    ("-q", "--markdown", "made"),
    ("-q", "--gitlab", "made"),
    ("-q", "--github"),
)
"""Every way of printing that says more of more logs."""


def outputs(folder: Path, size: int) -> Iterator[Row]:
    write_logs(folder / "logs", size, 40)
    for path in sorted((folder / "logs").rglob("*.csv"))[::3]:
        path.write_text(path.read_text() + "".join(f"{step},nan\n" for step in range(40, 45)))
    for words in OUTPUTS:
        cost = cost_of(folder, "diagnose", "logs", *words)
        written = folder / ("made" if "made" in words else "printed")
        yield f"{size} logs, {' '.join(words[-2:])}", cost, written.stat().st_size


def rows(folder: Path, size: int) -> Iterator[Row]:
    chance = random.Random(0)
    with open(folder / "log.csv", "w") as file:
        file.write("step,loss,grad_norm\n")
        for step in range(size):
            file.write(
                f"{step},{2.5 * math.exp(-step / size) + 0.05 * chance.random():.5f},{1 + chance.random():.4f}\n"
            )
    yield f"{size} rows", cost_of(folder, "diagnose", "log.csv"), (folder / "printed").stat().st_size
    yield f"{size} rows, --html", cost_of(folder, "diagnose", "log.csv", "--html", "h"), (folder / "h").stat().st_size


def study(folder: Path, size: int) -> Iterator[Row]:
    """50 rates; the trials of a smaller study are kept, further seeds make it a larger one."""
    (folder / "work.py").write_text(WORK)
    (folder / "spec.yaml").write_text(SPEC.format(points=50))
    words = ("sweep", "spec.yaml", "--out", "out", "-q", "--exhaustive", "--seeds", max(2, size // 50))
    cost_of(folder, *words)
    n = len(list((folder / "out" / "trials").glob("*/trial.json")))
    again, page = cost_of(folder, *words), folder / "out" / "report.html"
    yield f"{n} trials, judged and drawn", again, page.stat().st_size
    again = cost_of(folder, "report", "out", "-q", "--html", "page.html")
    yield f"{n} trials, report --html", again, (folder / "page.html").stat().st_size


PARTS: Mapping[str, tuple[Callable[[Path, int], Iterator[Row]], int]] = {
    "junit": (junit, 2000),
    "plan": (plan, 10),
    "files": (files, 50_000),
    "outputs": (outputs, 2500),
    "rows": (rows, 2_500_000),
    "study": (study, 1250),
}
"""What is measured, and its smallest size."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="this part alone; may be repeated")
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes")
    asked = parser.parse_args()
    print(f"{'what':34}{'exit':>5}{'CPU s':>9}{'times':>7}{'wall s':>9}{'MB':>8}{'written MB':>12}")
    for name in asked.part or PARTS:
        measure, smallest = PARTS[name]
        before: dict[int, float] = {}
        with tempfile.TemporaryDirectory(prefix="load") as text:
            for factor in (1, 2, 4):
                for place, (what, cost, written) in enumerate(
                    measure(Path(text), max(2, round(asked.scale * smallest * factor)))
                ):
                    times = f"{cost.cpu / before[place]:.2f}" if place in before else ""
                    before[place] = cost.cpu
                    print(
                        f"{what:34}{cost.code:5}{cost.cpu:9.2f}{times:>7}{cost.wall:9.1f}{cost.megabytes:8.0f}"
                        f"{written / 1e6:12.2f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
