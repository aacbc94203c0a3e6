"""Rises of the training loss above its own running minimum: the measurement that two rules share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.core import robust
from lrdoctor.core.curve import Curve, Steps, Values


@dataclass(frozen=True)
class Thresholds:
    alpha: float = 0.01
    """Chance, a run, that noise alone is taken for a rise."""
    share: float = 0.25
    """Part of the progress made so far that a rise loses, at least. A quarter of the way from the first loss to the
    best is far beyond what batches of different difficulty do; the rises that the bundled 10-layer network shows
    below its divergent rates lose a third of it and more."""
    floor: float = 0.1
    """Progress is taken to be at least this share of the first loss, so that a run that has not learned anything yet
    does not turn its noise into rises."""
    first_point: float = 2.5
    """Standard deviations of the point-to-point noise that the first loss is given before anything counts as a rise
    above it. On 300 healthy made-up runs with noise in proportion to the loss it halves the false alarms."""
    end: float = 0.1
    """Part of the run, at its end, whose *lowest* block decides whether it recovered."""
    fewest_blocks: int = 3
    """Blocks needed to see a level, a rise and what follows it."""


Marks = npt.NDArray[np.bool_]

THRESHOLDS = Thresholds()

TOO_SHORT = "too few finite points of the training loss to see a rise"


@dataclass(frozen=True)
class Rises:
    """Block medians of a training loss, and how far each lies above the lowest one before it."""

    start: Steps
    """First step of each block."""
    level: Values
    """Block medians, the first loss with an allowance for its noise put before them."""
    height: Values
    """Rise of each above the running minimum, in loss units."""
    lost: Values
    """The same as a share of the progress made until then."""
    noise_limit: float
    """Rise that noise alone reaches with probability alpha, in loss units."""

    @property
    def is_rise(self) -> Marks:
        """For each block whether its rise is beyond noise and loses a large part of the progress."""
        return (self.height > self.noise_limit) & (self.lost > THRESHOLDS.share)

    @property
    def is_above(self) -> Marks:
        """The same at half the noise limit, for a stretch of blocks: one of the two extremes, the highest block
        among many, takes no part when every block of a stretch has to be above."""
        return (self.height > self.noise_limit / 2) & (self.lost > THRESHOLDS.share)

    @property
    def n_end(self) -> int:
        """Blocks at the end that decide whether the run recovered."""
        return max(THRESHOLDS.fewest_blocks, int(THRESHOLDS.end * len(self.level)))

    @property
    def is_recovered(self) -> bool:
        """Whether any block at the end is back below the limits."""
        return not bool(np.all(self.is_above[-self.n_end :]))


def measure(loss: Curve) -> Rises | None:
    """The rises of a training loss; None when it has too few finite points.

    Non-finite points are left out: another rule reports them.
    """
    finite = loss.finite
    length = robust.block_length(len(finite))
    medians = robust.block_medians(finite.value, length)
    if len(medians) < THRESHOLDS.fewest_blocks:
        return None
    first = float(finite.value[0])
    # a single point is noisier than a block: one that happened to be low would make a rise of what follows
    start = first + THRESHOLDS.first_point * robust.noise(finite.value)
    level = np.concatenate([[start], medians])
    lowest = np.minimum.accumulate(level)
    progress = np.maximum(first - lowest, THRESHOLDS.floor * abs(first))
    height = level - lowest
    limit = robust.two_extremes(THRESHOLDS.alpha, len(medians)) * robust.noise(medians)
    with np.errstate(over="ignore"):  # a first loss of almost 0: whatever rises from there has lost everything
        lost = np.divide(height, progress, out=np.zeros_like(height), where=progress > 0)
    return Rises(
        start=np.concatenate([finite.step[:1], finite.step[: len(medians) * length : length]]),
        level=level,
        height=height,
        lost=lost,
        noise_limit=limit,
    )
