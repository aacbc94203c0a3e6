"""How often do the intervals of a sweep hold what they claim, and its verdicts contradict each other?

Made-up workloads whose unstable rate and lr* over *all* seeds are known: seeds differ in the rate at which they become
unstable, near it trials are chaotic, the loss is a bowl with noise, the planner is the program's. Each workload is
swept twice, with different seeds. Printed for 3, 5 and 10 seeds:

- coverage of the 90 % intervals and how wide they are (upper over lower end, the median);
- verdicts on "at the edge": how often wrong, how often none, and how often the two sweeps contradict each other, beside
  the same of the majority rule, which always gives a verdict;
- `--seeds auto`: more seeds until the verdict is settled, 15 at most.

    python -m benchmarks.intervals [--workloads 300]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from lrdoctor.core.certainty import Certainty
from lrdoctor.core.study import Rate, Stage, Study
from lrdoctor.procedures import certainty
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures.reach import Outcome, Values
from lrdoctor.rules.best_at_edge import is_at_edge

GRIDS = (
    (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
    tuple(float(f"{v:.3e}") for v in np.logspace(-3, 0, 10)),
    tuple(float(f"{v:.3e}") for v in np.logspace(-3, 0, 7)),
    tuple(float(f"{v:.3e}") for v in np.logspace(-2.5, -0.5, 8)),
)
SPREADS = ("normal", "heavy-tailed", "skewed")
SIZES = (0.1, 0.2, 0.35, 0.5, 0.7)
MARGINS = ((1, 1.5), (1.5, 2), (2, 3), (3, 5), (5, 10), (10, 100))
POPULATION = 801
"""Seeds that stand for all of them."""
MOST = 15
"""Seeds that `--seeds auto` goes up to."""


@dataclass(frozen=True)
class SimulatedWorkload:
    """A made-up workload; logarithms are natural."""

    grid: tuple[float, ...]
    edge: float
    """Log rate at which half of all seeds is unstable."""
    spread: float
    """Of the seeds' edges."""
    kind: str
    """Shape of that spread."""
    chaos: float
    """Width of the zone about a seed's edge in which stable and unstable trials mix."""
    rises: float
    """How far above the first unstable rates the first infeasible ones lie."""
    bottom: float
    """Log rate at which the loss is lowest."""
    bowl: float
    """Log loss at a decade from there."""
    noise: float
    """Of the log loss."""
    moves: float
    """How much of a seed's edge its best rate moves along."""

    def seeds(self, n: int, rng: np.random.Generator) -> Values:
        """How far the edges of n seeds lie from the middle one."""
        if self.kind == "heavy-tailed":
            return self.spread * rng.standard_t(3, n) * 0.8
        if self.kind == "skewed":
            return self.spread * (1 - rng.exponential(1, n) / math.log(2)) * 0.8
        return self.spread * rng.standard_normal(n)

    def trials(self, rate: float, offsets: Values, rng: np.random.Generator) -> tuple[Values, Values]:
        """Whether each seed is unstable at a rate, and its objective; float64[seeds] each."""
        x, n = math.log(rate), len(offsets)
        own = self.edge + offsets + self.chaos * rng.logistic(size=n)
        bottom = self.bottom + self.moves * offsets
        loss = -2.5 + self.bowl * ((x - bottom) / math.log(10)) ** 2 + self.noise * rng.standard_normal(n)
        loss += 1.5 * np.maximum(0.0, x - (self.edge + offsets - 0.3))
        return (x > own).astype(float), np.where(x > own + self.rises, np.inf, np.exp(loss))

    def stable_in_3_of_4(self) -> float:
        """The rate at which one seed in four is unstable."""
        rng = np.random.default_rng(7)
        own = self.edge + self.seeds(20 * POPULATION, rng) + self.chaos * rng.logistic(size=20 * POPULATION)
        return math.exp(float(np.quantile(own, 0.25)))

    def best(self, swept: Sequence[float]) -> float | None:
        """lr* over all seeds."""
        rng = np.random.default_rng(7)
        offsets = self.seeds(POPULATION, rng)
        levels = {rate: float(np.median(self.trials(rate, offsets, rng)[1])) for rate in swept}
        best = min(levels, key=lambda rate: levels[rate])
        return best if math.isfinite(levels[best]) else None


def workloads(n: int, rng: np.random.Generator) -> Iterator[SimulatedWorkload]:
    """Workloads of every kind: from a loss that still falls beyond the edge to a margin of 40."""
    for i in range(n):
        grid = GRIDS[i % len(GRIDS)]
        low, high = math.log(grid[0]), math.log(grid[-1])
        edge = rng.uniform(low + 0.45 * (high - low), high)
        yield SimulatedWorkload(
            grid=grid,
            edge=edge,
            spread=float(rng.choice(SIZES)),
            kind=SPREADS[i % len(SPREADS)],
            chaos=float(rng.choice((0.02, 0.08, 0.2))),
            rises=float(rng.choice((0.0, 0.4))),
            bottom=max(low + 0.7, edge - rng.uniform(-math.log(4), math.log(40))),
            bowl=float(rng.choice((0.3, 0.6, 1.2))),
            noise=float(rng.choice((0.03, 0.1, 0.25))),
            moves=float(rng.choice((0.0, 0.5))),
        )


