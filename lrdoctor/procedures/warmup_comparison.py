"""The warmup put before the baseline schedule, compared with the baseline: pure measures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run
from lrdoctor.core.study import Objective, Rate, Study
from lrdoctor.procedures.comparison import Paired, compare
from lrdoctor.procedures.confirmation import Claim, Confirmation
from lrdoctor.procedures.sweep import SWEPT, best_rate, objective_of
from lrdoctor.procedures.warmup import Settings, WarmupAttempt


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Best checkpoints with the warmup against those of the baseline at lr*, paired by seed."""

    base_learning_rate: float
    """Rate with the best median objective among those that hold with the warmup."""
    baseline: Mapping[int, float]
    """Seed -> objective of the baseline at lr*, inf for an infeasible one."""
    warmed: Mapping[int, float]
    """Seed -> objective with the warmup, for the same seeds."""

    @property
    def before(self) -> float:
        """Median objective of the baseline."""
        return median(self.baseline.values())

    @property
    def after(self) -> float:
        """Median objective with the warmup."""
        return median(self.warmed.values())

    @property
    def paired(self) -> Paired:
        """First the baseline, second the warmup."""
        return compare(self.baseline, self.warmed)


@dataclass(frozen=True, kw_only=True)
class Held:
    """A warmup that made a rate trainable."""

    base_learning_rate: float
    """The highest one that it held at."""
    warmup_steps: int
    """Of several warmups that held there the shortest."""


@dataclass(frozen=True, kw_only=True)
class WarmupFound:
    """Everything that the warmup procedure found."""

    settings: Settings
    tried: tuple[WarmupAttempt, ...]
    """In the order in which they were tried."""
    held: Held | None = None
    """What held in the search; None when no warmup did."""
    stable_without: float | None = None
    """The highest rate of the sweep, or of the comparison, below every unstable one; None when none is known."""
    without: tuple[Rate, ...] = ()
    """The baseline at the compared rates, ascending."""
    warmed: tuple[Rate, ...] = ()
    """The same rates with the warmup before the schedule."""
    comparison: Comparison | None = None
    """None when there is nothing to compare."""
    objective: Objective = "best_val_loss"
    """What the compared rates were measured by."""
    runs: tuple[Run, ...] = ()
    """Every trial beyond those of the sweep."""
    findings: tuple[Finding, ...] = ()
    """Of these runs."""
    skipped: tuple[Skip, ...] = ()
    """What could not be checked of them."""
    confirmation: Confirmation | None = None
    """What fresh seeds say of it; None where they were not asked."""

    def claim(self, risen: Held, best: float | None) -> Claim:
        """What fresh seeds are asked, of a warmup that raises the highest stable rate.

        Args:
            risen: the rate that it makes trainable in whole runs.
            best: lr*.
        """
        reach = risen.base_learning_rate
        use = reach if self.comparison is None else min(self.comparison.base_learning_rate, reach)
        return Claim(
            base_learning_rate=use,
            reach=reach,
            baseline_learning_rate=best,
            baseline_use=use if use not in (best, reach) else None,
            baseline_reach=reach,
            gains=self.comparison is not None and self.comparison.paired.change == "gain",
            widens=True,
        )

    @property
    def stable_with(self) -> float | None:
        """The highest compared rate below every one that is unstable with the warmup."""
        return highest_stable(self.warmed)

    @property
    def is_beyond_the_edge(self) -> bool:
        """The rate reached lies above the unstable one by more than the factor up to which that one is known."""
        edge = self.settings.resolution * self.settings.unstable_base_learning_rate
        return self.stable_with is not None and self.stable_with >= edge

    @property
    def risen(self) -> Held | None:
        """The rate beyond the edge that the warmup made trainable, in whole runs, and that is not trainable without it;
        None where it made none."""
        reached = self.stable_with
        if self.held is None or reached is None or not self.is_beyond_the_edge:
            return None
        if not any(r.is_unstable for r in self.without if r.base_learning_rate == reached):
            return None
        return Held(base_learning_rate=reached, warmup_steps=self.held.warmup_steps)


def highest_stable(rates: Iterable[Rate]) -> float | None:
    """The highest of the rates below every unstable one; rates that could not be judged are passed over."""
    stable = None
    for rate in sorted(rates, key=lambda rate: rate.base_learning_rate):
        if rate.n_judged and rate.is_unstable:
            break
        if rate.n_judged and 2 * rate.n_unstable < rate.n_judged:
            stable = rate.base_learning_rate
    return stable


def rates_to_compare(
    study: Study, best: float, unstable: float, grid: Iterable[float], base_learning_rate: float
) -> tuple[float, ...]:
    """lr*, the sweep's own rates above it, the unstable rate and the base rate, up to the base rate.

    Args:
        study: the sweep.
        best: lr*.
        unstable: the lowest unstable rate.
        grid: the spec's rates, for a study whose sweep was not run.
        base_learning_rate: the highest of them.
    """
    # with lr* given the sweep did not run, and the spec's own grid stands in
    swept = [r.base_learning_rate for r in study.rates if r.stage in SWEPT] or list(grid)
    below = {rate for rate in (*swept, unstable) if best < rate < base_learning_rate}
    return tuple(sorted({best, base_learning_rate} | below))


def at_best_rate(
    best: float, without: Sequence[Run], warmed: Sequence[Run], rates: Sequence[Rate], infeasible: set[str],
    objective: Objective,
) -> Comparison | None:  # fmt: skip
    """The comparison at the rate that is best with the warmup; None when no seed has both trials, or none holds.

    Args:
        best: lr*.
        without: baseline trials, at any rate.
        warmed: trials with the warmup, at any rate.
        rates: the latter's rates, summarized.
        infeasible: names of runs with an instability of severity error.
        objective: what is minimized.
    """
    # each at its own best rate: a warmup is there to make a higher one usable
    chosen = best_rate([rate for rate in rates if not rate.is_unstable])
    if chosen is None:
        return None
    before = _by_seed(without, best, infeasible, objective)
    after = _by_seed(warmed, chosen.base_learning_rate, infeasible, objective)
    # the same seeds on both sides, or an easy one would count as a gain
    seeds = [seed for seed in before if seed in after]
    if not seeds:
        return None
    return Comparison(
        base_learning_rate=chosen.base_learning_rate,
        baseline={seed: before[seed] for seed in seeds},
        warmed={seed: after[seed] for seed in seeds},
    )


def _by_seed(runs: Iterable[Run], rate: float, infeasible: set[str], objective: Objective) -> dict[int, float]:
    return {
        run.trial.seed: math.inf if run.name in infeasible else objective_of(run, objective)
        for run in runs
        if run.trial is not None and run.trial.base_learning_rate == rate and run.status != "failed"
    }
