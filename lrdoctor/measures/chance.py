"""How likely it is that the values of a curve, put in any order, make what is seen: no distribution is assumed."""

from __future__ import annotations

import math

import numpy as np

from lrdoctor.core.curve import Values


def of_stretch(before: Values, stretch: Values, level: float, n: int, correlation_time: int) -> float:
    """Expected number of stretches as high as this one in a curve of n points whose values come in any order.

    Args:
        before: float64[k], the values that the order is taken from.
        stretch: float64[l], those that lie high.
        level: what most of the stretch exceeds.
        n: points of the curve; each may begin such a stretch.
        correlation_time: points that count as one beside their own.
    """
    each = correlation_time + 1
    high = int(np.count_nonzero(before > level))
    # one more than was seen: a share of none in k points may be as much as one in k + 1
    share = (high + 1) / (len(before) + 1)
    of, above = max(len(stretch) // each, 1), int(np.count_nonzero(stretch > level)) // each
    return n / len(stretch) * at_least(above, of, share)


def at_least(count: int, of: int, share: float) -> float:
    """Upper bound on the probability that `count` or more of so many independent values are high (Chernoff)."""
    seen = count / of
    if share >= 1 or seen <= share:
        return 1.0
    if seen == 1:
        return float(share**of)
    divergence = seen * math.log(seen / share) + (1 - seen) * math.log((1 - seen) / (1 - share))
    return math.exp(-of * divergence)


def poisson(count: int, expected: float) -> float:
    """Upper bound on the probability of so many events or more where `expected` are (Chernoff)."""
    if count <= expected:
        return 1.0
    if expected <= 0:
        return 0.0
    return math.exp(min(count - expected - count * math.log(count / expected), 0.0))
