"""What is left of the verdicts on the labelled logs when only every 2nd, 5th or 20th point was logged.

A verdict that goes from stable to unstable or back is a flip. One that becomes inconclusive is counted apart: too few
points are left to see a rise, and the report says so. Points are left out of all curves alike, begun at several places.

Run: python -m benchmarks.thinned --logs FOLDER [FOLDER ...]
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import indexed_logs
from benchmarks.detection import judge_log
from benchmarks.indexed_logs import Log
from benchmarks.judges import lrdoctor
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.logs import provenance

BEGINNINGS = {2: (0, 1), 5: (0, 2, 4), 20: (0, 5, 10, 15)}
"""Factor -> the points at which the kept ones begin."""
OF_POINTS = ("first_step", "last_step", "step_gap", "largest_gap", "quantised", "smoothed")
"""Keys of a run's provenance that its points decide."""


def thinned(run: Run, factor: int, begin: int) -> Run:
    """The run with every `factor`-th point of its training loss, and what else was logged at the same steps; curves on
    other steps, as of evaluations, stay whole."""
    every = run.train_loss.step
    kept = every[begin::factor]
    curves = {}
    for name, curve in run.curves.items():
        keep = np.isin(curve.step, kept) | ~np.isin(curve.step, every)
        curves[name] = Curve(curve.step[keep], curve.value[keep])
    facts = {key: value for key, value in run.provenance.items() if key not in OF_POINTS}
    loss = curves["train_loss"].finite
    if len(loss) > 1:
        facts |= provenance.of_steps(loss.step) | provenance.of_values(loss)
    return replace(run, curves=curves, provenance=facts)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=Path, nargs="+", required=True, help="folders with an INDEX.csv")
    options = parser.parse_args(arguments)
    logs = [log for folder in options.logs for log in indexed_logs.load(folder) if log.is_unstable is not None]
    whole = [judge_log(lrdoctor, log).verdict for log in logs]
    print(
        "| every | logs | unstable caught | healthy flagged | flipped | of them lost | became inconclusive, unstable |",
        end="",
    )
    print(" healthy | otherwise |\n|---|---|---|---|---|---|---|---|---|")
    for factor, beginnings in BEGINNINGS.items():
        counts: Counter[tuple[bool, str, str]] = Counter()
        for log, was in zip(logs, whole, strict=True):
            for begin in beginnings:
                counts[bool(log.is_unstable), was, _verdict(log, factor, begin)] += 1
        print(_row(factor, counts), flush=True)


def _verdict(log: Log, factor: int, begin: int) -> str:
    runs = tuple(thinned(run, factor, begin) for run in log.runs)
    return judge_log(lrdoctor, replace(log, runs=runs)).verdict


def _row(factor: int, counts: Counter[tuple[bool, str, str]]) -> str:
    def n(is_unstable: bool | None = None, was: str = "", now: str = "") -> int:
        return sum(
            number
            for (truth, before, after), number in counts.items()
            if is_unstable in (None, truth) and was in ("", before) and now in ("", after)
        )

    lost = n(None, "unstable", "stable")
    flipped = lost + n(None, "stable", "unstable")
    inconclusive = [n(truth, now="inconclusive") - n(truth, "inconclusive", "inconclusive") for truth in (True, False)]
    moved = sum(number for (_, before, after), number in counts.items() if before != after)
    total = n()
    return (
        f"| {factor} | {total} | {n(True, now='unstable')}/{n(True)} | {n(False, now='unstable')}/{n(False)} "
        f"| {flipped} ({100 * flipped / total:.1f} %) | {lost} | {inconclusive[0]} | {inconclusive[1]} "
        f"| {moved - flipped - sum(inconclusive)} |"
    )


if __name__ == "__main__":
    main()
