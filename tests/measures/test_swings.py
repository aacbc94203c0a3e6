"""Stretches where the curve swings far more than before."""

from __future__ import annotations

import numpy as np
import pytest
from log_curves import falling

from lrdoctor.core.curve import Values
from lrdoctor.measures import swings
from lrdoctor.measures.units import LARGEST


def noisy(n: int, first: int, end: int, wider: float, seed: int = 0) -> Values:
    """Normal values around 10, so many times as wide from `first` up to `end`."""
    value = 0.1 * np.random.default_rng(seed).normal(size=n)
    value[first:end] *= wider
    return 10 + value


def found_in(*curves: Values) -> swings.Swing | None:
    """In a log of every step."""
    return swings.find(np.arange(len(curves[0])), *curves)


def slow_spreads(curve: Values, length: int) -> list[float]:
    """Around the line whose slope is that from the median of the first half to that of the second."""
    found = []
    for i in range(0, len(curve) - length + 1, length):
        block = curve[i : i + length]
        half = length // 2
        slope = (np.median(block[half:]) - np.median(block[:half])) / half
        rest = [value - slope * k for k, value in enumerate(block)]
        low, high = np.quantile(rest, [swings.THRESHOLDS.low, swings.THRESHOLDS.high])
        found.append(float(np.log(high - low)))
    return found


@pytest.mark.parametrize("length", [20, 50])
@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_spreads_are_those_around_a_straight_line(length: int, slope: float) -> None:
    curve = noisy(333, 100, 200, 5.0) + slope * np.arange(333)
    np.testing.assert_allclose(swings._spreads(curve, length), slow_spreads(curve, length), rtol=1e-6)


def slow_excess(spread: Values) -> list[float]:
    limits, found = swings.THRESHOLDS, []
    for j in range(len(spread)):
        if j < limits.fewest_before:
            found.append(-np.inf)
            continue
        before = [spread[i] for i in range(j - 1) if i >= j - limits.before]  # the block just before may be wide itself
        usual = float(np.median(before))
        varies = 1.4826 * float(np.median([abs(b - usual) for b in before]))
        found.append(spread[j] - usual - max(limits.wider, limits.deviations * max(varies, 0.3)))
    return found


@pytest.mark.parametrize("m", [0, 3, 4, 5, 13, 50])
def test_excess_is_the_loop(m: int) -> None:
    spread = np.random.default_rng(m).normal(size=m)
    np.testing.assert_allclose(swings._excess(spread, 0.3), slow_excess(spread))


