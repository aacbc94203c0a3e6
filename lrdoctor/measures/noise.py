"""Noise of a curve as it was known *before* each point, so that an instability cannot hide behind its own swings.

Differences of second order are taken, which a trend leaves alone: v[j] - 2 v[j-1] + v[j-2] of independent values has
six times their variance.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lrdoctor.core import robust
from lrdoctor.core.curve import Values
from lrdoctor.core.robust import MAD_TO_SD, median, medians

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
STRIDE = 8
"""Long windows move by this many points: neighbours share nearly all of their values."""
MOST_WINDOWS = 8_000
"""Windows a curve; in longer ones they move further, since noise does not change from one point in a million to the
next."""
MOST_POINTS = 50_000
"""Values around which the noise of a whole curve is looked at, evenly spread: more make it no better known."""
ROWS = 1 << 15
"""Windows at a time, which bounds the memory."""
SECOND_DIFFERENCE = float(np.sqrt(6))
MEDIAN_OF = 1.2533
"""Standard deviation of a median of k normal values, times the square root of k."""
EXTREMES = 0.8
"""Factor on twice the one-sided normal quantile: the largest rise of 100 to 1000 normal blocks, measured in noise that
is estimated as here, has its 1 % quantile at 0.87 to 0.89 of that. The rest is for noise that is skewed, or grows."""
TAIL = 0.1
"""Part of the changes from block to block, the largest, that show the tail of the noise."""
FEWEST_TAIL = 100
"""Blocks from which a tail is looked at: half of them lie above their neighbours, and the tenth of these is five."""
NORMAL_LEAST, NORMAL_MIDDLE = 1.645, 1.960
"""Quantiles of the size of a normal value above which a tenth and a twentieth of them lie."""


def points(values: Values) -> float:
    """Standard deviation of neighbouring values around any trend, over the whole curve; 0 for fewer than three."""
    if len(values) < 3:
        return 0.0
    at = np.arange(1, len(values) - 1, 1 + len(values) // MOST_POINTS)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = MAD_TO_SD * median(np.abs(values[at + 1] - 2 * values[at] + values[at - 1]))
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
        # one block later, since a block is no part of what was known before it; nan where only one lag knows
        known[2 * lag + 1 :] = np.fmax(known[2 * lag + 1 :], spread[:-1])
    is_known = np.isfinite(known)
    if not is_known.any():
        # too few blocks for anything to be known before one: the curve as a whole stands in
        return np.full(m, points(medians))
    return _from_quiet(known, int(np.argmax(is_known)))


def extremes(medians: Values, spread: Values, alpha: float) -> float:
    """How many spreads the highest of the blocks lies above the lowest before it by chance, at risk alpha.

    For normal noise that is twice the one-sided quantile. Where the changes from block to block have a heavier tail,
    it is as many times more as an exponential tail through their highest tenth is beyond that of normal noise.

    Args:
        medians: float64[m], of the blocks.
        spread: float64[m], their noise as it was known before each.
        alpha: the risk.
    """
    m = len(medians)
    normal = EXTREMES * robust.two_extremes(alpha, m)
    if m < FEWEST_TAIL:
        return normal
    # a block above its neighbours: the bend of a falling trend, and the sides of a rise, lie the other way
    change = (2 * medians[1:-1] - medians[2:] - medians[:-2]) / SECOND_DIFFERENCE
    up = change > 0
    if np.count_nonzero(up) < TAIL * m:
        return normal
    with np.errstate(over="ignore"):
        ratio = change[up] / np.maximum(spread[1:-1][up], np.finfo(float).tiny)
    least, middle = np.quantile(ratio, [1 - TAIL, 1 - TAIL / 2])
    decades = np.log(TAIL * m / alpha)
    of_normal = NORMAL_LEAST + (NORMAL_MIDDLE - NORMAL_LEAST) / np.log(2) * decades
    found = least + (middle - least) / np.log(2) * decades
    return float(normal * max(1.0, found / of_normal))


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
        found[i] = median(values[: i + 1])
    if n < window:
        return found
    windows = sliding_window_view(values, window)[::stride]
    parts = [medians(windows[i : i + ROWS]) for i in range(0, len(windows), ROWS)]
    found[window - 1 :] = np.repeat(np.concatenate(parts), stride)[: n - window + 1]
    return found


def sides(values: Values) -> tuple[Values, Values]:
    """The medians of the five values before and after each value.

    Before the start the first value goes on. After the end it is the median of the last values, so that a last value
    far above them has a side to be compared with.
    """
    n = len(values)
    padded = np.concatenate([np.full(SIDE, values[0]), values, np.full(SIDE, median(values[-SIDE:]))])
    medians = robust.median_of([padded[i : n + SIDE + 1 + i] for i in range(SIDE)])
    return medians[:n], medians[SIDE + 1 :]


def held_before(values: Values) -> Values:
    """For each value the level that two of the five values before it reached: where a curve falls steeply the median of
    five is that of a time when it stood much higher. Before the start the first value goes on."""
    n = len(values)
    padded = np.concatenate([np.full(SIDE, values[0]), values])
    before = [padded[i : i + n] for i in range(SIDE)]
    # two of five: the lowest of all pairs, each by its higher value
    pairs = (np.maximum(before[i], before[j]) for i in range(SIDE) for j in range(i))
    return np.asarray(functools.reduce(np.minimum, pairs))
