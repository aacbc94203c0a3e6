"""A way of training as its sweep measured it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lrdoctor.core.study import Rate, Study
from lrdoctor.procedures.reach import Outcome, Reach, reach
from lrdoctor.procedures.sweep import best_rate
from lrdoctor.procedures.warmup_comparison import highest_stable

CONFIDENCE = 0.9
"""Of the interval of the unstable rate, and of the highest stable one, as for the figures of a sweep."""

DIGITS = 3
"""Significant digits of a rate between those that were tried."""

PROMISED = 0.25
"""Share of all seeds that may be unstable at a rate that is called stable: with a majority every second run of a user
might break."""


@dataclass(frozen=True)
class Room:
    """How far above a rate training stays stable."""

    margin: float | None
    """Lowest unstable rate over the rate; None when no rate was judged."""
    is_bound: bool = False
    """No unstable rate was found: the margin is that of the highest tried one, and there may be more."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A way of training, measured over its learning rates."""

    study: Study
    """Its sweep."""
    objectives: Mapping[float, Mapping[int, float]]
    """Rate -> seed -> objective, inf for an infeasible seed; failed trials are absent."""
    unstable: Mapping[float, frozenset[int]]
    """Rate -> the seeds that are infeasible or show a rise there."""

    def rate(self, learning_rate: float | None) -> Rate | None:
        """What its trials did at that rate."""
        return next((r for r in self.study.rates if r.base_learning_rate == learning_rate and r.n_judged), None)

    def at(self, learning_rate: float | None) -> Mapping[int, float]:
        """Objectives by seed at that rate."""
        return {} if learning_rate is None else self.objectives.get(learning_rate, {})

    def holds_at(self, learning_rate: float | None) -> bool:
        """A majority of the seeds is stable at that rate."""
        rate = self.rate(learning_rate)
        return rate is not None and not rate.is_unstable

    @property
    def best(self) -> float | None:
        """The swept rate with the best median objective among those up to the highest that is called stable."""
        highest = self.stable_up_to
        if highest is None:
            return None
        rate = best_rate([r for r in self.study.rates if not r.is_unstable and r.base_learning_rate <= highest])
        return rate.base_learning_rate if rate else None

    @cached_property
    def reach(self) -> Reach | None:
        """Where a majority of all seeds becomes unstable, from every trial; None without one."""
        outcomes = [
            Outcome(rate, seed, seed in self.unstable.get(rate, ()), objective)
            for rate, of_seeds in self.objectives.items()
            for seed, objective in of_seeds.items()
        ]
        return reach(outcomes) if outcomes else None

    @property
    def unstable_range(self) -> tuple[float, float] | None:
        """Interval of the rate at which half of all seeds is unstable, from every trial."""
        return None if self.reach is None else self.reach.interval(CONFIDENCE)

    @cached_property
    def stable_up_to(self) -> float | None:
        """The highest rate that may be called stable, tried or between tried ones; None when no tried rate may.

        The fit to all trials says, with the probability `CONFIDENCE`, that at most a quarter of all seeds is unstable
        up to it; and at no tried rate up to it were there more.
        """
        if self.reach is None:
            return None
        limit, found = self.reach.at_most_a_quarter(CONFIDENCE), None
        for rate in sorted(self.objectives):
            # the fit smooths over one bad rate, which whoever trains at it would meet all the same
            is_shaky = len(self.unstable.get(rate, ())) > PROMISED * len(self.objectives[rate])
            # past the limit of the fit, but only beyond a rate that held: below all tried rates the fit is the prior
            # alone
            if found is not None and rate > limit:
                return max(
                    found, float(f"{limit:.{DIGITS - 1}e}")
                )  # the fit knows the rates between two that were tried
            if is_shaky or rate > limit:
                return found
            found = rate
        return found

    @property
    def highest_stable(self) -> float | None:
        """The highest tried rate below every unstable one."""
        return highest_stable(self.study.rates)

    def room(self, learning_rate: float | None) -> Room:
        """The room above a rate."""
        unstable = self.study.unstable_base_learning_rate
        if learning_rate is None:
            return Room(None)
        if unstable is not None:
            return Room(unstable / learning_rate)
        highest = self.highest_stable
        return Room(None) if highest is None else Room(highest / learning_rate, is_bound=True)


@dataclass(frozen=True)
class Evidence:
    """Trials of the same rate and seed without and with a fix."""

    rates: tuple[float, ...] = ()
    n_pairs: int = 0
    n_unstable_without: int = 0
    n_unstable_with: int = 0
    cured: int = 0
    """Unstable without, stable with."""
    broken: int = 0
    """Stable without, unstable with."""

    def with_rate(self, rate: float, before: Measured, after: Measured) -> Evidence:
        """With the seeds of a further rate."""
        # pairs: a seed that was trained on one side only would count as cured or broken by chance
        seeds = before.objectives[rate].keys() & after.objectives[rate].keys()
        without, having = before.unstable[rate] & seeds, after.unstable[rate] & seeds
        return Evidence(
            rates=(*self.rates, rate),
            n_pairs=self.n_pairs + len(seeds),
            n_unstable_without=self.n_unstable_without + len(without),
            n_unstable_with=self.n_unstable_with + len(having),
            cured=self.cured + len(without - having),
            broken=self.broken + len(having - without),
        )
