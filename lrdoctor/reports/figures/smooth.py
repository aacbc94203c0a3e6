"""A view of a noisy curve: the line that an eye would draw through it. The raw values are drawn under it."""

from __future__ import annotations

import numpy as np

from lrdoctor.core.curve import Curve

WIDTH = 24
"""Parts of a curve over one of which the middle is taken: about as many turns as a reader can follow in a panel."""
FEWEST = 5
"""Points of a median at least: five outvote a two-point outlier."""
MOST_POINTS = 90
"""Of the smoothed line, which has no spikes that thinning could lose."""


def smooth(curve: Curve) -> Curve:
    """The running median of the finite values over a part of the curve, and of that the running mean.

    Towards the ends there is less on one side: half a part at the very first and last point. A spike of one step is not
    in it, nor is the last step of a training that broke; the raw curve shows both.

    >>> smooth(Curve.of([5.0, 5.0, 5.0, 50.0, 5.0, 5.0, 5.0])).value.tolist()
    [5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0]
    >>> len(smooth(Curve.of([1.0] * 5000))) <= MOST_POINTS + 1
    True
    """
    finite = curve.finite
    n = len(finite)
    if n <= FEWEST:
        return finite
    half = max(n // WIDTH, FEWEST) // 2
    middles = np.array([np.median(finite.value[max(i - half, 0) : i + half + 1]) for i in range(n)])
    at = np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).round().astype(np.int64))
    values = [float(middles[max(i - half, 0) : i + half + 1].mean()) for i in at]
    return Curve(finite.step[at], np.array(values))
