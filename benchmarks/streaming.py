"""A growing run against the whole log: same verdict, false alarms on the way, delay, cost.

    LRDOCTOR_LOGS=folder[:folder] python -m benchmarks.streaming [--curves 200] [--points 1000000] [--processes 1]

Every labelled log is fed point by point, as `lrdoctor watch` would see it; made-up healthy curves of many kinds of
noise as well. The logs are printed in two parts by the repository that they come from. What `streaming/` has to choose
(the lengths of looks, how they share the risk, what has to be seen again) was chosen on made-up noise and on the part
`tune`, but the delays of both parts had been seen before the early looks were chosen: the other part is no blind test.

A delay has two parts, printed apart. The rules need points after the trouble to tell it from an odd batch: until there
are enough, `diagnose` itself would not call the log unstable if it ended there. The rest is the price of looking
seldom, of sharing the risk, and of seeing a finding twice.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.curve_parts import NOISES
from benchmarks.families import Cell, cells
from benchmarks.indexed_logs import Log, load
from lrdoctor.assess.logs import judge_log
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.streaming import StreamingJudge
from lrdoctor.streaming.events import StreamEvent
from lrdoctor.streaming.judging import GrowingRun, until

ALPHA = 0.01
LENGTHS = (100, 1000, 5000)
FINENESS = 1.05
"""Factor between the beginnings of a log that are judged to find the first that `diagnose` would call unstable."""
CHUNK = 25
"""Made-up curves that are one piece of work."""

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""`map`, or that of several processes."""


_work: tuple[Callable[[Any], Any], list[Any]]
"""What the forked processes do: curves are read-only views, which they inherit and no pickle carries."""


