"""How lrdoctor does on logs of repositories that its thresholds were not chosen on.

The labelled logs are cut into five folds by their repository, so that logs of one project never stand on both sides.
For each fold the free thresholds are those of a small grid that do best on the other four, and its logs are judged with
them. All other thresholds are stated with the model of a healthy curve, and are the same everywhere. The interval is
that of the bootstrap over repositories: logs of one project are alike.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.indexed_logs import Log
from benchmarks.judged import Judge
from lrdoctor.measures import noise, rises, units

FOLDS = 5
RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Free:
    """Thresholds that no model states, with the values that are tried; the first one is the one in use."""

    floor: float = units.THRESHOLDS.floor
    rise: float = rises.THRESHOLDS.rise
    extremes: float = noise.EXTREMES


IN_USE = Free()
GRID = tuple(
    Free(floor, rise, extremes)
    for floor, rise, extremes in itertools.product(
        (IN_USE.floor, 0.003, 0.03),
        (IN_USE.rise, float(np.log(1.1)), float(np.log(1.2))),
        (IN_USE.extremes, 0.65, 0.95),
    )
)


@contextmanager
def using(free: Free) -> Iterator[None]:
    """lrdoctor with these thresholds."""
    was = units.THRESHOLDS, rises.THRESHOLDS, noise.EXTREMES
    try:
        units.THRESHOLDS = replace(units.THRESHOLDS, floor=free.floor)
        rises.THRESHOLDS = replace(rises.THRESHOLDS, rise=free.rise)
        noise.EXTREMES = free.extremes
        yield
    finally:
        units.THRESHOLDS, rises.THRESHOLDS, noise.EXTREMES = was


def fold_of(log: Log) -> int:
    """Fixed for ever by the repository."""
    return hashlib.sha256(log.repo.encode()).digest()[0] % FOLDS


def verdicts(
    logs: Sequence[Log], judge: Judge, judge_log: Callable[[Judge, Log], str]
) -> tuple[list[str], dict[int, Free]]:
    """The verdict on each log by thresholds that its fold had no part in, and these thresholds by fold."""
    said: dict[Free, list[str]] = {}
    for free in GRID:
        with using(free):
            said[free] = [judge_log(judge, log) for log in logs]
    folds = [fold_of(log) for log in logs]
    chosen: dict[int, Free] = {}
    for fold in range(FOLDS):
        others = [i for i, of in enumerate(folds) if of != fold]
        # of equals the first: what is in use, and then what is nearest to it
        scores = [f1(logs, said[free], others) for free in GRID]
        chosen[fold] = GRID[int(np.argmax(scores))]
    return [said[chosen[fold]][i] for i, fold in enumerate(folds)], chosen


def f1(logs: Sequence[Log], said: Sequence[str], which: Iterable[int]) -> float:
    """Of the verdict `unstable` on some of the logs; those whose label is unclear do not count."""
    hits = wrong = 0
    for i in which:
        is_unstable = logs[i].is_unstable
        if is_unstable is None:
            continue
        hits += is_unstable and said[i] == "unstable"
        wrong += is_unstable != (said[i] == "unstable")
    return 2 * hits / (2 * hits + wrong) if hits else 0.0


def interval(logs: Sequence[Log], said: Sequence[str], seed: int = 0) -> tuple[float, float, float]:
    """F1 with its 95 % interval over repositories."""
    of: dict[str, list[int]] = {}
    for i, log in enumerate(logs):
        of.setdefault(log.repo, []).append(i)
    repos = sorted(of)
    rng = np.random.default_rng(seed)
    drawn = [
        f1(logs, said, [i for repo in rng.integers(len(repos), size=len(repos)) for i in of[repos[repo]]])
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return f1(logs, said, range(len(logs))), float(low), float(high)
