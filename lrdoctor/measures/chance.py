"""How likely it is that the values of a curve, put in any order, make what is seen: no distribution is assumed."""

from __future__ import annotations

import math

import numpy as np

from lrdoctor.core.curve import Values


def of_stretch(
    before: Values, stretch: Values, level: float, n: int, correlation_time: int, *, is_log: bool = False
) -> float:
    """Expected number of stretches as high as this one in a curve of n points whose values come in any order.

    Args:
        before: float64[k], the values that the stretch is compared with.
        stretch: float64[l], those that lie high.
        level: what most of the stretch exceeds.
        n: points of the curve; each may begin such a stretch.
        correlation_time: points that count as one beside their own.
        is_log: whether nothing else is known of the curve, as of a log: then the orders of all values are counted
            exactly. A trial has its control, and the share of high values before the stretch is taken as known.
    """
    each = correlation_time + 1
    high = int(np.count_nonzero(before > level))
    of, above = max(len(stretch) // each, 1), int(np.count_nonzero(stretch > level)) // each
    if is_log:
        # in independent points: of the high values before the stretch as many as there may have been
        k = max(len(before) // each, 1)
        return n / len(stretch) * side_by_side(above, of, min(-(-high // each), k), k)
    # one more than was seen: a share of none in k points may be as much as one in k + 1
    share = (high + 1) / (len(before) + 1)
    return n / len(stretch) * at_least(above, of, share)


def at_least(count: int, of: int, share: float) -> float:
    """Upper bound on the probability that `count` or more of so many independent values are high (Chernoff)."""
    seen = count / of
    if share >= 1 or seen <= share:
        return 1.0
    if seen == 1:
        return float(share**of)
    # Chernoff's exponent: the divergence of the share that is seen from the one that is usual
    divergence = seen * math.log(seen / share) + (1 - seen) * math.log((1 - seen) / (1 - share))
    return math.exp(-of * divergence)


def side_by_side(above: int, of: int, high: int, k: int) -> float:
    """Upper bound on the probability that so many of the high values fall into the stretch, all orders being alike.

    The exact test of such orders, by the hypergeometric distribution: where few values stand before a stretch, the
    share of high ones among them is hardly known, and a stretch of any length proves little.

    Args:
        above: high values of the stretch.
        of: values of the stretch, 1 at least.
        high: high values before it.
        k: values before it, 1 at least.
    """
    all_high, n = above + high, of + k
    # no more than its share of the high values: that is so in every other order
    if above * n <= all_high * of:
        return 1.0
    at = _log_choose(all_high, above) + _log_choose(n - all_high, of - above) - _log_choose(n, of)
    # the further terms fall faster than those of a geometric series
    falls = (all_high - above) * (of - above) / ((above + 1) * (n - all_high - of + above + 1))
    return min(math.exp(at) / (1 - falls), 1.0) if falls < 1 else 1.0


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def poisson(count: int, expected: float) -> float:
    """Upper bound on the probability of so many events or more where `expected` are (Chernoff)."""
    if count <= expected:
        return 1.0
    if expected <= 0:
        return 0.0
    return math.exp(min(count - expected - count * math.log(count / expected), 0.0))
