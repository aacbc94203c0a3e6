"""Two ways of training compared by their best losses over the seeds: one rule for what a gain is, for every fix.

A gain has to stand out of the spread over the seeds: by the exact rank-sum test (Mann and Whitney 1947) the losses of
the second way are lower than those of the first with a chance of at most 5 % under no difference. For 3 seeds that is
every seed of the one below every seed of the other; 2 seeds can show nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from math import comb, exp, hypot, isnan, log, nan
from statistics import median

from lrdoctor.core.fix_sections import DOUBT as DOUBT
from lrdoctor.core.fix_sections import Paired as Paired

CHANCE = 0.05
"""Largest chance of calling no difference a gain. Less would leave three seeds unable to show one: 1 of 20 orders."""

FEWEST_SEEDS = next(n for n in count(1) if CHANCE * comb(2 * n, n) >= 1)
"""Fewer seeds cannot show a gain or a loss, whatever their losses: even the clearest order is too likely."""


def compare(first: Mapping[int, float], second: Mapping[int, float], chance: float = CHANCE) -> Paired:
    """Compares objectives by seed; lower is better, inf is infeasible.

    Args:
        first: objective by seed.
        second: the same; seeds that are not in both are left out.
        chance: largest chance of calling no difference a gain.

    >>> compare({0: 0.6, 1: 0.7, 2: 0.65}, {0: 0.5, 1: 0.55, 2: 0.52}).change
    'gain'
    >>> compare({0: 0.6, 1: 0.7, 2: 0.65}, {0: 0.5, 1: 0.61, 2: 0.52}).change
    'no change'
    """
    seeds = [seed for seed in first if seed in second]
    before, after = [first[s] for s in seeds], [second[s] for s in seeds]
    gains = [0.0 if old == new else old - new for old, new in zip(before, after, strict=True)]
    lower, higher = _chance(before, after), _chance(after, before)
    known = bool(gains) and not any(map(isnan, gains))  # nan has no place in an order
    return Paired(
        n_pairs=len(seeds),
        n_better=sum(gain > 0 for gain in gains),
        gain=median(gains) if known else nan,
        gain_low=min(gains) if known else nan,
        gain_high=max(gains) if known else nan,
        change="gain" if lower <= chance else "loss" if higher <= CHANCE else "no change",
        chance_lower=lower,
        chance_higher=higher,
    )


def outnumber(more: int, fewer: int) -> bool:
    """Whether one kind of change is more frequent than its opposite, by the one-sided exact sign test (McNemar 1947).

    >>> outnumber(5, 0), outnumber(4, 0), outnumber(8, 1), outnumber(7, 1)
    (True, False, True, True)
    """
    n = more + fewer
    return n > 0 and sum(comb(n, k) for k in range(fewer + 1)) <= CHANCE * 2**n


def _chance(high: Sequence[float], low: Sequence[float]) -> float:
    """Chance under no difference that `low` is as low against `high`, by the exact rank-sum test.

    Ties speak against it.
    """
    n = len(low)
    against = sum(not a < b for a in low for b in high)  # nan is against it too
    return sum(_orders(n, n)[: against + 1]) / comb(2 * n, n)


@cache
def _orders(m: int, n: int) -> tuple[int, ...]:
    """Orders of m values of one kind and n of another, by the number of pairs that stand the wrong way round: 0 to mn.

    They are the coefficients of a Gaussian binomial, the product of (1 - q^(n + i)) / (1 - q^i) over i from 1 to m
    (Andrews 1976, The Theory of Partitions, chapter 3): a table of one line, where the recurrence over m, n and the
    number of pairs fills one of m^2 n^2 entries.

    >>> _orders(2, 2)
    (1, 1, 2, 1, 1)
    """
    counts = [1] + [0] * (m * n)
    for i in range(1, m + 1):
        for u in range(m * n, n + i - 1, -1):
            counts[u] -= counts[u - n - i]
        for u in range(i, m * n + 1):
            counts[u] += counts[u - i]
    return tuple(counts)


@dataclass(frozen=True, kw_only=True)
class Shift:
    """By how much the values of a second way of training lie above those of a first, over all seeds."""

    estimate: float
    low: float
    high: float


def shift(first: Sequence[float], second: Sequence[float], confidence: float) -> Shift | None:
    """How far the second values lie above the first, with an exact interval; None where so few values have none.

    The model: the values of the two ways are drawn independently, from distributions of one shape that differ by a
    shift. The estimate is the median of all differences of two values (Hodges and Lehmann 1963), the interval leaves
    out as many differences at either end as the rank-sum test would call too few to be chance. It takes no pairs:
    a seed does not give two models the same weights.

    Args:
        first: values, inf for a seed that is infeasible.
        second: the same; of as many or of other seeds.
        confidence: how often such an interval holds the shift.

    >>> shift([0.5, 0.6, 0.7], [0.8, 0.9, 1.0], 0.9)
    Shift(estimate=0.3, low=0.1, high=0.5)
    >>> shift([0.5], [0.8, 0.9, 1.0], 0.9) is None
    True
    """
    # two infeasible seeds are alike, and inf - inf has no value
    differences = sorted(0.0 if a == b else round(b - a, 12) for a in first for b in second)
    m, n = len(first), len(second)
    out, likely = 0, 0.0
    while out < len(differences) // 2:
        likely += _orders(m, n)[out] / comb(m + n, m)
        if likely > (1 - confidence) / 2 + 1e-9:  # of 20 orders of 3 and 3 values one is exactly 5 %
            break
        out += 1
    if not out:
        return None
    return Shift(estimate=median(differences), low=differences[out - 1], high=differences[-out])


def ratio_interval(
    first: tuple[float, float, float | None], second: tuple[float, float, float | None]
) -> tuple[float, float | None]:
    """Ends of the second figure over the first, from the interval of each; None for no upper end.

    The method of variance estimates recovery (Zou and Donner 2008) on the logarithms: the two deviations that make the
    ratio small, the second figure's downward and the first's upward, add up as the sides of a right triangle, since the
    studies are independent of each other. Where an interval has no upper end the other ends are set against each other.

    Args:
        first: figure, lower and upper end of its interval.
        second: the same.

    >>> low, high = ratio_interval((4.0, 2.0, 8.0), (4.0, 2.0, 8.0))
    >>> round(low, 3), round(high, 3)
    (0.375, 2.665)
    >>> ratio_interval((50.0, 40.0, None), (5.0, 3.0, 8.0))
    (0.0, 0.2)
    """
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    if a_high is None or b_high is None:
        return (0.0 if a_high is None else b_low / a_high), (None if b_high is None else b_high / a_low)
    middle = log(b / a)
    down = hypot(log(b / b_low), log(a_high / a))
    up = hypot(log(b_high / b), log(a / a_low))
    return exp(middle - down), exp(middle + up)
