"""What the figures of a sweep may be over the seeds that one might have taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Side = Literal["within", "beyond", "open"]
"""Where the stability margin lies against a limit: within it, beyond it, or it cannot be told from these seeds."""

Interval = tuple[float, float | None]
"""Lower and upper end; None where there is no upper one, since no instability was found."""


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """How far the figures of a sweep would move with other seeds."""

    n_seeds: int
    confidence: float
    """Of the intervals: half of what is missing to 1 lies on either side."""
    best_learning_rate: Interval | None
    """None, as the three below, with one seed: it shows nothing of how seeds differ."""
    unstable_base_learning_rate: Interval | None
    """Of the rate at which half of all seeds is unstable."""
    stability_margin: Interval | None
    """Of the one over the other."""
    stable_in_3_of_4: float | None
    """The rate up to which at most one of four seeds is unstable, with the probability `confidence`; no higher than
    the highest rate tried."""
    chances: Mapping[str, float] = field(default_factory=dict)
    """How likely the margin lies within a limit, by the limit's name."""
    sides: Mapping[str, Side] = field(default_factory=dict)
    """Where it lies, by the limit's name."""
    seeds_to_settle: Mapping[str, int | None] = field(default_factory=dict)
    """Seeds that would settle an open side, by the limit's name; None: more than are worth naming."""
