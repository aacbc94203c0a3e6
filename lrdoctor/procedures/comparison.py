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
from math import comb, isnan, nan
from statistics import median
from typing import Literal

CHANCE = 0.05
"""Largest chance of calling no difference a gain. Less would leave three seeds unable to show one: 1 of 20 orders."""

DOUBT = 0.2
"""Chance, under no difference, of losses so much higher, up to which it is in doubt that nothing is lost. To find no
loss is no proof of none: a handful of seeds proves little, and a fix must not do harm."""

FEWEST_SEEDS = next(n for n in count(1) if CHANCE * comb(2 * n, n) >= 1)
"""Fewer seeds cannot show a gain or a loss, whatever their losses: even the clearest order is too likely."""

Change = Literal["gain", "loss", "no change"]


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Two settings compared by their objectives, seed by seed: a seed sees the same weights and batches in both."""

    n_pairs: int
    n_better: int
    """Pairs in which the second setting has the lower objective."""
    gain: float
    """Median over the pairs of first less second, 0 where both are infeasible; nan without a pair or of a nan."""
    gain_low: float
    gain_high: float
    change: Change
    """`gain` where the second setting's objectives are lower by the rank-sum test, `loss` for the opposite; what lies
    inside the spread over the seeds is `no change`."""
    chance_lower: float
    """Chance that the second setting's objectives come out as low against the first's under no difference."""
    chance_higher: float
    """The same for as high."""

    @property
    def may_lose(self) -> bool:
        """The second setting's objectives are so much higher that it is in doubt whether nothing is lost."""
        return self.chance_higher <= DOUBT


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
    return sum(_orders(n, n, u) for u in range(against + 1)) / comb(2 * n, n)


@cache
def _orders(m: int, n: int, u: int) -> int:
    """Orders of m values of one kind and n of another in which u pairs stand the wrong way round."""
    if u < 0:
        return 0
    if m == 0 or n == 0:
        return int(u == 0)
    return _orders(m - 1, n, u - n) + _orders(m, n - 1, u)
