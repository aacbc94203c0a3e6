"""What a sweep and a treatment cost in training steps, everything trained (`--exhaustive`) against what can matter.

Two parts:

- made-up studies, whose trials are drawn from the workloads of `benchmarks.intervals`: how often the answers differ,
  and the share of the steps that is left. The limits of `procedures.sparing` were set on one half of them, the other
  one is held out;
- with `--specs`: real trainings, each swept both ways (and treated, with `--treat`), the answers side by side.

    python -m benchmarks.cost [--studies 1000] [--specs configs/*.yaml] [--treat] [--out DIR]
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.intervals import SimulatedWorkload, workloads
from lrdoctor.core.certainty import Certainty, Side
from lrdoctor.core.study import Rate, Stage, Study
from lrdoctor.procedures import certainty, foreseen, sparing
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures.reach import Outcome
from lrdoctor.rules.best_at_edge import is_at_edge

ROOT = Path(__file__).parent.parent
PARTS = {"set on": 11, "held out": 12}
"""Where the generator of the workloads starts."""
DIVERGED = 0.3
"""Of its steps that an infeasible trial runs, on average: two in three end at once, the others are long in coming."""


@dataclass
class Table:
    """The trials of a made-up study: what a rate and a seed do is drawn once, whoever asks."""

    workload: SimulatedWorkload
    number: int

    def __post_init__(self) -> None:
        self._drawn: dict[tuple[float, int], Outcome] = {}
        self._offsets = self.workload.seeds(50, np.random.default_rng((self.number, 0)))

    def trial(self, rate: float, seed: int) -> Outcome:
        if (rate, seed) not in self._drawn:
            rng = np.random.default_rng((self.number, seed + 1, round(1e9 * abs(math.log(rate)))))
            unstable, objective = self.workload.trials(rate, self._offsets[seed : seed + 1], rng)
            self._drawn[rate, seed] = Outcome(rate, seed, bool(unstable[0]), float(objective[0]))
        return self._drawn[rate, seed]


@dataclass(frozen=True)
class Answer:
    """What a sweep says, and what it took."""

    best: float | None
    unstable: float | None
    unstable_range: tuple[float, float | None] | None
    verdict: str
    trials: int
    steps: float
    """In units of a whole trial."""


def swept(table: Table, n_seeds: int, limits: sparing.Limits | None) -> Answer:
    """A made-up sweep by the program's planner."""
    stages: dict[float, Stage] = {}
    outcomes: list[Outcome] = []
    while True:
        known = known_of(outcomes, stages, n_seeds)
        step = sparing.next_step(sweeps.Settings(table.workload.grid), known, limits)
        if step is None:
            further = foreseen.further(known, limits, side)
            if further is limits:
                return answer(known)[0]
            limits = further
            continue
        for rate, seed in step.pairs:
            stages.setdefault(rate, step.stage or "grid")
            outcomes.append(table.trial(rate, seed))


def known_of(outcomes: Sequence[Outcome], stages: dict[float, Stage], n_seeds: int) -> sparing.Known:
    """What the planner sees."""
    by_rate: dict[float, list[Outcome]] = {}
    for o in outcomes:
        by_rate.setdefault(o.base_learning_rate, []).append(o)
    return sparing.Known(
        rates=tuple(row(rate, stages[rate], by_rate[rate]) for rate in sorted(by_rate)),
        outcomes=tuple(outcomes),
        tried={rate: frozenset(o.seed for o in of) for rate, of in by_rate.items()},
        seeds=tuple(range(n_seeds)),
    )


def row(rate: float, stage: Stage, of_rate: Sequence[Outcome]) -> Rate:
    """The summary of a rate."""
    values = [o.objective for o in of_rate]
    return Rate(
        base_learning_rate=rate,
        stage=stage,
        n_judged=len(of_rate),
        n_feasible=sum(not o.is_infeasible for o in of_rate),
        n_unstable=sum(o.is_unstable for o in of_rate),
        objective=median(values),
        objective_low=min(values),
        objective_high=max(values),
        final_loss=median(values),
    )


def answer(known: sparing.Known) -> tuple[Answer, Certainty | None]:
    """What a finished sweep says."""
    study = sweeps.measure(Study(name="made up", runs=(), rates=known.rates))
    best, unstable = study.best_learning_rate, study.unstable_base_learning_rate
    rates = [r.base_learning_rate for r in known.rates if r.stage in sweeps.SWEPT]
    found = None
    if best is not None:
        limits = {"edge": lambda b, u: is_at_edge(b, u, rates), "10x": certainty.within(10.0)}
        found = certainty.judge(known.outcomes, rates, best, unstable, limits)
    told = Answer(
        best=best,
        unstable=unstable,
        unstable_range=None if found is None else found.unstable_base_learning_rate,
        verdict="none" if found is None else verdict_of(found.sides),
        trials=len(known.outcomes),
        steps=sum(DIVERGED if o.is_infeasible else 1.0 for o in known.outcomes),
    )
    return told, found


def side(known: sparing.Known) -> Side | None:
    """On which side of the verdict's limit a sweep lies."""
    found = answer(known)[1]
    return None if found is None else found.sides["edge"]


def verdict_of(sides: Mapping[str, str]) -> str:
    """As a report gives it: by the edge, since a margin below 10 is a warning, told by the figures."""
    return {"within": "unstable", "open": "inconclusive", "beyond": "stable"}[sides["edge"]]


