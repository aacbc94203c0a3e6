"""A study: runs that belong together, and what was measured over them.

A sweep is a study of many trials; a log that somebody else made is a study of one run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from lrdoctor.core.architecture import Architecture
from lrdoctor.core.certainty import Certainty, range_text
from lrdoctor.core.run import Run

Stage = Literal["grid", "extension", "check", "refinement"]
"""Why a learning rate was tried: the swept grid, its own extension, the 5x and 10x checks, or locating the
unstable rate. The best learning rate is chosen among the first two."""

Objective = Literal["best_val_loss", "best_train_loss"]


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What the trials at one base learning rate did, over the seeds."""

    ALSO: ClassVar[Mapping[str, str]] = {"feasible": "is_feasible", "unstable": "is_unstable"}
    """Further keys of its plain form (`core.plain`)."""

    base_learning_rate: float
    stage: Stage
    n_judged: int
    """Seeds whose trial ran; failed trials are no evidence and are not counted."""
    n_feasible: int
    """Seeds without an instability of severity error."""
    n_unstable: int
    """Seeds that are infeasible or whose training loss shows a rise."""
    objective: float
    """Median over the judged seeds, an infeasible seed counting as inf; nan when none was judged."""
    objective_low: float
    """Lowest objective of a seed."""
    objective_high: float
    """Highest objective of a seed, inf when a seed is infeasible."""
    final_loss: float
    """Median over the judged seeds of the last validation (else training) loss; a seed that ended
    non-finite counts with its loss at initialization."""
    n_learned: int | None = None
    """Seeds that end below what the untrained weights and the best constant prediction lose; None where nobody can
    tell."""
    events: Mapping[str, int] = field(default_factory=dict)
    """Seeds by what was found, name of the rule -> count."""
    n_failed: int = 0
    """Seeds whose trial failed."""

    @property
    def n_tried(self) -> int:
        """Seeds whose trial ended, failed ones included."""
        return self.n_judged + self.n_failed

    @property
    def is_feasible(self) -> bool:
        """A majority of the judged seeds is feasible."""
        return 2 * self.n_feasible > self.n_judged

    @property
    def is_unstable(self) -> bool:
        """A majority of the judged seeds is infeasible or shows a rise."""
        return 2 * self.n_unstable > self.n_judged


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why a sweep says nothing about the learning rate."""

    kind: Literal["unlike_trials", "not_the_rate", "no_effect", "nothing_learned", "not_minimized"]
    reason: str
    """With the figures that show it."""
    advice: str
    """What to look at."""

    @property
    def is_final(self) -> bool:
        """Whether the first trials show it for good, and more of them are a waste."""
        return self.kind == "not_minimized"


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Where a budget ended a sweep."""

    stage: Stage | None
    """Why the first trials that were left out were asked for; None for further seeds of rates that were tried."""
    left_out: str
    """These trials, in words."""

    @property
    def may_move_best(self) -> bool:
        """Whether what was left out may change lr*, or what a majority of seeds does at a rate."""
        return self.stage not in ("check", "refinement")


@dataclass(frozen=True, kw_only=True)
class Study:
    """Runs, and the figures of the sweep when they come from one."""

    name: str
    runs: tuple[Run, ...]
    spec: Mapping[str, Any] | None = None
    """The resolved spec; None for logs."""
    objective: Objective = "best_val_loss"
    rates: tuple[Rate, ...] = ()
    """By base learning rate, ascending."""
    best_learning_rate: float | None = None
    """lr*: the swept rate with the best median objective among the feasible."""
    unstable_base_learning_rate: float | None = None
    """The lowest rate at which a majority of seeds is infeasible or shows a rise."""
    loss_at_init: float | None = None
    """Median over seeds of the training loss before the first update."""
    lr_sensitivity: float | None = None
    """Mean over the swept rates of min(loss, loss at init) - best loss (Wortsman et al. 2023)."""
    certainty: Certainty | None = None
    """How far lr*, the unstable rate and the margin would move with other seeds; None where no trials of one sweep show
    both, or where they are the user's."""
    alpha: float = 0.01
    """False-alarm budget of a run: the share of healthy runs that the rules may take for unstable."""
    notes: tuple[str, ...] = ()
    """What the procedure did of its own accord, such as extending the grid."""
    obstacle: Obstacle | None = None
    """Why nothing can be said of the learning rate, so that there is no lr*; None where something can."""
    cut: Cut | None = None
    """Where a budget ended the sweep; None where it was done."""
    controls: tuple[Run, ...] = ()
    """The untrained weights on the batches of each seed, one run a seed; nothing is updated in them."""
    architecture: Architecture | None = None
    """What the model is made of; None where nobody looked."""

    @property
    def is_swept(self) -> bool:
        """Whether rates were swept; they were not where lr* and the unstable rate were given, checked or not."""
        return any(r.stage in ("grid", "extension") for r in self.rates)

    @property
    def best_in_words(self) -> str:
        """lr* as the subject of a sentence, which says so where no sweep chose it; only for a study that has one."""
        assert self.best_learning_rate is not None
        return f"the best learning rate {self.best_learning_rate:.4g}{'' if self.is_swept else ', as given,'}"

    @property
    def stability_margin(self) -> float | None:
        """unstable_base_learning_rate / best_learning_rate, 1 where lr* lies among unstable rates; None when either is
        unknown."""
        if self.best_learning_rate is None or self.unstable_base_learning_rate is None:
            return None
        return max(1.0, self.unstable_base_learning_rate / self.best_learning_rate)

    @property
    def margin_range(self) -> str:
        """What the margin may be with other seeds, in brackets behind it; empty where that is not known."""
        known = self.certainty
        if known is None or known.stability_margin is None:
            return ""
        return f" ({range_text(known.stability_margin, known.confidence, lambda margin: f'{margin:.3g}x')})"

    @property
    def stable_up_to(self) -> float | None:
        """The highest rate tried below every unstable one, as a multiple of lr*."""
        if self.best_learning_rate is None:
            return None
        limit = self.unstable_base_learning_rate or float("inf")
        below = [r.base_learning_rate for r in self.rates if r.n_judged and r.base_learning_rate < limit]
        return max(below) / self.best_learning_rate if below else None
