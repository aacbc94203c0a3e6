"""A whole `lrdoctor sweep` against the same trials in a plain DataLoader loop and in an Optuna study.

Everything from the start of the process to its end: imports, data, trials, judging and figures. The baselines train
the trials that the sweep ended up training, and neither judge nor draw. Wall time and CPU time of all processes,
rounds alternated, median ratio. Run: python -m benchmarks.sweep

The controls' share of what a sweep runs is told beside it, from the same sweeps; --controls tells nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

CONFIGS = Path(__file__).parent.parent / "configs"
CASES = {"mlp10": 3.0, "conv_stride2": 1.5}
"""config -> how many times faster than the Optuna study the sweep has to be, in wall time."""
CONTROLS = ("mlp10", "rnn", "conv_stride1")
"""Configs whose controls are weighed."""
BASELINES = {
    "plain loop": ["-m", "benchmarks.baselines", "loop"],
    "Optuna": ["-m", "benchmarks.baselines", "optuna1"],
    "Optuna, 2 jobs": ["-m", "benchmarks.baselines", "optuna2"],
}


def adopt_orphans() -> None:
    """Makes this process the parent of what its children leave behind, so that their CPU time can be counted.

    lrdoctor's workers are children of a fork server that ends after lrdoctor itself (Linux only).
    """
    pr_set_child_subreaper = 36
    if ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0):
        raise SystemExit("this benchmark counts the CPU time of orphaned processes, which needs Linux")


def timed(arguments: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a Python process and all its descendants."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=CONFIGS.parent)
    wall = time.perf_counter() - start
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # 2: the sweep ran to its end, and its seeds leave the verdict open
    if done.returncode not in ((0, 2) if "sweep" in arguments else (0,)):
        raise SystemExit(f"{arguments} exited with {done.returncode}:\n{done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def sweep_of(config: str, out: Path) -> list[str]:
    return ["-m", "lrdoctor", "sweep", config, "--out", str(out), "--fresh", "--fail-on", "never", "-q"]


def control_shares(out: Path) -> tuple[float, float]:
    """Shares of the controls in the steps of a sweep, and in the seconds that its workers spent."""
    records = [json.loads(path.read_text()) for path in out.glob("trials/*/trial.json")]
    steps, seconds = (
        sum(r[name] for r in records if r["settings"]["control"]) / sum(r[name] for r in records)
        for name in ("n_rows", "seconds")
    )
    return steps, seconds


def weigh_controls(rounds: int) -> None:
    print(f"controls: their share of a sweep, median of {rounds} rounds")
    for name in CONTROLS:
        with tempfile.TemporaryDirectory() as folder:
            out, shares = Path(folder) / "study", []
            for _ in range(rounds):
                timed(sweep_of(str(CONFIGS / f"{name}.yaml"), out))
                shares.append(control_shares(out))
        steps, seconds = (statistics.median(column) for column in zip(*shares, strict=True))
        print(f"  {name:16} steps {100 * steps:.1f} %  seconds {100 * seconds:.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--controls", action="store_true", help="only what the controls cost")
    given = parser.parse_args()
    rounds = given.rounds
    adopt_orphans()
    weigh_controls(rounds)
    if given.controls:
        return
    print(f"sweep: baseline / lrdoctor, median of {rounds} alternated rounds on {os.cpu_count()} cores")
    for name, wanted in CASES.items():
        config = str(CONFIGS / f"{name}.yaml")
        with tempfile.TemporaryDirectory() as folder:
            out, trials = Path(folder) / "study", Path(folder) / "trials.json"
            sweep = sweep_of(config, out)
            times: dict[str, list[tuple[float, float]]] = {}
            for _ in range(rounds):
                times.setdefault("lrdoctor", []).append(timed(sweep))
                table = pd.read_csv(out / "trials.csv")
                trials.write_text(json.dumps(table[["base_learning_rate", "seed"]].values.tolist()))
                for baseline, arguments in BASELINES.items():
                    times.setdefault(baseline, []).append(timed([*arguments, config, str(trials)]))
        print(
            f"{name}: {len(table)} trials, {int(table.n_steps.sum())} steps; lrdoctor {times['lrdoctor'][-1][0]:.1f} s"
        )
        for baseline in BASELINES:
            wall, cpu = (
                statistics.median(b[k] / a[k] for a, b in zip(times["lrdoctor"], times[baseline], strict=True))
                for k in (0, 1)
            )
            print(f"  {baseline:16} wall {wall:.2f}x  CPU {cpu:.2f}x")
        fastest = min(statistics.median(w for w, _ in times[b]) for b in BASELINES if b.startswith("Optuna"))
        ratio = fastest / statistics.median(w for w, _ in times["lrdoctor"])
        print(f"  against the faster Optuna: {ratio:.2f}x (wanted {wanted}x: {'ok' if ratio >= wanted else 'MISSED'})")


if __name__ == "__main__":
    main()