class Sweep:
    """A sweep of a made-up workload, to which seeds can be added."""

    def __init__(self, workload: SimulatedWorkload, n_seeds: int, rng: np.random.Generator) -> None:
        self.workload, self.rng = workload, rng
        self.offsets = np.zeros(0)
        self.outcomes: list[Outcome] = []
        self.stages: dict[float, Stage] = {}
        self.add(n_seeds)

    def add(self, n: int) -> None:
        """More seeds, at every rate tried; then on with the plan."""
        first = len(self.offsets)
        fresh = self.workload.seeds(n, self.rng)
        self.offsets = np.concatenate([self.offsets, fresh])
        for rate in self.stages:
            self._try(rate, fresh, first)
        while (plan := sweeps.next_plan(sweeps.Settings(self.workload.grid), self.rates())) is not None:
            for rate in plan.rates:
                self.stages[rate] = plan.stage
                self._try(rate, self.offsets, 0)

    def _try(self, rate: float, offsets: Values, first: int) -> None:
        unstable, objective = self.workload.trials(rate, offsets, self.rng)
        self.outcomes += [
            Outcome(rate, first + i, bool(u), float(o))
            for i, (u, o) in enumerate(zip(unstable, objective, strict=True))
        ]

    def rates(self) -> tuple[Rate, ...]:
        by_rate: dict[float, list[Outcome]] = {}
        for o in self.outcomes:
            by_rate.setdefault(o.base_learning_rate, []).append(o)
        rows = []
        for rate, of_rate in sorted(by_rate.items()):
            values = [o.objective for o in of_rate]
            rows.append(
                Rate(
                    base_learning_rate=rate,
                    stage=self.stages[rate],
                    n_judged=len(of_rate),
                    n_feasible=sum(not o.is_infeasible for o in of_rate),
                    n_unstable=sum(o.is_unstable for o in of_rate),
                    objective=median(values),
                    objective_low=min(values),
                    objective_high=max(values),
                    final_loss=median(values),
                )
            )
        return tuple(rows)

    @property
    def study(self) -> Study:
        return sweeps.measure(Study(name="made up", runs=(), rates=self.rates()))

    @property
    def swept(self) -> list[float]:
        return [rate for rate, stage in self.stages.items() if stage in sweeps.SWEPT]


LIMITS = ("edge", "10x")


@dataclass(frozen=True)
class Judged:
    """What a sweep says, beside the truth."""

    workload: SimulatedWorkload
    certainty: Certainty
    majority: bool
    """At the edge by the single figures of the sweep."""
    margin: float
    """True margin."""
    truth: Mapping[str, bool]
    """Whether the true margin lies within each limit."""
    covers: tuple[bool, ...]
    """Whether the intervals of lr*, unstable rate and margin hold the true ones; none with one seed."""
    widths: tuple[float, ...]
    reach: float | None
    """The rate up to which three of four seeds are said to be stable, over the true one."""

    def is_wrong(self, limit: str) -> bool:
        """A verdict was given, and the true margin lies on the other side."""
        side = self.certainty.sides[limit]
        return side != "open" and (side == "within") != self.truth[limit]


def judged(sweep: Sweep) -> Judged | None:
    """The sweep, judged; None where no rate is feasible, of these seeds or of all."""
    study, swept = sweep.study, sweep.swept
    best, true_best = study.best_learning_rate, sweep.workload.best(swept)
    if best is None or true_best is None:
        return None
    limits = {"edge": lambda b, u: is_at_edge(b, u, swept), "10x": certainty.within(10.0)}
    unstable = study.unstable_base_learning_rate
    found = certainty.judge(sweep.outcomes, swept, best, unstable, limits)
    assert found is not None
    edge = math.exp(sweep.workload.edge)
    true = np.array([true_best]), np.array([edge])
    intervals = (found.best_learning_rate, found.unstable_base_learning_rate, found.stability_margin)
    ends = [(low, math.inf if high is None else high) for low, high in (i for i in intervals if i is not None)]
    truths = (true_best, edge, max(1.0, edge / true_best))
    return Judged(
        workload=sweep.workload,
        certainty=found,
        majority=bool(limits["edge"](np.array([best]), np.array([unstable or math.inf]))[0]),
        margin=truths[2],
        truth={name: bool(limits[name](*true)[0]) for name in LIMITS},
        covers=tuple(low * (1 - 1e-9) <= t <= high * (1 + 1e-9) for (low, high), t in zip(ends, truths, strict=False)),
        widths=tuple(high / low for low, high in ends),
        reach=found.stable_in_3_of_4 and found.stable_in_3_of_4 / sweep.workload.stable_in_3_of_4(),
    )


def judged_by_auto(sweep: Sweep) -> Judged | None:
    """The sweep with more seeds, one at a time, until it is settled whether lr* sits at the edge."""
    while (found := judged(sweep)) is not None and found.certainty.sides["edge"] == "open":
        if len(sweep.offsets) >= MOST:
            break
        sweep.add(1)
    return found


