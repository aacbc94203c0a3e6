"""How often does `treat` prescribe a fix that does nothing, and how often does it find one that does something?

Made-up studies. Every trial is drawn anew, with and without the fix, from a workload: a chance of instability that
rises with the learning rate over `width` decades about the edge, and a best loss with noise about a flat optimum. A
placebo leaves the workload as it is: what differs is the luck. A real fix moves the edge up, or lowers the loss. In the
mirror one real fix stands among placebos, which compete with it. The planners, the measures, the search and the
confirmation on fresh seeds are those of the program.

    python -m benchmarks.placebo [--studies 500]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from lrdoctor.core.study import Rate, Stage, Study
from lrdoctor.procedures import confirmation
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures.confirmation import Confirmation, Fresh, Outcome
from lrdoctor.procedures.measured import Measured
from lrdoctor.procedures.treatment import Settings, Treatment, ladder
from lrdoctor.procedures.treatment_results import Swept, prescribed, to_confirm

GRID = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
EDGE = 0.05
"""Half of the trials are unstable here."""
INFEASIBLE = 0.5
"""Share of the unstable trials that are infeasible; the others rise and come back."""


FIXES = 8
"""Fixes that are tried in a study, the settings of one fix counted: warmup, three thresholds, both together, another
optimizer, two changes of the model."""


@dataclass
class SimulatedWorkload:
    """Draws trials."""

    width: float
    """Decades over which instability sets in."""
    noise: float
    """Standard deviation of the logarithm of the loss."""
    n_seeds: int
    rng: np.random.Generator
    edge: float = EDGE
    loss: float = 0.1
    """Best loss in the middle, at a rate of 0.02."""

    def sweep(self, grid: Sequence[float]) -> Measured:
        """A sweep by the program's planner."""
        found = Measured(study=Study(name="placebo", runs=()), objectives={}, unstable={})
        while (plan := sweeps.next_plan(sweeps.Settings(tuple(grid)), found.study.rates)) is not None:
            for rate in plan.rates:
                found = self.with_rate(found, rate, plan.stage)
        return found

    def draw(self, rate: float, n: int) -> list[Outcome]:
        """Trials of so many seeds."""
        chance = 1 / (1 + math.exp(-math.log10(rate / self.edge) / self.width * 4))
        shaky = self.rng.random(n) < chance
        dead = shaky & (self.rng.random(n) < INFEASIBLE)
        loss = (self.loss + 0.1 * math.log10(rate / 0.02) ** 2) * np.exp(self.rng.normal(0, self.noise, n))
        return [Outcome(math.inf if d else float(v), bool(s)) for d, v, s in zip(dead, loss, shaky, strict=True)]

    def with_rate(self, found: Measured, rate: float, stage: Stage) -> Measured:
        """One more rate, tried over the seeds."""
        drawn = self.draw(rate, self.n_seeds)
        values = [outcome.objective for outcome in drawn]
        shaky = frozenset(seed for seed, outcome in enumerate(drawn) if outcome.is_unstable)
        row = Rate(
            base_learning_rate=rate,
            stage=stage,
            n_judged=self.n_seeds,
            n_feasible=sum(map(math.isfinite, values)),
            n_unstable=len(shaky),
            objective=median(values),
            objective_low=min(values),
            objective_high=max(values),
            final_loss=median(values),
        )
        rates = tuple(sorted((*found.study.rates, row), key=lambda r: r.base_learning_rate))
        return Measured(
            study=sweeps.measure(replace(found.study, rates=rates)),
            objectives={**found.objectives, rate: dict(enumerate(values))},
            unstable={**found.unstable, rate: shaky},
        )


