"""What is left of the verdicts on the labelled logs when only every 2nd, 5th or 20th point was logged.

A verdict that goes from stable to unstable or back is a flip. One that becomes inconclusive is counted apart: too few
points are left to see a rise, and the report says so. Points are left out of all curves alike, begun at several places.

Of the verdicts that were lost some cannot be kept by any judge: of what was flagged in the whole log no point is left,
or a single one, which is what odd batches of healthy runs look like. They are counted: the least that thinning costs.

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
from lrdoctor.assess import judge_runs
from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.logs import provenance

BEGINNINGS = {2: (0, 1), 5: (0, 2, 4), 20: (0, 5, 10, 15)}
"""Factor -> the points at which the kept ones begin."""
BEFORE = 20
"""Points before a finding whose median is the level that it rises from."""
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


def points_left(log: Log, factor: int, begin: int) -> int:
    """How many points of what is flagged in the whole log are among the kept ones: the most that any finding has.

    Those of a finding are the points above a third of its height, from its first step to its last; what is not finite
    is always one.
    """
    return max((_left(run, found, factor, begin) for run in log.runs for found in _errors(run)), default=0)


def _errors(run: Run) -> list[Finding]:
    findings, _ = judge_runs(Study(name=run.name, runs=(run,)))
    return [found for found in findings if found.severity == "error"]


def _left(run: Run, found: Finding, factor: int, begin: int) -> int:
    step, value = run.train_loss.step, run.train_loss.value
    first = step[0] if found.first_step is None else found.first_step
    last = first if found.last_step is None else found.last_step
    inside = (step >= first) & (step <= last)
    finite = np.isfinite(value)
    if not (inside & finite).any():
        return int(inside[begin::factor].sum())
    before = value[finite & (step < first)][-BEFORE:]
    base = np.median(before) if len(before) else value[finite][0]
    high = base + (value[inside & finite].max() - base) / 3
    return int((inside & (~finite | (value > high)))[begin::factor].sum())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=Path, nargs="+", required=True, help="folders with an INDEX.csv")
    options = parser.parse_args(arguments)
    logs = [log for folder in options.logs for log in indexed_logs.load(folder) if log.is_unstable is not None]
    whole = [judge_log(lrdoctor, log).verdict for log in logs]
    print(
        "| every | logs | unstable caught | healthy flagged | flipped | of them lost | with no point left | one |",
        end="",
    )
    print(" became inconclusive, unstable | healthy | otherwise |\n|" + 11 * "---|")
    for factor, beginnings in BEGINNINGS.items():
        counts: Counter[tuple[bool, str, str]] = Counter()
        left: Counter[int] = Counter()
        for log, was in zip(logs, whole, strict=True):
            for begin in beginnings:
                now = _verdict(log, factor, begin)
                counts[bool(log.is_unstable), was, now] += 1
                if (was, now) == ("unstable", "stable"):
                    left[points_left(log, factor, begin)] += 1
        print(_row(factor, counts, left), flush=True)


def _verdict(log: Log, factor: int, begin: int) -> str:
    runs = tuple(thinned(run, factor, begin) for run in log.runs)
    return judge_log(lrdoctor, replace(log, runs=runs)).verdict


def _row(factor: int, counts: Counter[tuple[bool, str, str]], left: Counter[int]) -> str:
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
        f"| {flipped} ({100 * flipped / total:.1f} %) | {lost} | {left[0]} | {left[1]} "
        f"| {inconclusive[0]} | {inconclusive[1]} | {moved - flipped - sum(inconclusive)} |"
    )


if __name__ == "__main__":
    main()
