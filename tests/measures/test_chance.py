"""How likely values in any order make what is seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrdoctor.measures import chance


@pytest.mark.parametrize("of", [1, 5, 40])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_at_least_bounds_the_binomial_tail(of: int, share: float) -> None:
    for count in range(of + 1):
        exact = sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count, of + 1))
        assert exact <= chance.at_least(count, of, share) * (1 + 1e-9)
    assert chance.at_least(of, of, share) == pytest.approx(share**of)


@pytest.mark.parametrize(("of", "k", "all_high"), [(1, 1, 1), (5, 20, 6), (40, 3, 41), (30, 200, 60)])
def test_side_by_side_bounds_the_hypergeometric_tail(of: int, k: int, all_high: int) -> None:
    ways = math.comb(of + k, of)
    for above in range(max(all_high - k, 0), min(of, all_high) + 1):
        terms = (math.comb(all_high, j) * math.comb(of + k - all_high, of - j) for j in range(above, of + 1))
        assert sum(terms) / ways <= chance.side_by_side(above, of, all_high - above, k) * (1 + 1e-9)
    assert chance.side_by_side(5, 5, 0, 20) == pytest.approx(1 / math.comb(25, 5))


@pytest.mark.parametrize("expected", [0.001, 0.5, 7.0])
def test_poisson_bounds_the_tail(expected: float) -> None:
    for count in range(30):
        below = sum(math.exp(-expected) * expected**k / math.factorial(k) for k in range(count))
        assert 1 - below <= chance.poisson(count, expected) + 1e-12
    assert chance.poisson(1, 0.0) == 0.0
    assert chance.poisson(0, 0.0) == 1.0


LOW, HIGH = np.zeros(200), np.ones(6)


@pytest.mark.parametrize(
    ("before", "stretch", "correlation_time", "is_chance"),
    [
        (LOW, HIGH, 0, False),
        (LOW, HIGH[:1], 0, True),  # one point says nothing by its order
        (LOW[:3], HIGH, 0, False),
        (LOW[:0], HIGH, 0, True),  # nothing to compare with
        (np.tile([0.0, 1.0], 100), HIGH, 0, True),  # every second value is as high
        (LOW, HIGH, 5, True),  # neighbours that are alike count as one
        (LOW, np.zeros(6), 0, True),
    ],
)
def test_a_stretch_of_high_values(
    before: np.ndarray, stretch: np.ndarray, correlation_time: int, is_chance: bool
) -> None:
    assert (chance.of_stretch(before, stretch, 0.5, 300, correlation_time) > 0.1) is is_chance


def test_of_a_log_few_values_before_a_stretch_prove_little() -> None:
    """Two low values and forty high ones: in one of 300 orders both low ones come among the first three."""
    before, stretch = np.array([0.0, 1.0, 0.0]), np.ones(40)
    assert chance.of_stretch(before, stretch, 0.5, 43, 0) < 1e-9
    assert chance.of_stretch(before, stretch, 0.5, 43, 0, is_log=True) == pytest.approx(
        43 / 40 * 3 / math.comb(43, 2), rel=0.01
    )
