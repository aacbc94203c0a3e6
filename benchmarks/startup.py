"""What a command costs before it does anything: CPU time of whole processes, beside bare Python and `import pandas`.

User and system time of the child process, the programs in turn, once uncounted (byte code is compiled then), the median
over the rounds of the ratio to a baseline in the same round.

    python -m benchmarks.startup
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
BARE, PANDAS = "python -c pass", "python -c 'import pandas'"
ROWS = 500
"""Of the small log: judging it takes a few milliseconds."""

LIMITS = {
    "lrdoctor --version": 0.3,
    "lrdoctor --help": 0.3,
    "lrdoctor rules": 0.9,
    "lrdoctor diagnose small.csv": 0.6,
    "lrdoctor diagnose small.csv --json": 0.6,
}
"""Highest ratio to `import pandas` that is accepted; none of these imports it, small logs are read without it."""


def programs(log: Path) -> dict[str, list[str]]:
    """What is measured -> its command line."""
    ours = {name: name.replace("small.csv", str(log)).split()[1:] for name in LIMITS}
    baselines = {BARE: ["-c", "pass"], PANDAS: ["-c", "import pandas"]}
    return baselines | {name: ["-m", "lrdoctor", *arguments] for name, arguments in ours.items()}


def write(path: Path) -> None:
    """A healthy log of a falling loss."""
    rows = (f"{step},{0.4 + 2 * 0.99**step + 0.01 * (step * 7919 % 11):.6f}\n" for step in range(ROWS))
    path.write_text("step,loss\n" + "".join(rows))


def milliseconds(arguments: Sequence[str], environment: Mapping[str, str]) -> float:
    """CPU time of one process, user and system.

    Raises:
        RuntimeError: it fails.
    """
    child = subprocess.Popen(
        [sys.executable, *arguments], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: exited with {child.returncode}")
    return 1000 * (used.ru_utime + used.ru_stime)


def measured(rounds: int) -> list[dict[str, float]]:
    """The milliseconds of every program, round by round."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "small.csv"
        write(log)
        of = programs(log)
        taken = [{name: milliseconds(line, environment) for name, line in of.items()} for _ in range(rounds + 1)]
    return taken[1:]


def table(taken: Sequence[Mapping[str, float]]) -> list[str]:
    """One line a program: the median time, and the median ratios to both baselines."""
    lines = [f"{'CPU time of a process':36} {'ms':>5} {'x bare':>8} {'x pandas':>9}"]
    for name in taken[0]:
        median = statistics.median(one[name] for one in taken)
        bare, pandas = (statistics.median(one[name] / one[base] for one in taken) for base in (BARE, PANDAS))
        limit = LIMITS.get(name)
        verdict = "" if limit is None else f"  limit {limit}: {'ok' if pandas <= limit else 'MISSED'}"
        lines.append(f"{name:36} {median:5.0f} {bare:8.1f} {pandas:9.2f}{verdict}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    print(*table(measured(parser.parse_args().rounds)), sep="\n")


if __name__ == "__main__":
    main()