def made_up(n_studies: int) -> None:
    """Prints how the answers and the cost differ."""
    print("| seeds | part | studies | steps | lr* differs | by more than a grid step | verdict differs ", end="")
    print("| stable and unstable swapped | unstable rate outside the interval of all trials |")
    print("|---|---|---|---|---|---|---|---|---|")
    for n_seeds in (3, 5):
        for part, start in PARTS.items():
            of = list(both(n_studies // len(PARTS), n_seeds, start))
            print(f"| {n_seeds} | {part} | {len(of)} | {' | '.join(cells(of))} |", flush=True)


def both(n_studies: int, n_seeds: int, start: int) -> Iterator[tuple[SimulatedWorkload, Answer, Answer]]:
    """The answers with everything trained, and with what can matter."""
    for number, workload in enumerate(workloads(n_studies, np.random.default_rng(start))):
        table = Table(workload, number + 10_000 * start)
        yield workload, swept(table, n_seeds, None), swept(table, n_seeds, sparing.LIMITS)


def cells(of: Sequence[tuple[SimulatedWorkload, Answer, Answer]]) -> Iterator[str]:
    n = len(of)
    yield f"{sum(b.steps for _, _, b in of) / sum(a.steps for _, a, _ in of):.1%}"
    yield f"{sum(a.best != b.best for _, a, b in of) / n:.1%}"
    yield f"{sum(grid_steps(w, a, b) > 1 for w, a, b in of) / n:.1%}"
    yield f"{sum(a.verdict != b.verdict for _, a, b in of) / n:.1%}"
    yield f"{sum({a.verdict, b.verdict} == {'unstable', 'stable'} for _, a, b in of) / n:.1%}"
    yield f"{sum(not holds(a, b) for _, a, b in of) / n:.1%}"


def grid_steps(workload: SimulatedWorkload, one: Answer, other: Answer) -> float:
    """How many steps of the grid two lr* are apart."""
    if one.best is None or other.best is None:
        return 0.0 if one.best == other.best else math.inf
    spacing = math.log(workload.grid[-1] / workload.grid[0]) / (len(workload.grid) - 1)
    return round(abs(math.log(one.best / other.best)) / spacing, 1)


def holds(one: Answer, other: Answer) -> bool:
    """Whether the unstable rate of the second lies within the interval of the first."""
    if one.unstable_range is None or other.unstable is None:
        return one.unstable is None or other.unstable is not None
    low, high = one.unstable_range
    return low <= other.unstable <= (math.inf if high is None else high)


@dataclass(frozen=True)
class Reported:
    """What a report says, and what its trials took."""

    verdict: str
    best: float | None
    unstable: float | None
    prescribed: str
    trials: int
    steps: int
    """Of trials; those of the controls, forward passes alone, are the same either way but for seeds never trained."""

    @property
    def text(self) -> str:
        return f"{self.verdict}, {_rate(self.best)}, {_rate(self.unstable)}, {self.prescribed}, {self.trials} trials"


def _rate(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def reported(command: str, spec: Path, out: Path, options: Sequence[str]) -> Reported:
    """Runs a command on a spec, in a process of its own."""
    words = [sys.executable, "-m", "lrdoctor", command, str(spec), "--out", str(out), "--fail-on", "never", "-q"]
    done = subprocess.run([*words, *options], cwd=ROOT, capture_output=True, text=True)
    if done.returncode not in (0, 2) or not (out / "report.json").exists():
        raise SystemExit(f"{spec.name} exited with {done.returncode}:\n{done.stderr}")
    report = json.loads((out / "report.json").read_text("utf-8"))
    records = [json.loads(path.read_text()) for path in out.glob("trials/*/trial.json")]
    trials = [record for record in records if not record["settings"]["control"]]
    of_treat = (report.get("treat") or {}).get("prescribed")
    return Reported(
        verdict=report["verdict"],
        best=report["best_learning_rate"],
        unstable=report["unstable_base_learning_rate"],
        prescribed="-" if command == "sweep" else json.dumps(of_treat),
        trials=len(trials),
        steps=sum(record["n_rows"] for record in trials),
    )


def of_specs(specs: Sequence[Path], command: str, folder: Path) -> None:
    """Prints what each spec costs both ways, and whether it says the same."""
    print(f"\n{command}: verdict, lr*, unstable rate, prescription, trials\n")
    print("| spec | everything | what can matter | same | steps |\n|---|---|---|---|---|")
    total = [0, 0]
    for spec in specs:
        every = reported(command, spec, folder / f"{command}-{spec.stem}-every", ["--exhaustive"])
        few = reported(command, spec, folder / f"{command}-{spec.stem}", [])
        same = (every.verdict, every.best, every.unstable, every.prescribed) == (
            few.verdict, few.best, few.unstable, few.prescribed
        )  # fmt: skip
        total = [total[0] + every.steps, total[1] + few.steps]
        share = few.steps / max(1, every.steps)
        print(f"| {spec.stem} | {every.text} | {few.text} | {'yes' if same else 'NO'} | {share:.0%} |", flush=True)
    print(f"\nsteps in all: {total[1]:,} of {total[0]:,}, {total[1] / max(1, total[0]):.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000, help="made-up ones; 0 for none")
    parser.add_argument("--specs", type=Path, nargs="*", default=(), help="real trainings")
    parser.add_argument("--treat", action="store_true", help="treat them too")
    parser.add_argument("--out", type=Path, help="folder of the studies, kept and resumed; default: a temporary one")
    options = parser.parse_args()
    if options.studies:
        made_up(options.studies)
    with tempfile.TemporaryDirectory() as passing:
        folder = (options.out or Path(passing)).resolve()
        for command in ("sweep", "treat") if options.treat else ("sweep",):
            if options.specs:
                of_specs([spec.resolve() for spec in options.specs], command, folder)


if __name__ == "__main__":
    main()
