"""Over how many points the noise of a curve is correlated."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.core.curve import Values
from lrdoctor.measures import correlation


def moving(beta: float, n: int = 4000, seed: int = 0) -> Values:
    """Normal values smoothed by a moving average: their autocorrelation at lag k is beta ** k."""
    found, last = [], 0.0
    for value in np.random.default_rng(seed).normal(size=n):
        last = beta * last + (1 - beta) * value
        found.append(last)
    return np.array(found) / (1 - beta)


def expected(beta: float) -> int:
    """One less than the first lag at which beta ** lag is below 1 / e."""
    return int(np.floor(-1 / np.log(beta)))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 39])
def test_few_points_tell_nothing(n: int) -> None:
    assert correlation.time(moving(0.99, n)) == 0


@pytest.mark.parametrize("n", [40, 90, 250, 4000])
@pytest.mark.parametrize("seed", range(5))
def test_independent_points_are_not_correlated(n: int, seed: int) -> None:
    assert correlation.time(np.random.default_rng(seed).normal(size=n)) == 0


@pytest.mark.parametrize("beta", [0.7, 0.8, 0.9, 0.97])
def test_the_time_of_a_moving_average(beta: float) -> None:
    """Lags are tried by doubling, so within a factor of two; it covers the time in which half of the noise is new."""
    found = np.median([correlation.time(moving(beta, seed=seed)) for seed in range(5)])
    assert expected(beta) / 2 <= found <= 2 * expected(beta) + 1


def test_smoother_is_longer() -> None:
    times = [correlation.time(moving(beta)) for beta in (0.0, 0.5, 0.8, 0.9, 0.99)]
    assert times == sorted(times)
    assert times[-1] > times[-2]


@pytest.mark.parametrize("n", [40, 100, 400, 2000])
def test_never_beyond_the_largest_lag(n: int) -> None:
    found = correlation.time(np.sin(np.arange(n) / n * 40))
    assert 0 <= found < max(n // correlation.LONGEST_SHARE, 2)


@pytest.mark.parametrize("value", [0.0, 2.0, -700.0, 1e-300])
def test_a_constant_is_not_correlated(value: float) -> None:
    assert correlation.time(np.full(100, value)) == 0


def test_a_straight_fall_is_all_trend() -> None:
    y = np.linspace(10, 0, 1000) + 0.1 * np.random.default_rng(0).normal(size=1000)
    assert correlation.time(y) == 0


@pytest.mark.parametrize("height", [3.0, 100.0])
def test_one_instability_does_not_make_a_curve_correlated(height: float) -> None:
    y = np.random.default_rng(0).normal(size=1000)
    y[500:600] += height
    assert correlation.time(y) == 0


@pytest.mark.parametrize("height", [3.0, 100.0])
def test_a_level_that_shifts_does_not_make_a_curve_correlated(height: float) -> None:
    y = np.random.default_rng(0).normal(size=200)
    y[120:] += height
    assert correlation.time(y) == 0


@pytest.mark.parametrize(("beta", "expected_sd"), [(0.0, 1.0), (0.9, 1 / np.sqrt(1 - 0.81))])
def test_wander_is_the_size_of_slow_noise(beta: float, expected_sd: float) -> None:
    assert correlation.wander(moving(beta)) == pytest.approx(expected_sd, rel=0.25)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_too_few_points_do_not_wander(n: int) -> None:
    assert correlation.wander(np.arange(float(n))) == 0.0


@pytest.mark.parametrize(("factor", "shift"), [(1.0, 8.0), (4.0, 0.0), (0.25, -3.0), (-1.0, 0.0)])
def test_neither_scale_nor_level_matter(factor: float, shift: float) -> None:
    y = moving(0.9)
    assert correlation.time(factor * y + shift) == correlation.time(y)
