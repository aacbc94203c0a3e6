"""Over how many points the noise of a curve is correlated: smoothed logs, and losses that swing by themselves."""

from __future__ import annotations

import numpy as np

from lrdoctor.core.curve import Values
from lrdoctor.core.robust import MAD_TO_SD

FEWEST_POINTS = 40
"""Fewer tell nothing."""
SHARE_LEFT = 1 / np.e
"""Autocorrelation below which two points count as independent enough."""
SEGMENTS = ((250, 5), (90, 3), (0, 1))
"""Points from which the curve is looked at in so many stretches: an instability spoils one or two of them, and the
median over all stretches decides."""
LONGEST_SEGMENT = 4000
LONGEST = 400
"""Largest lag looked at."""
FEWEST_PIECES, MOST_PIECES = 4, 6
"""Pieces of a stretch whose medians make its trend. More would take slow noise for a trend, fewer a steep trend of a
quiet curve for slow noise."""
POINTS_A_PIECE = 100
"""Points that a piece holds at least, where there are more than the fewest."""
CLIP_AT = 3.0
"""Standard deviations beyond which a value is a spike and says nothing of the noise."""


def time(y: Values) -> int:
    """The number of points over which the noise of y is correlated, 0 when neighbours are independent.

    One less than the first lag at which the autocorrelation of what is left beside the trend falls below 1/e: the
    median over stretches of the curve, the first tenth left out, since the steep start is all trend.
    """
    n = len(y)
    if n < FEWEST_POINTS:
        return 0
    parts = next(parts for least, parts in SEGMENTS if n >= least)
    length = min(n // parts, LONGEST_SEGMENT)
    top = min(max(n // 40, 2), LONGEST, length // 3)
    starts = np.linspace(0 if parts == 1 else n // 10, n - length, parts).astype(int)
    left = np.median([_autocorrelation(y[a : a + length], top) for a in starts], axis=0)
    below = np.flatnonzero(left < SHARE_LEFT)
    return int(below[0]) if len(below) else top


def _autocorrelation(y: Values, top: int) -> Values:
    """float64[top]: at lags 1 to top."""
    rest = y - _trend(y)
    rest = rest - np.median(rest)
    limit = CLIP_AT * MAD_TO_SD * np.median(np.abs(rest))
    rest = np.clip(rest, -limit, limit)
    power = float(rest @ rest)
    if not power > 0:
        return np.zeros(top)
    return np.array([rest[lag:] @ rest[:-lag] / power for lag in range(1, top + 1)])


def _trend(y: Values) -> Values:
    n_pieces = min(max(len(y) // POINTS_A_PIECE, FEWEST_PIECES), MOST_PIECES)
    pieces = np.array_split(np.arange(len(y)), n_pieces)
    return np.interp(np.arange(len(y)), [p.mean() for p in pieces], [np.median(y[p]) for p in pieces])
