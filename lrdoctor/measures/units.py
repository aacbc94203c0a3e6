"""The scale on which rises of a loss are measured.

A positive loss is read as log(loss + floor), where the floor is a small share of the level at which the training
began. Far above the floor a rise is a ratio, whatever the unit of the loss and however many points are logged; near it
a rise from almost nothing to almost nothing is small, as it is for who waits for the training. A loss that reaches 0 or
is negative has no ratios: there a rise is a share of the progress that was made.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.curve import Values
from lrdoctor.core.robust import median
from lrdoctor.measures import noise

TWICE = 1.95
"""Factors from here on are told as such: 100 % in two digits is 2-fold."""
VERY_LONG = 100_000
"""Points of a curve from which a coarse block is a median of medians: sorting a million points at fifteen scales would
take longer than reading them."""
LARGEST = 1e150
"""A loss, or a y, beyond this counts as this: squares of larger ones overflow."""


@dataclass(frozen=True)
class Thresholds:
    first_points: int = 3
    """Points at the start whose median stands for the first loss: a single one may be odd."""
    floor: float = 0.01
    """Share of the level of the first tenth of the log that is added to the loss before its logarithm is taken: of a
    loss that fell to a hundredth the batch decides as much as the model."""
    start: float = 0.1
    """Part of the log whose median is that level: a single wild first loss does not move it."""
    round_off: float = 1e-9
    """Of the largest loss: what is smaller than that is no progress, and as a unit it would make rises overflow."""
    noises: float = 10.0
    """A loss that reaches 0 or below has made progress when it fell by this many standard deviations."""


THRESHOLDS = Thresholds()


@dataclass(frozen=True, eq=False)
class Units:
    """A loss as y: the logarithm of it and the floor, or its share of the progress made."""

    y: Values
    is_log: bool
    first: float
    """The first loss: the median of the first points, in loss units."""
    progress: float
    """From the first loss down to the lowest block, in loss units; above 0."""
    made_progress: bool
    """Whether that is beyond noise; of no meaning for a logarithm."""
    scale: float
    """Loss units in one unit of y, where y is no logarithm."""
    floor: float
    """Loss units that are added before the logarithm is taken, 0 where y is none."""

    @cached_property
    def noise(self) -> float:
        """Deviation of neighbouring points around any trend."""
        return noise.points(self.y)

    def block_medians(self, length: int) -> Values:
        """float64[n // length]: the median of every block, worked out once.

        In very long curves those of coarse blocks are medians of the medians of five.
        """
        known: dict[int, Values] = self.__dict__.setdefault("_block_medians", {})
        if length not in known:
            in_fives = len(self.y) >= VERY_LONG and length > robust.FEW and not length % robust.FEW
            known[length] = (
                robust.block_medians(self.block_medians(robust.FEW), length // robust.FEW)
                if in_fives
                else robust.block_medians(self.y, length)
            )
        return known[length]

    def of_loss(self, loss: float) -> float:
        """y of a loss."""
        return float(np.log(loss + self.floor)) if self.is_log else min(max(loss / self.scale, -LARGEST), LARGEST)

    def to_loss(self, y: float) -> float:
        """The loss at y."""
        with np.errstate(over="ignore"):
            return max(float(np.exp(y)) - self.floor, 0.0) if self.is_log else y * self.scale

    def ratio(self, height: float) -> str:
        """A rise of that many units in words: `by 35 %`, `4.1-fold`, `by 0.4 of the progress made`."""
        if not self.is_log:
            return f"by {height:.2g} of the progress made"
        with np.errstate(over="ignore"):
            factor = float(np.exp(height))
        return f"{factor:.3g}-fold" if factor >= TWICE else f"by {100 * (factor - 1):.2g} %"


def measure(loss: Values) -> Units:
    """The units of a loss, float64[n] of finite values, n >= 1."""
    first = float(median(loss[: THRESHOLDS.first_points]))
    medians = robust.block_medians(loss, max(1, len(loss) // 80))
    progress = first - float(medians.min())
    is_log = bool(loss.min() > 0)
    # noise decides nothing where a ratio is taken, and a median of a million points is not for nothing
    spread = 0.0 if is_log else noise.points(loss)
    round_off = THRESHOLDS.round_off * float(np.abs(loss).max())
    # the largest of what may pass for progress: with a smaller unit noise or rounding alone would be a large rise
    scale = max(progress, THRESHOLDS.noises * spread, round_off, sys.float_info.min)
    n_start = max(1, int(THRESHOLDS.start * len(loss)))
    # not of the medians above: their length, and with it the floor, would change when points are left out
    floor = THRESHOLDS.floor * float(median(loss[:n_start])) if is_log else 0.0
    with np.errstate(over="ignore"):
        y = np.log(loss + floor) if is_log else loss / scale
    return Units(
        y=np.clip(y, -LARGEST, LARGEST),
        is_log=is_log,
        first=first,
        progress=max(progress, sys.float_info.min),
        made_progress=progress > max(THRESHOLDS.noises * spread, round_off),
        scale=scale,
        floor=floor,
    )
