"""How often does `treat` verify a fix that does nothing? Made-up studies whose "fix" changes nothing but the luck.

Every trial is drawn anew, with and without the placebo, from the same world: a chance of instability that rises with
the learning rate over `width` decades about the edge, and a best loss with noise about a flat optimum. The planners,
the measures and the verdicts are those of the program.

    python -m benchmarks.placebo [--studies 2000]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from lrdoctor.core.study import Rate, Stage, Study
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures.measured import Measured
from lrdoctor.procedures.treatment import Settings, Treatment, ladder
from lrdoctor.procedures.treatment_results import Tried, prescribed

GRID = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
EDGE = 0.05
"""Half of the trials are unstable here."""
INFEASIBLE = 0.5
"""Share of the unstable trials that are infeasible; the others rise and come back."""


class World:
    """Draws trials."""

    def __init__(self, width: float, noise: float, n_seeds: int, rng: np.random.Generator, edge: float = EDGE) -> None:
        self.width, self.noise, self.n_seeds, self.rng, self.edge = width, noise, n_seeds, rng, edge

    def sweep(self, grid: Sequence[float]) -> Measured:
        """A sweep by the program's planner."""
        found = Measured(study=Study(name="placebo", runs=()), objectives={}, unstable={})
        while (plan := sweeps.next_plan(sweeps.Settings(tuple(grid)), found.study.rates)) is not None:
            for rate in plan.rates:
                found = self.with_rate(found, rate, plan.stage)
        return found

    def with_rate(self, found: Measured, rate: float, stage: Stage) -> Measured:
        """One more rate, tried over the seeds."""
        chance = 1 / (1 + math.exp(-math.log10(rate / self.edge) / self.width * 4))
        shaky = self.rng.random(self.n_seeds) < chance
        dead = shaky & (self.rng.random(self.n_seeds) < INFEASIBLE)
        loss = (0.1 + 0.1 * math.log10(rate / 0.02) ** 2) * np.exp(self.rng.normal(0, self.noise, self.n_seeds))
        values = [math.inf if d else float(v) for d, v in zip(dead, loss, strict=True)]
        row = Rate(
            base_learning_rate=rate,
            stage=stage,
            n_judged=self.n_seeds,
            n_feasible=int((~dead).sum()),
            n_unstable=int(shaky.sum()),
            objective=median(values),
            objective_low=min(values),
            objective_high=max(values),
            final_loss=median(values),
        )
        rates = tuple(sorted((*found.study.rates, row), key=lambda r: r.base_learning_rate))
        return Measured(
            study=sweeps.measure(replace(found.study, rates=rates)),
            objectives={**found.objectives, rate: dict(enumerate(values))},
            unstable={**found.unstable, rate: frozenset(np.flatnonzero(shaky).tolist())},
        )


def treat(world: World, n_fixes: int, cured: World | None = None) -> list[Tried] | None:
    """So many placebos in one study, or fixes that lead into the world `cured`; None where no fix is called for."""
    before, limits = world.sweep(GRID), Settings()
    best, unstable = before.study.best_learning_rate, before.study.unstable_base_learning_rate
    if best is None or unstable is None or unstable / best > limits.needed_up_to:
        return None
    tried = []
    for _ in range(n_fixes):
        after = (cured or world).sweep(ladder(before.study, limits))
        known, high = before, after.highest_stable or 0.0
        for rate in after.study.rates:
            if unstable <= rate.base_learning_rate <= high and rate.base_learning_rate not in known.objectives:
                known = world.with_rate(known, rate.base_learning_rate, "check")
        known = replace(
            known, study=replace(known.study, best_learning_rate=best, unstable_base_learning_rate=unstable)
        )
        tried.append(Tried(name="placebo", treatment=Treatment(warmup_steps=1), before=known, after=after))
    return tried


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=500)
    n_studies = parser.parse_args().studies
    print("| seeds | edge over, decades | noise of the loss | needed | verified | of it by a gain | prescribed, of 3 |")
    print("|---|---|---|---|---|---|---|")
    for n_seeds in (3, 5, 10):
        for width in (0.1, 0.3, 1.0):
            for noise in (0.05, 0.2):
                rng = np.random.default_rng(1)
                world = World(width, noise, n_seeds, rng)
                studies = [s for s in (treat(world, 3) for _ in range(n_studies)) if s is not None]
                first = [s[0] for s in studies]
                verified = [t for t in first if t.status == "verified"]
                gains = sum(not t.cures for t in verified)
                any_of = sum(prescribed(s) is not None for s in studies)
                n = max(1, len(studies))
                print(
                    f"| {n_seeds} | {width:g} | {noise:g} | {len(studies) / n_studies:.0%} | {len(verified) / n:.1%} "
                    f"| {gains / n:.1%} | {any_of / n:.1%} |"
                )


if __name__ == "__main__":
    main()
