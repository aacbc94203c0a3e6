"""Single logged points far above what comes before and after them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_curves import falling

from lrdoctor.measures import points
from lrdoctor.measures.units import measure

ALPHA = 0.05


def found(loss: np.ndarray, alpha: float = 0.01) -> list[int]:
    return [rise.first for rise in points.find(measure(loss), alpha)]


@pytest.mark.parametrize(("n", "n_curves"), [(30, 300), (100, 300), (1000, 100)])
def test_noise_alone_makes_one_as_often_as_it_may(n: int, n_curves: int) -> None:
    rng = np.random.default_rng(n)
    n_seen = sum(bool(found(np.exp(0.5 * rng.normal(size=n)), ALPHA)) for _ in range(n_curves))
    assert n_seen / n_curves <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / n_curves)


@pytest.mark.parametrize("at", [10, 70, 150, 198, 199])
@pytest.mark.parametrize("factor", [5.0, 1e6])
def test_a_point_is_seen_where_it_is(at: int, factor: float) -> None:
    loss = falling(200)
    loss[at] *= factor
    assert found(loss) == [at]


def test_what_is_said_of_it() -> None:
    loss = np.full(100, 2.0)
    loss[40] = 8.0
    (rise,) = points.find(measure(loss), 0.01)
    assert (rise.length, rise.first, rise.end, rise.peak) == (1, 40, 41, 40)
    assert rise.height == pytest.approx(np.log(4))
    assert rise.base == pytest.approx(np.log(2))
    assert rise.limit == points.THRESHOLDS.rise


@pytest.mark.parametrize(("factor", "is_seen"), [(1.35, False), (1.45, True)])
def test_a_small_one_is_not_worth_a_word(factor: float, is_seen: bool) -> None:
    loss = np.full(100, 2.0)
    loss[40] *= factor
    assert bool(found(loss)) is is_seen


@pytest.mark.parametrize(("dip", "is_seen"), [(0.75, True), (0.25, False)])
def test_where_points_go_down_as_far_they_may_go_up(dip: float, is_seen: bool) -> None:
    """A point four times as high, beside another that is so much lower."""
    loss = falling(200)
    loss[100] *= 4.0
    loss[50] *= dip
    assert bool(found(loss)) is is_seen


@pytest.mark.parametrize("n", [1, 2, 3, 29])
def test_too_few_points(n: int) -> None:
    loss = falling(max(n, 1))
    loss[n // 2] *= 100
    assert found(loss) == []


@pytest.mark.parametrize(
    "loss",
    [np.full(100, 2.0), np.zeros(100), np.full(100, 1e300), np.full(100, 1e-300), np.linspace(9, -9, 100)],
    ids=["2", "0", "1e300", "1e-300", "a fall"],
)
def test_nothing_stands_out(loss: np.ndarray) -> None:
    assert found(loss) == []


def test_the_first_point_is_the_start() -> None:
    loss = falling(100)
    loss[0] *= 1e6
    assert found(loss) == []


@pytest.mark.parametrize(("factor", "is_seen"), [(1.2, False), (1e6, True)])
def test_the_last_point_is_compared_with_those_before_it(factor: float, is_seen: bool) -> None:
    loss = falling(100)
    loss[99] *= factor
    assert found(loss) == ([99] if is_seen else [])


@pytest.mark.parametrize(("others", "is_seen"), [(1.0, True), (2.5, False)])
def test_where_points_often_go_up_one_more_is_nothing(others: float, is_seen: bool) -> None:
    """Every twelfth point is so many times as high; the upper tail that they make is this curve's noise."""
    loss = falling(300)
    loss[30::12] *= others
    loss[154] *= 4
    assert found(loss) == ([154] if is_seen else [])


def test_the_tail_is_that_of_a_generalized_pareto_distribution() -> None:
    """Of draws from one with the same shape, the highest of all exceeds it as often as alpha says."""
    rng, shape = np.random.default_rng(0), points.THRESHOLDS.shape
    heights = (rng.random((400, 2000)) ** -shape - 1) / shape
    n_above = sum(row.max() > points._tail(row, 0.1) for row in heights)
    assert 0.05 <= n_above / 400 <= 0.2


def test_a_step_up_is_no_point() -> None:
    loss = falling(200)
    loss[100:] *= 50
    assert found(loss) == []


@pytest.mark.parametrize("constant", [1e-200, 3.0, 1e200])
def test_a_constant_factor_changes_nothing(constant: float) -> None:
    loss = falling(300)
    loss[[20, 100, 290]] *= 4
    assert found(constant * loss) == found(loss) == [20, 100, 290]


@pytest.mark.parametrize(("a", "b"), [(1e-100, 0.0), (7.0, -50.0), (1e100, 0.0)])
def test_neither_scale_nor_level_matter_to_a_loss_that_is_not_positive(a: float, b: float) -> None:
    loss = falling(300) - 3
    loss[[20, 100, 290]] += 9
    assert found(a * loss + b) == found(loss) == [20, 100, 290]


@settings(max_examples=40)
@given(st.lists(st.floats(-1e100, 1e100) | st.sampled_from([0.0, 1e300, 1e-300]), min_size=1, max_size=120))
def test_wild_losses_have_points_above_both_sides(loss: list[float]) -> None:
    units = measure(np.array(loss))
    if np.abs(units.y).max() > 1e150:
        return  # a negative constant, see test_log_units
    for rise in points.find(units, 0.01):
        assert 0 < rise.first < len(loss)
        assert rise.height > rise.limit >= points.THRESHOLDS.rise
