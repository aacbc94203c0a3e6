"""What the figures of a sweep may be over the seeds that one might have taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Side = Literal["within", "beyond", "open"]
"""Where the stability margin lies against a limit: within it, beyond it, or it cannot be told from these seeds."""

Interval = tuple[float, float | None]
"""Lower and upper end; None where there is no upper one, since no instability was found."""


def range_text(interval: Interval, confidence: float, write: Callable[[float], str]) -> str:
    """An interval in words.

    >>> range_text((1.56, 5.912), 0.9, "{:.3g}x".format), range_text((50.0, None), 0.9, "{:.3g}x".format)
    ('90 %: 1.56x to 5.91x', '90 %: 50x or more')
    >>> range_text((0.05, 0.05), 0.9, str)
    '90 %: the same'

    Args:
        interval: lower and upper end.
        confidence: how often an interval made like this holds the true value.
        write: the words for one end.
    """
    low, high = interval
    if high is None:
        ends = f"{write(low)} or more"
    else:
        ends = "the same" if write(low) == write(high) else f"{write(low)} to {write(high)}"
    return f"{confidence:.0%}: {ends}".replace("%", " %")


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
    typical_spread: float
    """Factor by which the unstable rates of two seeds typically lie apart: all that is known with one seed."""
    chances: Mapping[str, float] = field(default_factory=dict)
    """How likely the margin lies within a limit, by the limit's name."""
    sides: Mapping[str, Side] = field(default_factory=dict)
    """Where it lies, by the limit's name."""
    seeds_to_settle: Mapping[str, int | None] = field(default_factory=dict)
    """Seeds that would settle an open side, by the limit's name; None: more than are worth naming."""
