"""Over how many points the noise of a curve is correlated: smoothed logs, and losses that swing by themselves."""

from __future__ import annotations

import numpy as np

from lrdoctor.core.curve import Values
from lrdoctor.core.robust import MAD_TO_SD, median
from lrdoctor.measures.noise import SECOND_DIFFERENCE

FEWEST_POINTS = 40
"""Fewer tell nothing."""
SATURATED = 1.3
"""How much the differences grow at twice the lag, where neighbours at that lag are all but independent. Of noise with
an autocorrelation of r^lag (AR 1) they have reached seven tenths of their full size there."""
UNSURE = 0.5
"""Over the square root of the number of points: how far that ratio may be off by chance."""
LONGEST_SHARE = 12
"""Of the curve a twelfth is the longest lag: more would take the trend for noise."""
MOST_POINTS = 20_000
"""Differences that are looked at for each lag, evenly spread."""


def time(y: Values) -> int:
    """The number of points over which the noise of y is correlated, 0 when neighbours are independent.

    Second differences at a growing lag, y[i + k] - 2 y[i] + y[i - k], leave a trend alone and grow until the three
    points are independent of one another. Their median is not moved by spikes, nor by a level that shifts once.
    """
    n = len(y)
    if n < FEWEST_POINTS:
        return 0
    limit = SATURATED + UNSURE / np.sqrt(n)
    lag, size = 1, _size(y, 1)
    while 2 * lag <= max(n // LONGEST_SHARE, 2):
        twice = _size(y, 2 * lag)
        # no growth beyond chance: at this lag neighbours are independent already
        if twice <= limit * size:
            break
        lag, size = 2 * lag, twice
    return lag - 1


def wander(y: Values) -> float:
    """Deviation of the noise of y over up to a twelfth of the curve, however slow it is."""
    n, lag, size = len(y), 1, 0.0
    while lag <= max(n // LONGEST_SHARE, 1) and n > 2 * lag:
        size, lag = max(size, _size(y, lag)), 2 * lag
    return MAD_TO_SD * size / SECOND_DIFFERENCE


def _size(y: Values, lag: int) -> float:
    at = np.arange(lag, len(y) - lag, 1 + len(y) // MOST_POINTS)
    return float(median(np.abs(y[at + lag] - 2 * y[at] + y[at - lag])))
