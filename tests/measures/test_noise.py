"""Noise of a curve as it was known before each point, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.core.curve import Values
from lrdoctor.core.robust import MAD_TO_SD, two_extremes
from lrdoctor.measures import noise


def normal(n: int, seed: int = 0) -> Values:
    return np.random.default_rng(seed).normal(size=n)


def slow_trailing_median(values: Values, window: int, fewest: int, stride: int) -> list[float]:
    found = []
    for i in range(len(values)):
        last = i
        if i >= window - 1:
            last = i - (i - (window - 1)) % stride
        seen = values[max(0, last - window + 1) : last + 1]
        found.append(float(np.median(seen)) if len(seen) >= fewest else float("nan"))
    return found


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 23, 24, 25, 100])
@pytest.mark.parametrize(("window", "fewest"), [(8, 8), (24, 8), (5, 1), (1, 1)])
@pytest.mark.parametrize("stride", [1, 2, 8])
def test_trailing_median_is_the_loop(n: int, window: int, fewest: int, stride: int) -> None:
    values = normal(n)
    expected = slow_trailing_median(values, window, fewest, stride)
    np.testing.assert_array_equal(noise.trailing_median(values, window, fewest, stride), expected)


def test_more_windows_than_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    values = normal(50)
    whole = noise.trailing_median(values, 5, 5), noise.sides(values)
    monkeypatch.setattr(noise, "ROWS", 7)
    np.testing.assert_array_equal(noise.trailing_median(values, 5, 5), whole[0])
    np.testing.assert_array_equal(noise.sides(values), whole[1])


@pytest.mark.parametrize("n", [1, 2, 3, 5, 11, 40])
def test_sides_are_the_loop(n: int) -> None:
    """Before the start the first value goes on, after the end the median of the last five does."""
    values = normal(n)

    def at(i: int) -> float:
        return float(values[max(i, 0)] if i < n else np.median(values[-noise.SIDE :]))

    before = [np.median([at(i - k) for k in range(1, noise.SIDE + 1)]) for i in range(n)]
    after = [np.median([at(i + k) for k in range(1, noise.SIDE + 1)]) for i in range(n)]
    np.testing.assert_array_equal(noise.sides(values), (before, after))


def test_a_last_value_has_a_side_that_it_does_not_make_itself() -> None:
    values = np.full(30, 5.0)
    values[-1] = 1e6
    assert noise.sides(values)[1][-1] == 5.0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 0.0),
        ([1.0], 0.0),
        ([1.0, 9.0], 0.0),
        ([1.0, 2.0, 3.0], 0.0),
        ([0.0, 1.0, 0.0], MAD_TO_SD * 2 / np.sqrt(6)),
        ([4.0] * 20, 0.0),
        (list(np.arange(50) * 0.3 + 7), 0.0),
    ],
)
def test_noise_of_a_whole_curve(values: list[float], expected: float) -> None:
    assert noise.points(np.array(values, dtype=float)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("slope", [0.0, 0.01, -5.0])
@pytest.mark.parametrize("sd", [1e-6, 1.0, 1e6])
def test_a_trend_is_no_noise(slope: float, sd: float) -> None:
    values = sd * (normal(20_000) + slope * np.arange(20_000))
    assert noise.points(values) == pytest.approx(sd, rel=0.03)


def test_estimates_have_the_size_of_the_noise() -> None:
    assert np.median(noise.of_blocks(normal(3000))) == pytest.approx(1.0, rel=0.15)


def t3(n: int) -> Values:
    return np.random.default_rng(0).standard_t(3, n)


@pytest.mark.parametrize(
    ("values", "times"),
    [
        (normal(50), 1.0),  # too few blocks to see a tail
        (normal(2000), 1.0),
        (normal(20_000), 1.0),
        (t3(2000), 1.5),
        (np.where(np.arange(2000) == 1000, 500.0, normal(2000)), 1.0),  # one rise is no tail
        (np.exp(-np.arange(2000) / 100) + 1e-3 * normal(2000), 1.0),  # nor is a steep start
    ],
)
def test_the_highest_block_of_heavy_tails_lies_further_out(values: Values, times: float) -> None:
    normal_one = noise.EXTREMES * two_extremes(0.01, len(values))
    found = noise.extremes(values, noise.of_blocks(values), 0.01)
    assert found / normal_one == pytest.approx(times, rel=0.25)
    assert found >= normal_one


def test_without_any_change_nothing_is_known_of_the_tail() -> None:
    assert noise.extremes(np.ones(500), np.zeros(500), 0.01) == noise.EXTREMES * two_extremes(0.01, 500)


def slow_of_blocks(medians: Values) -> Values:
    """Of each block from the second differences of the blocks before it."""
    m = len(medians)
    window = min(noise.WINDOW, max(noise.FEWEST, m // 2))
    known = np.full(m, np.nan)
    for j in range(m):
        for lag in (1, 2):
            before = medians[:j]
            second = [abs(before[i] - 2 * before[i - lag] + before[i - 2 * lag]) for i in range(2 * lag, j)]
            if len(second) >= noise.FEWEST:
                spread = MAD_TO_SD * float(np.median(second[-window:])) / noise.SECOND_DIFFERENCE
                known[j] = np.fmax(known[j], spread)
    if np.isnan(known).all():
        return np.full(m, noise.points(medians))
    first = int(np.argmax(np.isfinite(known)))
    quiet = np.quantile(known[first:], noise.QUIET)
    known[:first] = min(known[first], noise.HEAD * quiet)
    return np.maximum(known, quiet)


@pytest.mark.parametrize("m", [0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 16, 24, 49, 120])
def test_noise_of_blocks_is_the_loop(m: int) -> None:
    np.testing.assert_allclose(noise.of_blocks(normal(m)), slow_of_blocks(normal(m)), rtol=1e-12)


@pytest.mark.parametrize("cut", [80, 110, 150])
@pytest.mark.parametrize("later", [0.0, 1e3, -1e3])
def test_noise_is_known_from_before_alone(cut: int, later: float) -> None:
    """Wild values later change earlier noise by nothing but the quiet level, below which none is trusted.

    Before the first estimate nothing is known, and the noise is taken from the first one.
    """
    first = 2 + noise.FEWEST + 1
    values = normal(200)
    changed = values.copy()
    changed[cut:] = later * normal(200 - cut, seed=1)
    was, now = noise.of_blocks(values), noise.of_blocks(changed)
    apart = np.flatnonzero(was[first:cut] != now[first:cut]) + first
    assert np.isin(np.maximum(was, now)[apart], [was.min(), now.min()]).all()
    assert len(apart) < cut - first


def test_an_instability_does_not_hide_behind_its_own_swings() -> None:
    values = 0.1 * normal(200)
    values[150:] += 10 * normal(50, seed=1)
    assert noise.of_blocks(values)[150] < 0.3


def test_the_first_blocks_are_not_their_own_noise() -> None:
    values = 0.1 * normal(100)
    values[:8] += 50 * normal(8, seed=1)
    assert noise.of_blocks(values)[:8].max() <= noise.HEAD * np.quantile(noise.of_blocks(values), 0.5)


@given(st.lists(st.floats(-1e100, 1e100), max_size=60), st.floats(1e-50, 1e50))
def test_noise_goes_with_the_scale(values: list[float], factor: float) -> None:
    array = np.array(values)
    power = 2.0 ** np.round(np.log2(factor))  # exact, so that nothing is lost to rounding
    np.testing.assert_allclose(noise.of_blocks(power * array), power * noise.of_blocks(array), rtol=1e-9)
    assert noise.points(power * array) == pytest.approx(power * noise.points(array), rel=1e-9)


def test_noise_near_the_largest_float() -> None:
    assert np.isfinite(noise.points(np.array([0.0, 0.0, 1.3e308])))


@given(st.lists(st.floats(-1e307, 1e307), max_size=40))
def test_noise_of_wild_values_is_a_number(values: list[float]) -> None:
    found = noise.points(np.array(values))
    assert found >= 0
    assert np.isfinite(found)


@pytest.mark.parametrize("sd", [0.001, 1.0, 50.0])
@pytest.mark.parametrize("trend", ["none", "line", "decay"])
def test_noise_is_the_deviation_around_the_trend(sd: float, trend: str) -> None:
    t = np.arange(4000)
    curve = {"none": 0 * t, "line": 0.01 * sd * t, "decay": 100 * sd * np.exp(-t / 800)}[trend]
    found = noise.points(curve + np.random.default_rng(0).normal(0, sd, t.size))
    assert found == pytest.approx(sd, rel=0.06)


def test_noise_ignores_a_few_wild_points() -> None:
    values = np.random.default_rng(1).normal(0, 1, 2000)
    values[::50] = 1e9
    assert noise.points(values) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("values", [[], [5.0], [2.0, 2.0, 2.0], [1.0, 2.0, 3.0, 4.0]])
def test_no_noise(values: list[float]) -> None:
    assert noise.points(np.array(values)) == 0.0


def test_the_level_held_before_a_point() -> None:
    """Two of the five values before it reached it; the first value goes on before the start."""
    falling = np.array([30.0, 12.0, 6.0, 3.0, 2.0, 9.0, 5.0])
    assert noise.held_before(falling).tolist() == [30.0, 30.0, 30.0, 12.0, 6.0, 3.0, 3.0]
