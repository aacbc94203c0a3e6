"""A budget while it is spent: what is left of it, and whether further trials fit.

A trial is begun only where it is expected to end within the budget, and none is ended for its sake: what was begun is
worth its result. Steps are certain, as no trial runs more than its full length. Time is an estimate from the trials
that ran already; where the estimate is too short the last of them end late.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from lrdoctor.core.budget import Budget
from lrdoctor.core.sections import Spending
from lrdoctor.core.trial import Trial
from lrdoctor.reports.numbers import duration

Clock = Callable[[], float]

FORWARD = 1 / 3
"""Cost of a step of a control in steps: it takes the forward pass alone, of which a backward pass costs about twice."""

SLOWER = 1.25
"""How much longer trials are reckoned than those so far took: with as many slower as faster ones, the mean alone would
be exceeded half of the time, and two trials on one machine differ by a tenth or two."""

KEPT = 0.5
"""Largest share of what is left that the search for a fix leaves to its confirmation: where both do not fit, a fix
that is found and unconfirmed is as far from a prescription as none, and the next call goes on with either."""


@dataclass
class Allowance:
    """What is left of a budget."""

    budget: Budget
    clock: Clock = time.monotonic
    kept: float = 0.0
    """Part of what is left that further trials may not take, in the budget's unit."""
    left_out: list[str] = field(default_factory=list)
    """What it did not reach for, a sentence each."""
    steps: int = 0
    """Spent so far, those of controls among them."""
    _trained: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Steps and seconds of trials; those of controls are the next ones."""
    _passed: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def __post_init__(self) -> None:
        self._began = self.clock()

    @property
    def is_timed(self) -> bool:
        return self.budget.unit == "seconds"

    @property
    def spent(self) -> float:
        """In the budget's unit; time runs from the opening of the study folder."""
        return self.clock() - self._began if self.is_timed else self.steps

    @property
    def left(self) -> float:
        """What further trials may take."""
        return max(0.0, self.budget.amount - self.spent - self.kept)

    def learn(self, trial: Trial, steps: int, seconds: float) -> None:
        """Takes a trial or control that ended, perhaps in an earlier call, for the estimate of others."""
        told = self._passed if trial.control else self._trained
        told[0] += steps
        told[1] += seconds

    def pay(self, trial: Trial, steps: int, seconds: float) -> None:
        """Takes a trial or control that this call ran."""
        self.steps += steps
        self.learn(trial, steps, seconds)

    @property
    def is_known(self) -> bool:
        """Whether anything tells what trials take."""
        return not self.is_timed or self.seconds_per_step is not None

    @property
    def seconds_per_step(self) -> float | None:
        """Of training, from the trials so far, else from the controls; None while nothing ran."""
        for (steps, seconds), share in ((self._trained, 1.0), (self._passed, FORWARD)):
            if steps:
                return seconds / steps / share
        return None

    def cost(self, trials: Iterable[Trial], jobs: int) -> float | None:
        """What the trials and controls take at most, in the budget's unit; None where no trial tells yet.

        Args:
            trials: in their order.
            jobs: how many run side by side.
        """
        if not self.is_timed:
            return float(sum(trial.n_steps for trial in trials))
        pace = self.seconds_per_step
        if pace is None:
            return None
        free = [0.0] * jobs
        for trial in trials:
            seconds = SLOWER * pace * trial.n_steps * (FORWARD if trial.control else 1.0)
            heapq.heapreplace(free, free[0] + seconds)
        return max(free)

    def reaches(self, trials: Sequence[Trial], jobs: int) -> bool:
        """Whether the trials and controls fit into what is left. What nothing tells of is begun, while time is left."""
        if not trials:
            return True
        cost = self.cost(trials, jobs)
        return self.left > 0 if cost is None else cost <= self.left

    def keep_for(self, trials: Sequence[Trial], jobs: int) -> None:
        """Keeps what these trials may take, up to a share of what is left, from any others."""
        self.kept = 0.0
        self.kept = min(self.cost(trials, jobs) or 0.0, KEPT * self.left)

    def told(self, amount: float) -> str:
        """An amount of the budget in words."""
        return duration(amount) if self.is_timed else f"{amount:,.0f} steps"

    def why_not(self, trials: Sequence[Trial], jobs: int) -> str:
        """Why these trials are not begun."""
        cost = self.cost(trials, jobs)
        takes = "" if cost is None else f"may take {self.told(cost)}, and "
        kept = f" beside the {self.told(self.kept)} kept for the fresh seeds of what is found" if self.kept else ""
        return f"{takes}--budget {self.budget.given} leaves {self.told(self.left)}{kept}"

    @property
    def section(self) -> Spending:
        """For the report."""
        return Spending(
            given=self.budget.given,
            unit=self.budget.unit,
            limit=self.budget.amount,
            spent=self.spent,
            left_out=tuple(dict.fromkeys(self.left_out)),
        )
