"""Rises of a loss at many scales: chance, invariances, where they begin and end, and curves that hold nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_curves import falling, raised, rises_of

from lrdoctor.core.curve import Values
from lrdoctor.measures import correlation, rises
from lrdoctor.measures.rises import Rise
from lrdoctor.measures.units import measure

ALPHA = 0.05


def places(found: list[Rise]) -> list[tuple[int, int, int, int]]:
    return [(rise.length, rise.first, rise.end, rise.peak) for rise in found]


@pytest.mark.parametrize(("m", "length", "n_curves"), [(24, 3, 300), (100, 3, 200), (400, 5, 60)])
def test_noise_alone_rises_as_often_as_it_may(m: int, length: int, n_curves: int) -> None:
    """Of curves of m blocks, each a median of so many normal values, a share of alpha at most shows a rise."""
    n = m * length
    assert rises.lengths(n, 0)[0] == length
    rng = np.random.default_rng(m)
    n_risen = sum(bool(rises_of(np.exp(0.5 * rng.normal(size=n)), alpha=ALPHA)) for _ in range(n_curves))
    sampling_error = 3 * np.sqrt(ALPHA * (1 - ALPHA) / n_curves)
    assert n_risen / n_curves <= ALPHA + sampling_error


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("n", [30, 150, 2000])
def test_a_healthy_fall_shows_none(n: int, seed: int) -> None:
    assert rises_of(falling(n, 0.1, seed)) == []


@pytest.mark.parametrize(
    ("n", "correlation_time", "expected"),
    [
        (0, 0, []),
        (7, 0, []),
        (8, 0, [1]),
        (24, 0, [1, 2]),
        (59, 0, [1, 2, 4]),
        (60, 0, [3, 5]),
        (999, 0, [3, 5, 10, 20, 40, 80]),
        (1000, 0, [5, 10, 20, 40, 80]),
        (1000, 1, [5, 10, 20, 40, 80]),
        (1000, 2, [7, 14, 28, 56]),
        (31, 1, []),
        (32, 1, [4]),
        (1000, 100, []),
    ],
)
def test_lengths_of_blocks(n: int, correlation_time: int, expected: list[int]) -> None:
    assert rises.lengths(n, correlation_time) == expected


@given(st.integers(0, 10**6), st.integers(0, 400))
def test_every_scale_has_enough_blocks(n: int, correlation_time: int) -> None:
    found = rises.lengths(n, correlation_time)
    assert all(length > 3 * correlation_time for length in found)
    assert found == sorted(set(found))
    assert [n // length for length in found[:1]] >= [8] * len(found[:1])
    assert all(n // length >= 12 for length in found[1:])


@pytest.mark.parametrize("n", [100, 400, 2000])
@pytest.mark.parametrize("factor", [1.6, 5.0, 1e6])
def test_a_rise_is_where_it_is(n: int, factor: float) -> None:
    first, end = n // 2, n // 2 + n // 10
    found = rises_of(raised(n, first, end, factor))
    finest = found[0]
    assert abs(finest.first - first) <= finest.length
    assert abs(finest.end - end) <= 2 * finest.length
    assert first <= finest.peak < end
    assert finest.height == pytest.approx(np.log(factor), abs=0.4)
    assert finest.height > finest.limit


@pytest.mark.parametrize("n", [40, 103, 400, 2004])
def test_a_rise_to_the_end_ends_with_the_curve(n: int) -> None:
    found = rises_of(raised(n, n - n // 4, n, 5.0))
    assert found
    assert {rise.end for rise in found} == {n}


@pytest.mark.parametrize("later", [1.0, 0.2, 50.0])
def test_what_comes_later_takes_no_rise_back(later: float) -> None:
    loss = raised(1000, 400, 450, 4.0)
    loss[600:] *= later
    assert any(400 <= rise.first < 450 for rise in rises_of(loss))


@pytest.mark.parametrize("constant", [1e-200, 1e-3, 2.0, 7.3, 1e200])
@pytest.mark.parametrize("loss", [raised(400, 200, 260, 3.0), raised(2000, 1500, 2000, 1.5), falling(50, 0.3)])
def test_a_constant_factor_on_a_positive_loss_changes_nothing(loss: np.ndarray, constant: float) -> None:
    was, now = rises_of(loss), rises_of(constant * loss)
    assert places(now) == places(was)
    for a, b in zip(was, now, strict=True):
        assert (b.height, b.limit) == pytest.approx((a.height, a.limit), rel=1e-6)
        assert b.base == pytest.approx(a.base + np.log(constant))


@pytest.mark.parametrize(("a", "b"), [(1.0, -20.0), (1e-100, 0.0), (3.7, -100.0), (1e100, 0.0), (0.5, 0.2)])
@pytest.mark.parametrize("loss", [raised(400, 200, 260, 3.0) - 2, raised(2000, 1500, 2000, 1.5) - 5])
def test_neither_scale_nor_level_matter_to_a_loss_that_is_not_positive(loss: np.ndarray, a: float, b: float) -> None:
    was, now = rises_of(loss), rises_of(a * loss + b)
    assert was
    assert places(now) == places(was)
    for one, other in zip(was, now, strict=True):
        assert (other.height, other.limit) == pytest.approx((one.height, one.limit), rel=1e-6)


@pytest.mark.parametrize(("rise", "is_seen"), [(1.02, False), (1.035, False), (1.07, True)])
def test_less_than_five_percent_is_not_worth_a_word(rise: float, is_seen: bool) -> None:
    assert bool(rises_of(raised(1000, 500, 700, rise, noise=1e-4))) is is_seen


def test_a_rise_is_higher_than_the_limit_that_it_names() -> None:
    """Of 4.5 % there is none, of 7 % there is one, over a fifth of the curve."""
    assert not rises_of(raised(1000, 500, 700, 1.045, noise=1e-4))
    assert all(rise.height > rise.limit for rise in rises_of(raised(1000, 500, 700, 1.07, noise=1e-4)))


def test_places_are_plain_numbers() -> None:
    assert {type(rise.first) for rise in rises_of(raised(1000, 500, 700, 2.0))} == {int}


@pytest.mark.parametrize(("quantum", "is_seen"), [(0.0, True), (0.1, True), (0.15, True), (0.3, False)])
def test_rounding_is_no_rise(quantum: float, is_seen: bool) -> None:
    """A rise of about 0.55 spans three steps of the last digit, or is none."""
    loss = raised(1000, 500, 700, 1.5, noise=1e-4)
    assert bool(rises_of(loss, quantum=quantum)) is is_seen


@pytest.mark.parametrize(
    ("medians", "blocks", "expected"),
    [
        ([5, 4, 3, 2], 1, [5, 5, 4, 3]),
        ([5, 4, 3, 2], 2, [5, 5, 5, 4]),
        ([5, 1, 4, 4, 3, 3], 2, [5, 5, 5, 4, 4, 4]),  # the 1 was not held
        ([5, 1, 1, 4], 2, [5, 5, 5, 1]),
        ([1, 5, 5], 2, [1, 1, 5]),
        ([3, 2, 1], 9, [3, 3, 3]),
    ],
)
def test_a_best_level_is_one_that_was_held(medians: list[float], blocks: int, expected: list[float]) -> None:
    assert rises.best_held(np.array(medians, dtype=float), blocks).tolist() == expected


def test_a_few_easy_batches_at_the_start_are_no_level() -> None:
    loss = 3 * np.exp(0.01 * np.random.default_rng(0).normal(size=4000))
    loss[300:305] *= 0.9
    assert rises_of(loss) == []


@pytest.mark.parametrize("kind", ["exponential", "lognormal", "student", "pareto", "outliers"])
@pytest.mark.parametrize("n", [100, 300, 2000])
def test_values_in_any_order_do_not_rise_whatever_their_distribution(kind: str, n: int) -> None:
    def draw(seed: int) -> Values:
        rng = np.random.default_rng(seed)
        if kind == "student":
            return np.maximum(5 + 0.5 * rng.standard_t(2, n), 1e-3)
        if kind == "outliers":
            return np.where(rng.random(n) < 0.01, 20.0, 2 + 0.1 * rng.normal(size=n))
        return {
            "exponential": rng.exponential(size=n),
            "lognormal": rng.lognormal(size=n),
            "pareto": rng.pareto(1.5, n) + 1,
        }[kind]

    assert sum(bool(rises_of(draw(seed), alpha=0.01)) for seed in range(60)) <= 3


@pytest.mark.parametrize(("factor", "is_seen"), [(1.3, False), (2.0, True), (50.0, True)])
def test_a_smooth_curve_shows_only_what_is_large(factor: float, is_seen: bool) -> None:
    loss = 2 + 3 * np.exp(-np.arange(600) / 80)
    loss[300:] *= 1 + (factor - 1) * np.exp(-np.arange(300) / 40)
    units = measure(loss)
    found = rises.find_in_smooth(units, correlation.wander(units.y), 0.01)
    assert bool(found) is is_seen
    assert all(rise.height > rise.limit >= rises.THRESHOLDS.large for rise in found)


@pytest.mark.parametrize("correlation_time", [1, 5, 30])
def test_blocks_outlive_the_correlation(correlation_time: int) -> None:
    found = rises_of(raised(2000, 1000, 1400, 4.0), correlation_time)
    assert found
    assert all(rise.length > 3 * correlation_time for rise in found)


@pytest.mark.parametrize(
    "loss",
    [
        [],
        [1.0],
        [1.0, 2.0],
        [2.0, 1.0, 3.0],
        [1.0] * 7,
        [3.0] * 100,
        [0.0] * 100,
        [1e300] * 100,
        [1e-300] * 100,
        [5e-324] * 100,
        list(np.linspace(9, 1, 100)),
        list(np.linspace(9, -9, 100)),
    ],
    ids=lambda loss: f"{len(loss)} of {loss[:2]}",
)
def test_curves_without_a_rise(loss: list[float]) -> None:
    if not loss:
        units = replace(measure(np.ones(1)), y=np.zeros(0))
        assert rises.find(units, 0, ALPHA, 0.0) == []
    else:
        assert rises_of(np.array(loss)) == []


@pytest.mark.parametrize("low", [1e-300, 1.0, 1e290])
def test_two_values_with_a_step_between_them(low: float) -> None:
    loss = np.full(100, low)
    loss[50:] = 1e9 * low
    found = rises_of(loss)
    assert {rise.end for rise in found} == {100}
    assert found[0].first in range(45, 53)


@settings(max_examples=40)
@given(
    st.lists(st.floats(-1e100, 1e100) | st.sampled_from([0.0, 1.0, 1e300, 1e-300]), min_size=1, max_size=150),
    st.integers(0, 5),
)
def test_wild_losses_have_rises_within_the_curve(loss: list[float], correlation_time: int) -> None:
    units = measure(np.array(loss))
    if np.abs(units.y).max() > 1e150:
        return  # a negative constant, see test_log_units
    for rise in rises.find(units, correlation_time, 0.01, 0.0):
        assert 0 <= rise.first <= rise.peak < rise.end <= len(loss)
        assert rise.height > rise.limit
        assert rise.limit >= rises.THRESHOLDS.rise


def swinging_then_up(height: float) -> Values:
    """Swings of three points that hide what comes, a level that is held, and a sixth of the run above it."""
    noise = 0.02 * np.random.default_rng(3).normal(size=300)
    y = 1 + np.where(np.arange(300) < 90, 0.9 * (np.arange(300) // 3 % 4 == 1), 0.0) + noise
    y[150:200] += height
    return np.asarray(np.exp(y))


@pytest.mark.parametrize(("height", "is_found"), [(0.3, True), (0.0, False)])
def test_a_lasting_rise_is_seen_beside_the_noise_of_the_whole_curve(height: float, is_found: bool) -> None:
    found = rises.find_lasting(measure(swinging_then_up(height)), 0, ALPHA)
    assert bool(found) is is_found
    assert all(135 <= rise.first <= 165 and 185 <= rise.end <= 215 for rise in found)


def test_a_lasting_rise_lasts_for_a_tenth_of_the_curve() -> None:
    y = swinging_then_up(0.0)
    y[150:165] *= 1.5
    assert rises.find_lasting(measure(y), 0, ALPHA) == []