Pair = tuple[Judged, Judged]


def pairs_of(n_workloads: int, n_seeds: int, is_auto: bool) -> list[Pair]:
    """Each workload swept twice, with disjoint seeds."""
    rng = np.random.default_rng(1)
    judge = judged_by_auto if is_auto else judged
    found = []
    for workload in workloads(n_workloads, np.random.default_rng(5)):
        first, second = judge(Sweep(workload, n_seeds, rng)), judge(Sweep(workload, n_seeds, rng))
        if first is not None and second is not None:
            found.append((first, second))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=int, default=300)
    n_workloads = parser.parse_args().workloads
    plain = {str(n): pairs_of(n_workloads, n, is_auto=False) for n in (1, 2, 3, 5, 10)}
    every = {**plain, "auto, from 3": pairs_of(n_workloads, 3, is_auto=True)}
    _print_coverage(every)
    _print_verdicts(every)
    _print_by_margin(every)
    _print_settling(n_workloads)


def _print_coverage(every: Mapping[str, Sequence[Pair]]) -> None:
    print("Coverage of the 90 % intervals, and upper over lower end (median)\n")
    print("| seeds | lr* | unstable rate | margin | the same by the shape of the spread | by its size ", end="")
    print("| stable in 3 of 4: holds, and the rate named over the true one |\n|---|---|---|---|---|---|---|")
    for name, pairs in every.items():
        found = [j for pair in pairs for j in pair if j.covers]
        if not found:
            continue
        each = [f"{share(j.covers[i] for j in found)}, {median(j.widths[i] for j in found):.2f}x" for i in range(3)]
        kinds = [f"{kind} {share(j.covers[2] for j in found if j.workload.kind == kind)}" for kind in SPREADS]
        sizes = [f"{s} {share(j.covers[2] for j in found if j.workload.spread == s)}" for s in SIZES]
        reached = [j.reach for j in found if j.reach is not None]
        cells = [*each, ", ".join(kinds), ", ".join(sizes), f"{share(r <= 1 for r in reached)}, {median(reached):.2f}x"]
        print(f"| {name} | {' | '.join(cells)} |")


def _print_verdicts(every: Mapping[str, Sequence[Pair]]) -> None:
    print("\nVerdicts: at the edge, or within 10x\n")
    print(
        "| seeds | limit | unstable | stable | inconclusive | wrong, of those given | the two sweeps contradict "
        "each other | single figures: wrong | contradict | seeds used |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for name, pairs in every.items():
        found = [j for pair in pairs for j in pair]
        for limit in LIMITS:
            sides = [j.certainty.sides[limit] for j in found]
            given = [j for j in found if j.certainty.sides[limit] != "open"]
            both = [{a.certainty.sides[limit], b.certainty.sides[limit]} == {"within", "beyond"} for a, b in pairs]
            cells = [share(s == side for s in sides) for side in ("within", "beyond", "open")]
            cells += [share(j.is_wrong(limit) for j in given), share(both)]
            if limit == "edge":
                cells += [share(j.majority != j.truth["edge"] for j in found)]
                cells += [share(a.majority != b.majority for a, b in pairs)]
            else:
                cells += ["", ""]
            print(f"| {name} | {limit} | {' | '.join(cells)} | {np.mean([j.certainty.n_seeds for j in found]):.1f} |")


def _print_by_margin(every: Mapping[str, Sequence[Pair]]) -> None:
    print("\nAt the edge, by the true margin: unstable / stable / inconclusive\n")
    print(f"| seeds | {' | '.join(f'{low} to {high}' for low, high in MARGINS)} |\n|---|{'---|' * len(MARGINS)}")
    for name, pairs in every.items():
        cells = []
        for low, high in MARGINS:
            sides = [j.certainty.sides["edge"] for pair in pairs for j in pair if low <= j.margin < high]
            cells.append(" / ".join(share(s == side for s in sides) for side in ("within", "beyond", "open")))
        print(f"| {name} | {' | '.join(cells)} |")


def _print_settling(n_workloads: int) -> None:
    """Whether the number of seeds that is said to settle the verdict does."""
    rng = np.random.default_rng(2)
    settled, unknown = [], 0
    for workload in workloads(n_workloads, np.random.default_rng(5)):
        sweep = Sweep(workload, 3, rng)
        found = judged(sweep)
        if found is None or found.certainty.sides["edge"] != "open":
            continue
        n_seeds = found.certainty.seeds_to_settle["edge"]
        if n_seeds is None:
            unknown += 1
            continue
        sweep.add(n_seeds - 3)
        after = judged(sweep)
        settled.append(after is not None and after.certainty.sides["edge"] != "open")
    print(f"\nOpen with 3 seeds: {len(settled)} are told how many would settle it, which {share(settled)} then are;")
    print(f"{unknown} are told that more than {certainty.SETTINGS.most_seeds} would be needed.")


def share(flags: Iterable[bool]) -> str:
    """Percent, or a dash of nothing."""
    values = list(flags)
    return f"{np.mean(values):.1%}" if values else "-"


if __name__ == "__main__":
    main()