def in_processes(n: int, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """`map` in n forked processes, in order."""
    global _work
    _work = function, list(items)
    with multiprocessing.get_context("fork").Pool(n) as pool:
        yield from pool.imap(_done, range(len(_work[1])))
        pool.close()
        pool.join()


def _done(index: int) -> Any:
    function, items = _work
    return function(items[index])


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
    seen: int | None = None
    """Last step of the shortest beginning that `diagnose` would call unstable."""

    @property
    def alarm(self) -> StreamEvent | None:
        return next((event for event in self.live if event.kind == "alarm"), None)

    @property
    def told(self) -> int:
        """The step at which it was said, on the way or at the end."""
        return self.alarm.step if self.alarm is not None else self.last_step


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


def fed_and_seen(run: Run) -> Fed:
    """The same, with the shortest beginning that `diagnose` would call unstable."""
    one = fed(run)
    if one.whole != "unstable" or one.onset is None:
        return one
    return replace(one, seen=min(_first_seen(run, one.onset), one.told))


def _first_seen(run: Run, onset: int) -> int:
    step = run.train_loss.step
    n = max(1, int(np.searchsorted(step, onset)))
    while n <= len(step):
        at = int(step[n - 1])
        if at >= onset and judge_log(until(run, at), ALPHA).verdict == "unstable":
            return at
        n = max(n + 1, int(n * FINENESS))
    return int(step[-1])


def labelled(logs: Sequence[Log], each: Each) -> Iterator[str]:
    """Lines about labelled logs, every one of which is fed once."""
    pairs = [(log, run) for log in logs for run in log.runs]
    results: list[Fed] = list(each(fed_and_seen, [run for _, run in pairs]))
    every = list(zip([log for log, _ in pairs], results, strict=True))
    for half in ("tune", "hold-out", "all"):
        runs = [(log, one) for log, one in every if half in (log.half, "all")]
        healthy = [one for log, one in runs if log.is_unstable is False]
        unstable = [(log, one) for log, one in runs if log.is_unstable]
        same = sum(one.verdict == one.whole for _, one in runs)
        alarms = sum(one.alarm is not None for one in healthy)
        false_at_end = sum(one.whole == "unstable" for one in healthy)
        n_logs, n_repos = len({log.id for log, _ in runs}), len({log.repo for log, _ in runs})
        yield (
            f"{half}: {len(runs)} runs of {n_logs} logs of {n_repos} repositories; last verdict that of the whole: "
            f"{same} of {len(runs)}; healthy called unstable on the way {alarms}, at the end {false_at_end}, "
            f"of {len(healthy)}"
        )
        caught = [(log, one) for log, one in unstable if one.whole == "unstable" and one.onset is not None]
        on_the_way = [one for _, one in caught if one.alarm is not None]
        retracted = sum(any(event.kind == "retracted" for event in one.live) for one in on_the_way)
        yield (
            f"  unstable ones that the whole shows: {len(caught)} of {len(unstable)}; of these alarmed before the end "
            f"{len(on_the_way)}, at the end {len(caught) - len(on_the_way)}; retracted on the way {retracted}"
        )
        yield f"  alarm after the onset in the whole: {_delays([(one, one.onset, one.told) for _, one in caught])}"
        yield f"  of it, what the rules need: {_delays([(one, one.onset, one.seen) for _, one in caught])}"
        yield f"  of it, looks and shared risk: {_delays([(one, one.seen, one.told) for _, one in caught])}"
        marked = [(one, log.spike_steps[0], one.told) for log, one in caught if log.spike_steps]
        yield f"  alarm after the first step that the label names: {_delays(marked)}"
    for log, one in every:
        if log.is_unstable and one.whole == "unstable" and one.onset is not None:
            alarm = one.alarm
            when = "at its end" if alarm is None else f"at {alarm.step} ({alarm.rule})"
            named = f", label {log.spike_steps[0]}" if log.spike_steps else ""
            yield (
                f"    {log.id} ({log.half}): onset {one.onset}{named}, diagnose sees it at {one.seen} "
                f"of {one.last_step}, one point per {one.gap}; alarm {when}"
            )


def _delays(found: Sequence[tuple[Fed, int | None, int | None]]) -> str:
    """From one step of a run to another: in steps, points, and shares of the run."""
    apart = [(one, max(0, b - a)) for one, a, b in found if a is not None and b is not None]
    if not apart:
        return "none"
    steps = [delay for _, delay in apart]
    points = [delay / one.gap for one, delay in apart]
    shares = [delay / max(1, one.last_step) for one, delay in apart]
    return (
        f"{median(steps):g} steps in the middle, {max(steps)} at worst; "
        f"{median(points):g} and {max(points):.0f} points; "
        f"{100 * median(shares):.1f} and {100 * max(shares):.0f} % of the run ({len(apart)} runs)"
    )


def noise(n_curves: int, each: Each) -> Iterator[str]:
    """Lines about healthy noise, of which any alarm is a false one."""
    total: Counter[str] = Counter()
    for n in LENGTHS:
        for name in NOISES:
            pieces = [(name, n, seed, min(seed + CHUNK, n_curves)) for seed in range(0, n_curves, CHUNK)]
            found: Counter[str] = Counter()
            for piece in each(_of_noise, pieces):
                found += piece
            total += found
            share = {key: f"{100 * found[key] / n_curves:.1f} %" for key in ("live", "end", "any")}
            yield f"{name}, {n} points: on the way {share['live']}, at the end {share['end']}, any time {share['any']}"
    every = {key: f"{100 * total[key] / total['runs']:.2f} %" for key in ("live", "end", "any")}
    yield f"all {total['runs']}: on the way {every['live']}, at the end {every['end']}, any time {every['any']}"


def _of_noise(piece: tuple[str, int, int, int]) -> Counter[str]:
    """What was found in healthy curves of a kind and length, of some seeds."""
    name, n, first, last = piece
    found: Counter[str] = Counter()
    for seed in range(first, last):
        random = np.random.default_rng([seed, n])
        loss = np.exp(0.1 * NOISES[name](random, n)) * (0.5 + 2 * np.exp(-5 * np.arange(n) / n))
        one = fed(Run("noise", "noise", {"train_loss": Curve.of(loss)}, provenance={"x": "step"}))
        found["runs"] += 1
        found["live"] += one.alarm is not None
        found["end"] += one.whole == "unstable"
        found["any"] += one.alarm is not None or one.whole == "unstable"
    return found


def families(n_curves: int, each: Each) -> Iterator[str]:
    """Lines about made-up curves with an instability at a known step."""
    by_kind: dict[str, list[Cell]] = {}
    for cell in cells():
        if cell.label not in ("stable", "reported"):
            by_kind.setdefault(cell.kind, []).append(cell)
    for kind, members in by_kind.items():
        delays: list[int] = []
        n = 0
        for found in each(_of_family, [(cell, n_curves) for cell in members[:8]]):
            n += len(found)
            delays += [delay for delay in found if delay is not None]
        if delays:
            delay = f"{median(delays):g} steps in the middle, {max(delays)} at worst"
            yield f"{kind}: {n} curves, alarmed {len(delays)}, delay {delay}"


def _of_family(piece: tuple[Cell, int]) -> list[int | None]:
    """Steps from the onset to the alarm in curves of a cell; None where there was no alarm on the way."""
    cell, n_curves = piece
    delays: list[int | None] = []
    for seed in range(n_curves):
        made = cell.make(seed)
        curves = {"train_loss": Curve(made.steps, made.loss), "grad_norm": Curve(made.steps, made.grad_norm)}
        alarm = fed(Run(cell.kind, cell.kind, curves, provenance={"x": "step"})).alarm
        delays.append(None if alarm is None or made.onset is None else max(0, alarm.step - made.onset))
    return delays


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
    parser.add_argument("--processes", type=int, default=1, help="processes that judge; the cost is measured in one")
    given = parser.parse_args()
    folders = [Path(part) for part in os.environ.get("LRDOCTOR_LOGS", "").split(os.pathsep) if part]
    logs = [log for folder in folders for log in load(folder)]
    began = time.perf_counter()
    each: Each = map if given.processes == 1 else partial(in_processes, given.processes)
    for title, lines in (
        ("cost", cost(given.points)),
        ("labelled logs", labelled(logs, each) if logs else iter(["none: set LRDOCTOR_LOGS"])),
        ("healthy noise", noise(given.curves, each)),
        ("made-up instabilities", families(max(1, given.curves // 20), each)),
    ):
        print(f"## {title}", flush=True)
        for line in lines:
            print(line, flush=True)
        spent = os.times()
        used = spent.user + spent.system + spent.children_user + spent.children_system
        print(f"(so far {time.perf_counter() - began:.0f} s, {used:.0f} s of a processor)", flush=True)


if __name__ == "__main__":
    main()
