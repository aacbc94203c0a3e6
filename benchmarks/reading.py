"""Reading and judging a CSV log of a million rows, against `pandas.read_csv` alone on the same file.

Columns step, loss, val_loss (empty in 99 of 100 rows), lr, grad_norm and tokens; once as it is, once with the last
tenth of the losses written as `nan`, which pandas cannot tell from an empty cell. Process CPU time, the three taken
in turn in one process, median over the rounds of the ratio to pandas in the same round.

    python -m benchmarks.reading            # 1M rows: read_log, and read_log + judge_run
    python -m benchmarks.reading --memory   # 10M rows: the peak memory of each, in a process of its own
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lrdoctor.cli import threads

# as the command does: threads that wait for each other take CPU time, too
threads.one_for_numpy()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from lrdoctor.core.study import Study  # noqa: E402
from lrdoctor.logs import read_log  # noqa: E402
from lrdoctor.rules import judge_run  # noqa: E402

LIMIT = 1.5
"""Highest ratio that is accepted."""

CHUNK = 1_000_000
"""Rows that are written at a time."""

VAL_EVERY = 100


def write(path: Path, rows: int, diverged: bool) -> None:
    """A log of that many steps."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        for start in range(0, rows, CHUNK):
            step = np.arange(start, min(start + CHUNK, rows))
            loss = pd.Series(rng.normal(3.0, 0.1, len(step)).round(6)).astype(str)
            if diverged:
                loss[step >= rows * 9 // 10] = "nan"
            columns = {
                "step": step,
                "loss": loss,
                "val_loss": np.where(step % VAL_EVERY == 0, 3.0, np.nan),
                "lr": 1e-3 * (1 - step / rows),
                "grad_norm": rng.random(len(step)),
                "tokens": step * 4096,
            }
            pd.DataFrame(columns).to_csv(file, index=False, header=start == 0)


def read(path: Path) -> None:
    read_log(path)


def judge(path: Path) -> None:
    for run in read_log(path):
        list(judge_run(run, Study(name=run.name, runs=(run,))))


def bare(path: Path) -> None:
    pd.read_csv(path)


MEASURED: dict[str, Callable[[Path], None]] = {"pandas.read_csv": bare, "read_log": read, "read_log + judge_run": judge}


def seconds(run: Callable[[Path], None], path: Path) -> float:
    """CPU seconds of this process for one call."""
    start = time.process_time()
    run(path)
    return time.process_time() - start


def print_times(name: str, path: Path, rounds: int) -> None:
    """The median times and ratios over some rounds; the first call of each is not counted."""
    for run in MEASURED.values():
        run(path)
    taken = [{what: seconds(run, path) for what, run in MEASURED.items()} for _ in range(rounds)]
    for what in MEASURED:
        ratio = statistics.median(one[what] / one["pandas.read_csv"] for one in taken)
        verdict = f"limit {LIMIT}: {'ok' if ratio <= LIMIT else 'MISSED'}" if what != "pandas.read_csv" else "itself"
        median = statistics.median(one[what] for one in taken)
        print(f"{name:24} {what:22} {median:6.2f} s = {ratio:4.2f} x pandas ({verdict})", flush=True)


def print_peaks(path: Path) -> None:
    """Peak resident memory and time of a fresh process for each, imports included."""
    for what in MEASURED:
        command = [sys.executable, "-m", "benchmarks.reading", "--only", what, "--file", str(path)]
        print(f"{what:22} {subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()}")


def peak_mb() -> int:
    """The most memory that this process has held, by /proc; getrusage would count the parent's before the start."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true", help="peak memory instead of time; 10M rows unless --rows")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=MEASURED, help="one call on --file, and its peak memory")
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    if options.only:
        before = peak_mb()
        taken = seconds(MEASURED[options.only], options.file)
        print(f"{peak_mb():6,} MB at most, {before} MB of it before the file was opened; {taken:.2f} s")
        return
    rows = options.rows or (10_000_000 if options.memory else 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        for name, diverged in (("sparse", False), ("sparse, nan at the end", True)):
            write(path, rows, diverged)
            print(f"{name}: {rows:,} rows, {path.stat().st_size / 1e6:.0f} MB on disk")
            if options.memory:
                print_peaks(path)
                return
            assert len(read_log(path)[0].train_loss) == rows, "every row is a point"
            print_times(name, path, options.rounds)


if __name__ == "__main__":
    main()