def treat(workload: SimulatedWorkload, fixed: Sequence[SimulatedWorkload]) -> list[Swept] | None:
    """A study in which every fix leads into a workload of its own; None where no fix is called for."""
    before, limits = workload.sweep(GRID), Settings()
    best, unstable = before.study.best_learning_rate, before.study.unstable_base_learning_rate
    if best is None or unstable is None or unstable / best > limits.needed_up_to:
        return None
    tried: list[Swept] = []
    asked, workloads = confirmation.Settings(), dict[str, SimulatedWorkload]()
    for number, of_fix in enumerate(fixed):
        after = of_fix.sweep(ladder(before.study, best, limits))
        known, high = before, after.stable_up_to or 0.0
        for rate in after.study.rates:
            if unstable <= rate.base_learning_rate <= high and rate.base_learning_rate not in known.objectives:
                known = workload.with_rate(known, rate.base_learning_rate, "check")
        study = replace(known.study, best_learning_rate=best, unstable_base_learning_rate=unstable)
        name = f"fix {number}"
        workloads[name] = of_fix
        found = Swept(name=name, treatment=Treatment(warmup_steps=1), before=replace(known, study=study), after=after)
        n_confirmed = sum(t.confirmation is not None for t in tried)
        if found.promises_target and n_confirmed < asked.most_fixes:
            found = confirmed(found, workload, of_fix)
        tried.append(found)
        if found.reaches_target:
            return tried
    while (chosen := to_confirm(tried, asked.most_fixes)) is not None:
        tried[tried.index(chosen)] = confirmed(chosen, workload, workloads[chosen.name])
    return tried


def confirmed(tried: Swept, workload: SimulatedWorkload, of_fix: SimulatedWorkload) -> Swept:
    """The fix on fresh seeds."""
    claim = tried.claim
    assert claim is not None  # a fix without a promise is not confirmed
    found = Confirmation(claim=claim, n_seeds=confirmation.Settings().n_seeds(workload.n_seeds))
    assert claim.baseline_learning_rate is not None
    while not found.is_settled:
        seed = Fresh(
            seed=1000 + len(found.fresh),
            use=of_fix.draw(claim.base_learning_rate, 1)[0],
            reach=of_fix.draw(claim.reach, 1)[0],
            baseline=workload.draw(claim.baseline_learning_rate, 1)[0],
            baseline_use=None if claim.baseline_use is None else workload.draw(claim.baseline_use, 1)[0],
            baseline_reach=workload.draw(claim.baseline_reach, 1)[0],
        )
        found = replace(found, fresh=(*found.fresh, seed))
    return replace(tried, confirmation=found)


REAL = (("edge x 2", 2.0, 1.0), ("edge x 4", 4.0, 1.0), ("loss x 0.9", 1.0, 0.9), ("loss x 0.7", 1.0, 0.7))
"""Real fixes: their name, by what they multiply the edge and the loss."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=500)
    n_studies = parser.parse_args().studies
    real = " | ".join(name for name, _, _ in REAL)
    print(f"prescribed: one of {FIXES} placebos; or the real one that stands among {FIXES - 1} placebos\n")
    print(f"| seeds | edge over, decades | noise of the loss | needed | a promise | prescribed | {real} |")
    print("|---|---|---|---|---|---|" + "---|" * len(REAL))
    for n_seeds in (3, 5, 10):
        for width in (0.1, 0.3, 1.0):
            for noise in (0.05, 0.2):
                print(_row(n_seeds, width, noise, n_studies), flush=True)


def _row(n_seeds: int, width: float, noise: float, n_studies: int) -> str:
    rng = np.random.default_rng(1)
    workload = SimulatedWorkload(width, noise, n_seeds, rng)
    studies = [s for s in (treat(workload, [workload] * FIXES) for _ in range(n_studies)) if s is not None]
    n = max(1, len(studies))
    promised = sum(any(t.promises for t in s) for s in studies) / n
    wrong = sum(prescribed(s) is not None for s in studies) / n
    found = []
    for _, edge, loss in REAL:
        fix = replace(workload, edge=workload.edge * edge, loss=workload.loss * loss)
        which = rng.integers(FIXES, size=n_studies // 4)
        tried = [treat(workload, [fix if i == k else workload for i in range(FIXES)]) for k in which]
        needed = [(k, s) for k, s in zip(which, tried, strict=True) if s is not None]
        right = sum((p := prescribed(s)) is not None and p.fix.name == f"fix {k}" for k, s in needed)
        found.append(f"{right / max(1, len(needed)):.0%}")
    return (
        f"| {n_seeds} | {width:g} | {noise:g} | {n / n_studies:.0%} | {promised:.1%} | {wrong:.1%} "
        f"| {' | '.join(found)} |"
    )


if __name__ == "__main__":
    main()
