"""A growing run against the whole log: same verdict, false alarms on the way, delay, cost.

    LRDOCTOR_LOGS=folder[:folder] python -m benchmarks.streaming [--curves 200] [--points 1000000]

Every labelled log is fed point by point, as `lrdoctor watch` would see it; made-up healthy curves of many kinds of
noise as well. Nothing in `streaming/` is chosen by what the logs show: how lengths grow, what a look risks and what
stands out are stated with their reasons. Both parts of the logs are printed apart all the same. That a finding has to
be seen again was added when healthy noise of Student's t with 3 degrees of freedom showed alarms that were retracted.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.curve_parts import NOISES
from benchmarks.families import Cell, cells
from benchmarks.indexed_logs import Log, load
from lrdoctor.assess.logs import judge_log
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.streaming import StreamingJudge
from lrdoctor.streaming.events import StreamEvent
from lrdoctor.streaming.judging import GrowingRun

ALPHA = 0.01
LENGTHS = (100, 1000, 5000)


@dataclass(frozen=True)
class Fed:
    """What a run was called on the way and at its end."""

    live: tuple[StreamEvent, ...]
    verdict: str
    whole: str
    """Of the whole run at once."""
    onset: int | None
    """First step of the gravest finding of the whole."""
    gap: int
    """Steps from one point to the next."""
    last_step: int

    @property
    def alarm(self) -> StreamEvent | None:
        return next((event for event in self.live if event.kind == "alarm"), None)


def fed(run: Run) -> Fed:
    """Judges a run as it grows, and as a whole."""
    growing = GrowingRun(run.name, ALPHA)
    live = growing.grow(run)
    growing.finish(run)
    whole = judge_log(run, ALPHA)
    step = whole.run.train_loss.step
    errors = [one.first_step for one in whole.findings if one.severity == "error" and one.first_step is not None]
    gap = int(np.median(np.diff(step))) if len(step) > 1 else 1
    onset = min(errors, default=None)
    return Fed(tuple(live), growing.verdict, whole.verdict, onset, gap, int(step[-1]) if len(step) else 0)


def labelled(logs: Sequence[Log]) -> Iterator[str]:
    """Lines about labelled logs."""
    for half in ("tune", "hold-out", "all"):
        chosen = [log for log in logs if half in (log.half, "all")]
        runs = [(log, fed(run)) for log in chosen for run in log.runs]
        healthy = [one for log, one in runs if log.is_unstable is False]
        unstable = [(log, one) for log, one in runs if log.is_unstable]
        same = sum(one.verdict == one.whole for _, one in runs)
        alarms = sum(one.alarm is not None for one in healthy)
        false_at_end = sum(one.whole == "unstable" for one in healthy)
        yield (
            f"{half}: {len(runs)} runs of {len(chosen)} logs; last verdict that of the whole: {same} of {len(runs)}; "
            f"healthy called unstable on the way {alarms}, at the end {false_at_end}, of {len(healthy)}"
        )
        caught = [one for _, one in unstable if one.whole == "unstable"]
        on_the_way = [one for one in caught if one.alarm is not None]
        retracted = sum(any(event.kind == "retracted" for event in one.live) for one in on_the_way)
        yield (
            f"  unstable ones that the whole shows: {len(caught)} of {len(unstable)}; of these alarmed before the end "
            f"{len(on_the_way)}, at the end {len(caught) - len(on_the_way)}; retracted on the way {retracted}"
        )
        yield f"  delay against the onset in the whole: {_delays(caught)}"
    for log, one in runs:
        if log.is_unstable and one.whole == "unstable" and one.onset is not None:
            alarm = one.alarm
            when = "at its end" if alarm is None else f"at {alarm.step} ({alarm.rule})"
            yield f"    {log.id}: onset {one.onset} of {one.last_step}, one point per {one.gap}; alarm {when}"


def _delays(caught: Sequence[Fed]) -> str:
    steps, points, shares = [], [], []
    for one in caught:
        if one.onset is None:
            continue
        seen = one.alarm.step if one.alarm is not None else one.last_step
        delay = max(0, seen - one.onset)
        steps.append(delay)
        points.append(delay / one.gap)
        shares.append(delay / max(1, one.last_step))
    if not steps:
        return "none"
    return (
        f"{median(steps):g} steps in the middle, {max(steps)} at worst; "
        f"{median(points):g} and {max(points):.0f} points; "
        f"{100 * median(shares):.1f} and {100 * max(shares):.0f} % of the run"
    )


def noise(n_curves: int) -> Iterator[str]:
    """Lines about healthy noise, of which any alarm is a false one."""
    total: Counter[str] = Counter()
    for n in LENGTHS:
        for name, make in NOISES.items():
            found: Counter[str] = Counter()
            for seed in range(n_curves):
                random = np.random.default_rng([seed, n])
                loss = np.exp(0.1 * make(random, n)) * (0.5 + 2 * np.exp(-5 * np.arange(n) / n))
                one = fed(Run("noise", "noise", {"train_loss": Curve.of(loss)}, provenance={"x": "step"}))
                found["live"] += one.alarm is not None
                found["end"] += one.whole == "unstable"
                found["any"] += one.alarm is not None or one.whole == "unstable"
            total += found
            total["runs"] += n_curves
            share = {key: f"{100 * found[key] / n_curves:.1f} %" for key in ("live", "end", "any")}
            yield f"{name}, {n} points: on the way {share['live']}, at the end {share['end']}, any time {share['any']}"
    every = {key: f"{100 * total[key] / total['runs']:.2f} %" for key in ("live", "end", "any")}
    yield f"all {total['runs']}: on the way {every['live']}, at the end {every['end']}, any time {every['any']}"


def families(n_curves: int) -> Iterator[str]:
    """Lines about made-up curves with an instability at a known step."""
    by_kind: dict[str, list[Cell]] = {}
    for cell in cells():
        if cell.label not in ("stable", "reported"):
            by_kind.setdefault(cell.kind, []).append(cell)
    for kind, members in by_kind.items():
        delays, n, missed = [], 0, 0
        for cell in members[:8]:
            for seed in range(n_curves):
                made = cell.make(seed)
                curves = {"train_loss": Curve(made.steps, made.loss), "grad_norm": Curve(made.steps, made.grad_norm)}
                one = fed(Run(kind, kind, curves, provenance={"x": "step"}))
                n += 1
                if one.alarm is None or made.onset is None:
                    missed += 1
                else:
                    delays.append(max(0, one.alarm.step - made.onset))
        if delays:
            delay = f"{median(delays):g} steps in the middle, {max(delays)} at worst"
            yield f"{kind}: {n} curves, alarmed {n - missed}, delay {delay}"


def cost(n_points: int) -> Iterator[str]:
    """Lines about time: of `StreamingJudge.add` beside writing the same row to a CSV file, line-buffered."""
    random = np.random.default_rng(0)
    loss = (
        np.exp(0.1 * random.normal(size=n_points)) * (0.5 + 2 * np.exp(-5 * np.arange(n_points) / n_points))
    ).tolist()
    norm = np.exp(0.2 * random.normal(size=n_points)).tolist()
    judge, began, n_before = StreamingJudge("cost", alpha=ALPHA), time.perf_counter(), 0
    marks = [n for n in (1000, 10_000, 100_000, 1_000_000) if n <= n_points]
    spent: dict[int, float] = {}
    for step in range(n_points):
        judge.add(step, loss[step], norm[step], 0.1)
        if step + 1 in marks:
            spent[step + 1] = time.perf_counter() - began
    with open(os.devnull, "w", buffering=1) as sink:
        began = time.perf_counter()
        for step in range(n_points):
            sink.write(f"{step},{0.1!r},{loss[step]!r},{norm[step]!r}\n")
        row = (time.perf_counter() - began) / n_points
    before = 0.0
    for n in marks:
        each = (spent[n] - before) / (n - n_before)
        times = f"{each / row:.1f} times a row of CSV ({1e6 * row:.2f} us)"
        yield f"points {n_before} to {n}: {1e6 * each:.1f} us each, {times}"
        before, n_before = spent[n], n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=int, default=200, help="made-up healthy curves of a kind and length")
    parser.add_argument("--points", type=int, default=1_000_000, help="points whose cost is measured")
    given = parser.parse_args()
    folders = [Path(part) for part in os.environ.get("LRDOCTOR_LOGS", "").split(os.pathsep) if part]
    logs = [log for folder in folders for log in load(folder)]
    for title, lines in (
        ("cost", cost(given.points)),
        ("labelled logs", labelled(logs) if logs else iter(["none: set LRDOCTOR_LOGS"])),
        ("healthy noise", noise(given.curves)),
        ("made-up instabilities", families(max(1, given.curves // 20))),
    ):
        print(f"## {title}", flush=True)
        for line in lines:
            print(line, flush=True)


if __name__ == "__main__":
    main()
