"""A whole `lrdoctor sweep` against trials in a plain DataLoader loop and in an Optuna study.

Everything from the start of the process to its end: imports, data, trials, judging and figures. The baselines neither
judge nor draw. They train the trials that the sweep ended up training; and, since whoever searches a grid cannot know
those before, every seed at every rate, as `--exhaustive` does for the same answer. Wall time and CPU time of all
processes, rounds alternated, median ratio. Run: python -m benchmarks.sweep [--configs mlp10]

With --controls what share of a sweep its controls are, and nothing else.
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
CASES = {"mlp10": 3.0, "conv_stride2": 2.0}
"""config -> how many times faster than the Optuna study of everything the sweep should be, in wall time."""
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
    parser.add_argument("--configs", nargs="+", choices=CASES, default=[*CASES])
    given = parser.parse_args()
    rounds = given.rounds
    adopt_orphans()
    if given.controls:
        weigh_controls(rounds)
        return
    print(f"sweep: baseline / lrdoctor, median of {rounds} alternated rounds on {os.cpu_count()} cores")
    for name in given.configs:
        compare(name, rounds)


def compare(name: str, rounds: int) -> None:
    """Prints how many times as long as the sweep each baseline takes."""
    config = str(CONFIGS / f"{name}.yaml")
    times: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        out, every = Path(folder) / "study", Path(folder) / "every"
        timed([*sweep_of(config, every), "--exhaustive"])
        asked = {"everything": trials_of(every)}
        for _ in range(rounds):
            times.setdefault("lrdoctor", []).append(timed(sweep_of(config, out)))
            asked["the same trials"] = trials_of(out)
            for which, trials in asked.items():
                for baseline, arguments in BASELINES.items():
                    times.setdefault(f"{baseline}, {which}", []).append(timed([*arguments, config, str(trials)]))
        counts = ", ".join(f"{which} {len(json.loads(path.read_text()))} trials" for which, path in asked.items())
    print(f"{name}: {counts}; lrdoctor {statistics.median(wall for wall, _ in times['lrdoctor']):.1f} s")
    ratios = {}
    for baseline, of in times.items():
        ratios[baseline], cpu = (
            statistics.median(b[k] / a[k] for a, b in zip(times["lrdoctor"], of, strict=True)) for k in (0, 1)
        )
        print(f"  {baseline:32} wall {ratios[baseline]:.2f}x  CPU {cpu:.2f}x", flush=True)
    ratio = min(of for baseline, of in ratios.items() if baseline.startswith("Optuna") and "everything" in baseline)
    verdict = "ok" if ratio >= CASES[name] else "MISSED"
    print(f"  against the faster Optuna study of everything: {ratio:.2f}x (wanted {CASES[name]}x: {verdict})")


def trials_of(study: Path) -> Path:
    """A file with the rates and seeds that a study trained."""
    table = pd.read_csv(study / "trials.csv")
    path = study / "asked.json"
    path.write_text(json.dumps(table[["base_learning_rate", "seed"]].values.tolist()))
    return path


if __name__ == "__main__":
    main()
