"""The one rule of what a gain is, against tables, a brute force over all orders, and draws without a difference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pytest

from lrdoctor.procedures import comparison
from lrdoctor.procedures.comparison import CHANCE, FEWEST_SEEDS, Paired, compare, ratio_interval, shift

INF, NAN = math.inf, math.nan


def compared(first: Sequence[float], second: Sequence[float]) -> Paired:
    return compare(dict(enumerate(first)), dict(enumerate(second)))


@pytest.mark.parametrize(
    ("first", "second", "change", "n_better"),
    [
        ([0.6, 0.7, 0.65], [0.5, 0.55, 0.52], "gain", 3),
        ([0.6, 0.7, 0.65], [0.59, 0.58, 0.57], "gain", 3),  # by how much does not count
        ([0.6, 0.7, 0.65], [0.59, 0.69, 0.64], "no change", 3),  # lower in every seed, inside the spread
        ([0.6, 0.7, 0.65], [0.5, 0.6, 0.52], "no change", 3),  # a tie speaks against it
        ([0.6, 0.7, 0.65], [0.4, 0.71, 0.5], "no change", 2),
        ([0.5, 0.55, 0.52], [0.6, 0.7, 0.65], "loss", 0),
        ([0.5, 0.55, 0.52], [0.6, INF, INF], "loss", 0),
        ([INF, INF, INF], [0.6, 0.7, 0.65], "gain", 3),
        ([INF, 0.5, 0.5], [INF, 0.4, 0.4], "no change", 2),
        ([INF] * 5, [INF] * 5, "no change", 0),
        ([0.5] * 5, [0.5] * 5, "no change", 0),
        # five seeds: up to 4 of the 25 pairs may stand the wrong way round
        ([4, 5, 6, 7, 20], [1, 2, 3, 10, 4.5], "no change", 4),
        ([5, 6, 7, 8, 9], [1, 2, 3, 4, 8.5], "gain", 5),
        ([5, 6, 7, 8, 9], [1, 2, 3, 4, 9], "no change", 4),
        ([5, 6, 7, 8, INF], [1, 2, 3, 4, INF], "no change", 4),
        ([5, 6, 7, 8, 9, 9], [1, 2, 3, 4, 4, INF], "gain", 5),
        # too few seeds for any order to be unlikely
        ([], [], "no change", 0),
        ([0.6], [0.1], "no change", 1),
        ([0.6, 0.7], [0.1, 0.2], "no change", 2),
        ([0.1, 0.2], [INF, INF], "no change", 0),
        # nan is evidence of nothing
        ([0.6, 0.7, 0.65], [0.5, 0.55, NAN], "no change", 2),
        ([NAN] * 3, [0.5] * 3, "no change", 0),
        ([0.5] * 3, [NAN] * 3, "no change", 0),
    ],
)
def test_what_is_a_gain(first: list[float], second: list[float], change: str, n_better: int) -> None:
    paired = compared(first, second)
    assert (paired.change, paired.n_better, paired.n_pairs) == (change, n_better, len(first))


@pytest.mark.parametrize(
    ("first", "second", "gain", "low", "high"),
    [
        ([0.6, 0.7, 0.65], [0.5, 0.55, 0.6], 0.1, 0.05, 0.15),
        ([0.6, INF, INF], [0.5, 0.5, INF], 0.1, 0.0, INF),
        ([0.6, 0.5], [INF, INF], -INF, -INF, -INF),
        ([0.6], [0.1], 0.5, 0.5, 0.5),
        ([0.6, 0.7], [0.5, NAN], NAN, NAN, NAN),
        ([], [], NAN, NAN, NAN),
    ],
)
def test_the_gain_and_its_range(first: list[float], second: list[float], gain: float, low: float, high: float) -> None:
    paired = compared(first, second)
    assert (paired.gain, paired.gain_low, paired.gain_high) == pytest.approx((gain, low, high), nan_ok=True)


def test_seeds_of_one_way_alone_are_left_out() -> None:
    assert compare({0: 0.6, 1: 0.7, 9: 0.0}, {1: 0.5, 0: 0.4, 7: 9.0}) == compare({0: 0.6, 1: 0.7}, {0: 0.4, 1: 0.5})


def orders(n: int) -> Iterator[tuple[list[float], list[float]]]:
    """Every order that n losses of the one way and n of the other can have, all of them different."""
    for second in combinations(range(2 * n), n):
        yield [float(i) for i in range(2 * n) if i not in second], [float(i) for i in second]


def wrong_way_round(first: Sequence[float], second: Sequence[float]) -> int:
    return sum(b >= a for a in first for b in second)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_a_gain_is_among_the_least_likely_orders(n: int) -> None:
    """Against a plain count over all orders; ties are those of pairs of values made equal."""
    every = [wrong_way_round(*order) for order in orders(n)]
    for first, second in orders(n):
        for a, b in ((first, second), ([v // 2 for v in first], [v // 2 for v in second])):
            as_likely = sum(u <= wrong_way_round(a, b) for u in every) / len(every)
            opposite = sum(u <= wrong_way_round(b, a) for u in every) / len(every)
            expected = "gain" if as_likely <= CHANCE else "loss" if opposite <= CHANCE else "no change"
            assert compared(a, b).change == expected


@pytest.mark.parametrize(("m", "n"), [(1, 1), (2, 3), (3, 2), (4, 4), (0, 3)])
def test_orders_are_counted_by_the_pairs_that_stand_the_wrong_way_round(m: int, n: int) -> None:
    """Against every order written out."""
    pairs = [sum(b < a for a in first for b in set(range(m + n)) - {*first}) for first in combinations(range(m + n), m)]
    assert comparison._orders(m, n) == tuple(pairs.count(u) for u in range(m * n + 1))


def test_many_seeds_are_compared_by_one_table_of_their_pairs() -> None:
    """What is kept is counted: as many numbers as there are pairs, not their square."""
    comparison._orders.cache_clear()
    assert compared([1.0] * 40, [0.5] * 40).change == "gain"
    assert (comparison._orders.cache_info().currsize, len(comparison._orders(40, 40))) == (1, 40 * 40 + 1)


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_of_all_orders_at_most_five_percent_are_a_gain(n: int) -> None:
    changes = [compared(*order).change for order in orders(n)]
    assert changes.count("gain") == changes.count("loss") <= CHANCE * len(changes)
    assert ("gain" in changes) is (n >= FEWEST_SEEDS)


@pytest.mark.parametrize("n", [2, 3, 5, 8])
@pytest.mark.parametrize("shared", [0.0, 1.0], ids=["seeds do not matter", "a seed shifts both ways"])
@pytest.mark.parametrize("levels", [None, 4], ids=["smooth", "ties"])
def test_no_difference_is_seldom_a_gain(n: int, shared: float, levels: int | None) -> None:
    """Losses of both ways from one distribution; a seed may be a bad one for both."""
    draws, random = 2000, np.random.default_rng(n)
    seeds = shared * random.normal(size=(draws, 1, n))
    losses = seeds + random.normal(size=(draws, 2, n))
    losses = losses if levels is None else np.round(losses * levels) / levels
    gains = sum(compared(*pair).change == "gain" for pair in losses.tolist())
    chance = math.sqrt(CHANCE * (1 - CHANCE) / draws)  # of the count itself: three seeds have exactly CHANCE
    assert gains / draws <= CHANCE + 2 * chance


@pytest.mark.parametrize("n", [3, 5, 8])
def test_a_clear_difference_is_a_gain(n: int) -> None:
    random = np.random.default_rng(n)
    assert compared(random.uniform(2, 3, n).tolist(), random.uniform(0, 1, n).tolist()).change == "gain"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1.0, 2.0, 3.0], [2.0, 3.0, 4.0], (1.0, -1.0, 3.0)),
        ([1.0, 2.0], [5.0, 6.0], None),  # one of 6 orders: no interval at 90 %
        ([], [5.0, 6.0], None),
        ([1.0, 2.0, 3.0], [INF, INF, INF], (INF, INF, INF)),
        ([INF, INF, INF], [INF, INF, INF], (0.0, 0.0, 0.0)),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], (0.0, -2.0, 2.0)),  # a difference is left out at either end
    ],
)
def test_shift(first: list[float], second: list[float], expected: tuple[float, float, float] | None) -> None:
    found = shift(first, second, 0.9)
    assert (found and (found.estimate, found.low, found.high)) == expected


@pytest.mark.parametrize(("n_first", "n_second"), [(3, 3), (5, 5), (4, 7)])
def test_the_interval_of_a_shift_holds_it_as_often_as_it_says(n_first: int, n_second: int) -> None:
    """Over draws with a known shift; the rank-sum test is exact, so that it can only be wider, by its steps."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        found = shift(rng.normal(size=n_first).tolist(), (0.7 + rng.normal(size=n_second)).tolist(), 0.9)
        assert found is not None
        held += found.low <= 0.7 <= found.high
    assert 0.885 <= held / 2000 <= 0.99


def test_the_interval_of_a_ratio_turns_over_with_the_studies() -> None:
    first, second = (3.0, 2.0, 5.0), (9.0, 4.0, 12.0)
    low, high = ratio_interval(first, second)
    turned_low, turned_high = ratio_interval(second, first)
    assert high is not None
    assert turned_high is not None
    assert (turned_low, turned_high) == pytest.approx((1 / high, 1 / low))
    assert low > 4 / 5  # closer than the ends set against each other
    assert high < 12 / 2


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50.0, 50.0, None), (50.0, 50.0, None), (0.0, None)),
        ((5.0, 4.0, 6.0), (50.0, 50.0, None), (50 / 6, None)),
        ((50.0, 50.0, None), (5.0, 4.0, 6.0), (0.0, 6 / 50)),
    ],
)
def test_a_margin_without_an_upper_end_is_a_bound(
    first: tuple[float, float, float | None], second: tuple[float, float, float | None], expected: tuple[float, float]
) -> None:
    assert ratio_interval(first, second) == expected
