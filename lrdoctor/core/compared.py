"""Two or more studies held against each other: what `lrdoctor compare` prints, and its compare.json.

The JSON document is the plain form of these values (`core.plain`), and its schema is made of them: the text under a
field is its description there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lrdoctor.core.certainty import Interval
from lrdoctor.core.report import Verdict
from lrdoctor.core.study import Objective, Rate

Outcome = Literal["worse", "mixed", "inconclusive", "no_difference", "better"]
"""worse, better: of the second, by more than its interval. mixed: one of its figures is worse and another better.
no_difference: the interval holds none. inconclusive: it cannot be told, and the reason says why. The worst first, as a
comparison of several comes out."""


@dataclass(frozen=True, kw_only=True)
class SeedObjective:
    """The objective of one seed at lr*."""

    seed: int
    objective: float
    """Infinity where the seed is infeasible there."""


@dataclass(frozen=True, kw_only=True)
class ComparedStudy:
    """One of the studies."""

    name: str
    source: str
    """The study folder."""
    warmup_steps: int | None
    """Where the folder is one of `lrdoctor warmup`: the warmup that was put before its training; else null."""
    verdict: Verdict
    """Of the study by itself."""
    objective: Objective
    n_seeds: int
    best_learning_rate: float | None
    unstable_base_learning_rate: float | None
    stability_margin: float | None
    stability_margin_interval: Interval | None
    """What the margin may be over all seeds; null with one seed, and where only some rates were tried. No upper end
    where no instability was found."""
    stable_up_to: float | None
    """The highest rate tried below every unstable one, as a multiple of lr*."""
    lr_sensitivity: float | None
    best_objective: float | None
    """Median over the seeds at lr*."""
    objectives: tuple[SeedObjective, ...]
    """Of each seed at lr*."""
    rates: tuple[Rate, ...]
    incomplete: tuple[str, ...]
    """Why something of the study cannot be compared; empty for nothing."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One figure of two studies."""

    outcome: Outcome
    first: float | None
    second: float | None
    change: float | None
    """Of an objective, by how much the second lies above the first; of a margin, the second as a multiple of the
    first."""
    low: float | None
    """Lower end of the interval of the change."""
    high: float | None
    """Its upper end; null where it has none."""
    words: str
    """The outcome in a sentence, or why there is none."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A study against the first one."""

    first: str
    second: str
    outcome: Outcome
    """worse where the objective or the margin is, mixed where the other one is better; better where one is and the
    other can be told and is not worse."""
    objective: Compared
    stability_margin: Compared
    notes: tuple[str, ...]
    """What a reader should know about how far the two can be compared."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A key of the spec that is not the same in all studies."""

    key: str
    values: tuple[str, ...]
    """One a study, anything but text as JSON; empty where the spec does not set it."""


@dataclass(frozen=True, kw_only=True)
class StudyComparison:
    """Everything that every format shows."""

    outcome: Outcome
    """The worst of the pairs."""
    summary: str
    confidence: float
    """How often the intervals hold the figure of all seeds."""
    model: str
    """What the intervals assume."""
    studies: tuple[ComparedStudy, ...]
    pairs: tuple[Pair, ...]
    """Each further study against the first."""
    differences: tuple[Difference, ...]
    figures: tuple[str, ...] = ()
    """Paths relative to the comparison's folder."""
    missing: tuple[str, ...] = ()
    """Figures that could not be drawn, and why."""
