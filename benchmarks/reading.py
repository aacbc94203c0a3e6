"""Reading a CSV log of a million rows: `read_log` against `pandas.read_csv` alone, on the same file.

Columns step, loss, lr, grad_norm and a val_loss that is empty in 99 of 100 rows; once as it is, once with the last
tenth of the losses written as `nan`, which pandas cannot tell from an empty cell. Process CPU time, rounds
alternated, median ratio. Run: python -m benchmarks.reading
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lrdoctor.logs import read_log

LIMIT = 2.0
"""Highest ratio that is accepted."""


def write(path: Path, rows: int, diverged: bool) -> None:
    """A log of that many steps."""
    rng = np.random.default_rng(0)
    loss = pd.Series(rng.normal(3.0, 0.1, rows).round(6)).astype(str)
    if diverged:
        loss[rows * 9 // 10 :] = "nan"
    val = np.full(rows, np.nan)
    val[::100] = 3.0
    columns = {"step": np.arange(rows), "loss": loss, "lr": np.linspace(1e-3, 0, rows), "grad_norm": rng.random(rows)}
    pd.DataFrame({**columns, "val_loss": val}).to_csv(path, index=False)


def seconds(run: Callable[[], object]) -> float:
    """CPU seconds of this process for one call."""
    start = time.process_time()
    run()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"reading {options.rows:,} rows: read_log / pandas.read_csv, CPU time, median of {options.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        for name, diverged in (("sparse", False), ("sparse, nan at the end", True)):
            path = Path(folder) / "log.csv"
            write(path, options.rows, diverged)
            (run,) = read_log(path)
            assert len(run.train_loss) == options.rows, "every row is a point"
            pairs = [
                (seconds(lambda: read_log(path)), seconds(lambda: pd.read_csv(path)))  # noqa: B023
                for _ in range(options.rounds)
            ]
            ratio = statistics.median(ours / bare for ours, bare in pairs)
            ours, bare = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
            verdict = "ok" if ratio <= LIMIT else "MISSED"
            print(f"{name:24} {ours:.2f} s / {bare:.2f} s = {ratio:.2f} (limit {LIMIT}: {verdict})")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
