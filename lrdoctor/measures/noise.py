"""Noise of a curve as it was known *before* each point, so that an instability cannot hide behind its own swings.

Differences of second order are taken, which a trend leaves alone: v[j] - 2 v[j-1] + v[j-2] of independent values has
six times their variance.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lrdoctor.core import robust
from lrdoctor.core.curve import Values
from lrdoctor.core.robust import MAD_TO_SD

WINDOW = 24
"""Blocks before a block whose differences give its noise: fewer make a poor estimate, more forget what changes."""
FEWEST = 8
"""Differences that an estimate rests on at least."""
QUIET = 0.25
"""Quantile of all estimates below which none is trusted: a quiet stretch may be one by chance."""
HEAD = 3.0
"""Before the first estimate the noise is taken to be this many times the quiet one, unless the first is lower: what
happens in the very first blocks would otherwise be its own noise."""
SIDE = robust.FEW
"""Points on each side of a point whose medians it is compared with."""
POINT_WINDOW = 60
"""Points before a point whose differences give its noise."""
STRIDE = 8
"""Long windows move by this many points: neighbours share nearly all of their values."""
MOST_WINDOWS = 8_000
"""Windows a curve; in longer ones they move further, since noise does not change from one point in a million to the
next."""
ROWS = 1 << 15
"""Windows at a time, which bounds the memory."""
SECOND_DIFFERENCE = float(np.sqrt(6))
MEDIAN_OF = 1.2533
"""Standard deviation of a median of k normal values, times the square root of k."""


def points(values: Values) -> float:
    """Standard deviation of neighbouring values around any trend, over the whole curve; 0 for fewer than three."""
    if len(values) < 3:
        return 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        spread = MAD_TO_SD * np.median(np.abs(values[2:] - 2 * values[1:-1] + values[:-2]))
    return float(np.nan_to_num(spread / SECOND_DIFFERENCE))


def of_blocks(medians: Values) -> Values:
    """float64[m]: for each block the noise that the blocks before it show.

    The larger of two estimates, of neighbours and of every second block: where blocks are not quite independent, the
    first is too small.
    """
    m = len(medians)
    window = min(WINDOW, max(FEWEST, m // 2))
    known = np.full(m, np.nan)
    for lag in (1, 2):
        if m <= 2 * lag + FEWEST:
            continue
        second = np.abs(medians[2 * lag :] - 2 * medians[lag:-lag] + medians[: -2 * lag])
        spread = MAD_TO_SD / SECOND_DIFFERENCE * trailing_median(second, window, FEWEST)
        known[2 * lag + 1 :] = np.fmax(known[2 * lag + 1 :], spread[:-1])
    is_known = np.isfinite(known)
    if not is_known.any():
        return np.full(m, points(medians))
    return _from_quiet(known, int(np.argmax(is_known)))


def of_points(values: Values) -> Values:
    """float64[n]: for each point the noise that the points before it show."""
    n = len(values)
    second = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])
    window = min(POINT_WINDOW, max(n // 3, 1))
    spread = MAD_TO_SD * trailing_median(second, window, window, STRIDE) / SECOND_DIFFERENCE
    known = np.full(n, np.nan)
    known[3:] = spread[: n - 3]
    first = int(np.argmax(np.isfinite(known)))
    known[:first] = known[first]
    return np.asarray(np.maximum(known, np.quantile(known, QUIET)))


def _from_quiet(known: Values, first: int) -> Values:
    quiet = np.quantile(known[first:], QUIET)
    known[:first] = min(known[first], HEAD * quiet)
    return np.asarray(np.maximum(known, quiet))


def trailing_median(values: Values, window: int, fewest: int, stride: int = 1) -> Values:
    """float64[n]: median of the last `window` values up to each, of fewer at the start, nan below `fewest`.

    With a stride the median is taken anew for every `stride`-th value only, and kept until the next.
    """
    n = len(values)
    stride = max(stride, n // MOST_WINDOWS)
    found = np.full(n, np.nan)
    for i in range(fewest - 1, min(window - 1, n)):
        found[i] = np.median(values[: i + 1])
    if n < window:
        return found
    windows = sliding_window_view(values, window)[::stride]
    parts = [np.median(windows[i : i + ROWS], axis=1) for i in range(0, len(windows), ROWS)]
    found[window - 1 :] = np.repeat(np.concatenate(parts), stride)[: n - window + 1]
    return found


def sides(values: Values) -> tuple[Values, Values]:
    """The medians of the five values before and after each value.

    Before the start the first value goes on. After the end it is the median of the last values, so that a last value
    far above them has a side to be compared with.
    """
    n = len(values)
    padded = np.concatenate([np.full(SIDE, values[0]), values, np.full(SIDE, np.median(values[-SIDE:]))])
    medians = robust.median_of([padded[i : n + SIDE + 1 + i] for i in range(SIDE)])
    return medians[:n], medians[SIDE + 1 :]


def depth(values: Values) -> Values:
    """How far each value lies below both of its sides, 0 where it does not; 0 for the first two."""
    before, after = sides(values)
    found = np.maximum(np.minimum(before, after) - values, 0)
    found[:2] = 0
    return np.asarray(found)