@pytest.mark.parametrize("n", [200, 1000, 5000])
@pytest.mark.parametrize("wider", [5.0, 100.0])
def test_a_swing_is_where_it_is(n: int, wider: float) -> None:
    first, end = n // 2, n // 2 + n // 4
    curve = noisy(n, first, end, wider)
    found = found_in(curve)
    length = max(20, n // 50)
    assert found is not None
    assert abs(found.first - first) <= length
    assert first < found.end <= end + length
    assert found.wider == pytest.approx(wider, rel=0.6)


def test_a_swing_to_the_end_ends_with_the_blocks() -> None:
    found = found_in(noisy(1000, 600, 1000, 10.0))
    assert found is not None
    assert found.end <= 1000


@pytest.mark.parametrize(("n", "n_curves"), [(120, 200), (400, 100), (3000, 40)])
def test_noise_alone_hardly_ever_swings(n: int, n_curves: int) -> None:
    n_seen = sum(found_in(noisy(n, 0, 0, 1.0, seed)) is not None for seed in range(n_curves))
    assert n_seen <= 0.02 * n_curves


@pytest.mark.parametrize("n", [1, 2, 3, 119])
def test_too_few_points(n: int) -> None:
    assert found_in(noisy(n, n // 2, n, 50.0)) is None


@pytest.mark.parametrize("value", [0.0, -2.0, 1e-300, 1e300])
def test_a_constant_does_not_swing(value: float) -> None:
    assert found_in(np.full(500, value)) is None


def test_one_wide_block_is_no_swing() -> None:
    assert found_in(noisy(1000, 500, 520, 50.0)) is None


@pytest.mark.parametrize("factor", [3.0, 100.0])
def test_single_wild_points_are_no_swing(factor: float) -> None:
    """One in each of two blocks."""
    curve = noisy(1000, 0, 0, 1.0)
    curve[[500, 520]] *= factor
    assert found_in(curve) is None


def test_every_curve_has_to_swing() -> None:
    wide, calm = noisy(1000, 500, 700, 10.0), noisy(1000, 0, 0, 1.0)
    assert found_in(wide, wide) == found_in(wide)
    assert found_in(wide, calm) is None
    assert found_in(calm, wide) is None


def test_a_loss_that_falls_to_0_does_not_swing() -> None:
    """Its logarithm grows noisier, the loss itself calmer."""
    loss = np.repeat([1.0, 0.03], 1000) + 0.005 * np.random.default_rng(0).normal(size=2000)
    assert found_in(np.log(loss)) is not None
    assert found_in(np.log(loss), loss) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_healthy_fall_does_not_swing(seed: int) -> None:
    loss = falling(2000, 0.1, seed)
    assert found_in(np.log(loss), loss) is None


@pytest.mark.parametrize(("factor", "shift"), [(1e-100, 0.0), (-4.0, 7.0), (1e100, 0.0)])
def test_neither_scale_nor_level_matter(factor: float, shift: float) -> None:
    was, now = (
        found_in(curve) for curve in (noisy(1000, 500, 700, 10.0), factor * noisy(1000, 500, 700, 10.0) + shift)
    )
    assert was is not None
    assert now is not None
    assert (now.first, now.end) == (was.first, was.end)
    assert now.wider == pytest.approx(was.wider, rel=1e-6)


def test_the_largest_losses_that_the_view_lets_through() -> None:
    """Larger ones count as that: their sums would overflow."""
    curve = np.ones(200)
    curve[100:] = LARGEST
    assert found_in(curve) is None  # a step is no swing


@pytest.mark.parametrize(("times", "is_seen"), [(1, True), (2, True), (5, False)])
def test_blocks_of_far_more_steps_do_not_compare(times: int, is_seen: bool) -> None:
    """Where one point in so many is logged from the middle on, and the curve swings there."""
    curve = noisy(1000, 600, 1000, 10.0)
    step = np.concatenate([np.arange(600), 600 + times * np.arange(400)])
    assert (swings.find(step, curve) is not None) is is_seen


def saw_teeth(n: int, period: int, low: float, high: float) -> Values:
    """The logarithm of a loss that falls from high to low, and is thrown back again and again."""
    phase = np.arange(n) % period / period
    return np.log(high) + (np.log(low) - np.log(high)) * np.minimum(1.5 * phase, 1.0)


@pytest.mark.parametrize("n", [60, 400, 3000])
def test_a_run_that_is_thrown_back_again_and_again(n: int) -> None:
    found = swings.repeated(saw_teeth(n, max(n // 10, 10), 0.01, 3.0))
    assert found is not None
    assert found.times >= 3
    assert found.share > swings.THRESHOLDS.lost_share
    assert found.wider > found.limit


@pytest.mark.parametrize(
    "y",
    [
        np.log(falling(400, 0.3)),
        np.random.default_rng(0).normal(size=1000),  # values in any order
        np.random.default_rng(1).normal(size=1000) - np.linspace(0, 5, 1000),
        saw_teeth(400, 400, 0.01, 3.0),  # once
        saw_teeth(400, 40, 1.5, 3.0),  # twice the level is not lost
        np.where(np.arange(2000) % 400 < 8, 3.0, 0.0),  # for 2 % of the time
        np.zeros(100),
        np.zeros(3),
    ],
)
def test_what_is_not_thrown_back(y: Values) -> None:
    assert swings.repeated(y) is None
