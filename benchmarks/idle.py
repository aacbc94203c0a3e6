"""How long the workers of a sweep have nothing to do, with trials begun ahead and without.

Made-up sweeps (`benchmarks.cost`), their trials run side by side on so many workers by the program's planner: a stable
trial takes 1, an infeasible one less, a control a third. What is begun ahead and not asked for is counted as waste.

    python -m benchmarks.idle [--studies 100]

With `--specs` real sweeps instead, from the start of the first trial to the end of the last, with as many workers as
there are cores; those of another checkout beside them, in turns, with `--against`. There the share of time in which a
worker has no trial that was asked for also holds what judging and handing over take.

    python -m benchmarks.idle --specs configs/mlp10.yaml [--against FOLDER] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.cost import DIVERGED, PARTS, ROOT, Table, answer, known_of, side
from benchmarks.intervals import workloads
from lrdoctor.core.study import Stage
from lrdoctor.examine.allowance import FORWARD
from lrdoctor.procedures import foreseen, look_ahead, sparing
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures.reach import Outcome
from lrdoctor.procedures.sparing import Known, Pair

WORKERS = (2, 4, 8, 16)


@dataclass
class Machine:
    """Workers that run trials, each until a time."""

    table: Table
    n_workers: int
    ahead: bool
    now: float = 0.0
    busy: dict[Pair, float] = field(default_factory=dict)
    """Trial that runs -> when it ends."""
    done: set[Pair] = field(default_factory=set)
    worked: float = 0.0
    """Time of workers that was spent on trials."""
    wasted: float = 0.0
    """Of it, on trials that were given up."""
    began: dict[Pair, float] = field(default_factory=dict)

    def length(self, pair: Pair) -> float:
        if pair[0] == 0.0:
            return FORWARD
        return DIVERGED if self.table.trial(*pair).is_infeasible else 1.0

    def run(self, pairs: list[Pair], guess: Iterator[Pair]) -> None:
        """Runs the trials to their end; a worker that is left over takes what is guessed."""
        waiting = [pair for pair in pairs if pair not in self.done and pair not in self.busy]
        while any(pair not in self.done for pair in pairs):
            others = [pair for pair in self.busy if pair not in pairs]
            while others and len(self.busy) + len(waiting) > self.n_workers:
                given_up = max(others, key=lambda pair: self.began[pair])
                others.remove(given_up)
                del self.busy[given_up]
                self.worked += self.now - self.began[given_up]
                self.wasted += self.now - self.began[given_up]
            while waiting and len(self.busy) < self.n_workers:
                self._begin(waiting.pop(0))
            while self.ahead and not waiting and len(self.busy) < self.n_workers:
                pair = next(guess, None)
                if pair is None:
                    break
                if pair not in self.busy and pair not in self.done:
                    self._begin(pair)
            self._wait()

    def _begin(self, pair: Pair) -> None:
        self.began[pair], self.busy[pair] = self.now, self.now + self.length(pair)

    def _wait(self) -> None:
        first = min(self.busy, key=lambda pair: self.busy[pair])
        self.now = self.busy.pop(first)
        self.worked += self.length(first)
        self.done.add(first)


@dataclass(frozen=True)
class Timed:
    wall: float
    idle: float
    wasted: float
    verdict: str
    best: float | None


def swept(table: Table, n_seeds: int, n_workers: int, ahead: bool) -> Timed:
    """A made-up sweep on so many workers."""
    machine = Machine(table, n_workers, ahead)
    stages: dict[float, Stage] = {}
    outcomes: list[Outcome] = []
    limits: sparing.Limits | None = sparing.LIMITS
    settings = sweeps.Settings(table.workload.grid)
    while True:
        known = known_of(outcomes, stages, n_seeds)
        step = sparing.next_step(settings, known, limits)
        if step is None:
            further = foreseen.further(known, limits, side)
            if further is limits:
                break
            limits = further
            continue
        controls = [(0.0, seed) for seed in dict.fromkeys(seed for _, seed in step.pairs)]
        guess = iter(guesses(settings, known, step, limits)) if ahead else iter(())
        if not all(control in machine.done for control in controls):
            machine.run(controls, iter(()))
        machine.run(list(step.pairs), guess)
        for rate, seed in step.pairs:
            stages.setdefault(rate, step.stage or "grid")
            outcomes.append(table.trial(rate, seed))
    machine.wasted += sum(machine.now - machine.began[pair] for pair in machine.busy)
    machine.worked += sum(machine.now - machine.began[pair] for pair in machine.busy)
    found, _ = answer(known)
    asked = {(o.base_learning_rate, o.seed) for o in outcomes}
    machine.wasted += sum(machine.length(pair) for pair in machine.done if pair[0] and pair not in asked)
    return Timed(
        wall=machine.now,
        idle=1 - (machine.worked - machine.wasted) / (machine.now * n_workers),
        wasted=machine.wasted / (machine.worked - machine.wasted),
        verdict=found.verdict,
        best=found.best,
    )


def guesses(
    settings: sweeps.Settings, known: Known, step: sparing.Step, limits: sparing.Limits | None
) -> Iterator[Pair]:
    running: dict[float, Stage] = {rate: step.stage or "check" for rate, _ in step.pairs}
    for rate, seed in look_ahead.likely_next(
        lambda then: sparing.next_step(settings, then, limits), known, running, step.pairs
    ):
        yield 0.0, seed
        yield rate, seed


def real_sweep(spec: Path, checkout: Path) -> tuple[float, float, int]:
    """A sweep by the lrdoctor of a checkout: the idle share of its workers, their seconds in all and trials asked for.

    Raises:
        SystemExit: the sweep did not come to its end.
    """
    n_workers = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "study"
        command = [sys.executable, "-m", "lrdoctor", "sweep", str(spec), "--out", str(out), "--fail-on", "never", "-q"]
        done = subprocess.run(
            [*command, "--jobs", str(n_workers)],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            capture_output=True,
            text=True,
        )
        # 2: the sweep ran to its end, and its seeds leave the verdict open
        if done.returncode not in (0, 2):
            raise SystemExit(f"the sweep of {spec} in {checkout} exited with {done.returncode}:\n{done.stderr}")
        records = list(out.glob("trials/*/trial.json"))
        seconds = [float(json.loads(path.read_text())["seconds"]) for path in records]
        ends = [path.stat().st_mtime for path in records]
    wall = max(ends) - min(end - taken for end, taken in zip(ends, seconds, strict=True))
    return 1 - sum(seconds) / (n_workers * wall), n_workers * wall, len(records)


def print_real(specs: Sequence[Path], checkouts: Sequence[Path], rounds: int) -> None:
    print("| spec | checkout | idle | worker seconds | trials |")
    print("|---|---|---|---|---|")
    for spec in specs:
        taken = [[real_sweep(spec.resolve(), checkout) for checkout in checkouts] for _ in range(rounds)]
        for at, checkout in enumerate(checkouts):
            idle, seconds, trials = (median(one[at][k] for one in taken) for k in range(3))
            name = "this one" if checkout == ROOT else checkout.name
            print(f"| {spec.stem} | {name} | {idle:.1%} | {seconds:.1f} | {trials:g} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--specs", type=Path, nargs="+", help="sweeps of these instead")
    parser.add_argument("--against", type=Path, help="another checkout, whose sweeps are measured in turn")
    parser.add_argument("--rounds", type=int, default=3, help="of real sweeps")
    given = parser.parse_args()
    if given.specs:
        others = [given.against.resolve()] if given.against else []
        print_real(given.specs, [*others, ROOT], given.rounds)
        return
    n = given.studies
    made_up = list(workloads(n, np.random.default_rng(PARTS["held out"])))
    print("| seeds | workers | idle before | idle | not used, of the steps that are | wall | answers differ |")
    print("|---|---|---|---|---|---|---|")
    for n_seeds in (3, 5):
        for n_workers in WORKERS:
            pairs = []
            for number, workload in enumerate(made_up):
                table = Table(workload, number + 10_000 * PARTS["held out"])
                pairs.append([swept(table, n_seeds, n_workers, ahead) for ahead in (False, True)])
            before, after = ([pair[at] for pair in pairs] for at in (0, 1))
            differ = sum((a.verdict, a.best) != (b.verdict, b.best) for a, b in pairs)
            wall = math.exp(np.mean([math.log(b.wall / a.wall) for a, b in pairs]))
            print(
                f"| {n_seeds} | {n_workers} | {np.mean([a.idle for a in before]):.1%} "
                f"| {np.mean([b.idle for b in after]):.1%} | {np.mean([b.wasted for b in after]):.1%} "
                f"| {wall:.2f}x | {differ} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
