"""Short excursions far above what comes before and after them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_curves import falling

from lrdoctor.core.curve import Values
from lrdoctor.measures import bursts
from lrdoctor.measures.units import measure


def found(loss: Values, *, single: bool = True, correlation_time: int = 0) -> list[tuple[int, int]]:
    seen = bursts.find(measure(loss), correlation_time, 0.01, single=single)
    return [(rise.first, rise.end) for rise in seen]


def raised_at(places: list[int], length: int, factor: float, n: int = 600) -> Values:
    loss = falling(n)
    for at in places:
        loss[at : at + length] *= factor
    return loss


@pytest.mark.parametrize("at", [10, 70, 150, 198, 199])
@pytest.mark.parametrize("factor", [5.0, 1e6])
def test_a_point_is_seen_where_it_is(at: int, factor: float) -> None:
    assert found(raised_at([at], 1, factor, 200)) == [(at, at + 1)]
    assert found(raised_at([at], 1, factor, 200), single=False) == []


@pytest.mark.parametrize("length", [3, 4, 8])
@pytest.mark.parametrize("factor", [5.0, 50.0])
@pytest.mark.parametrize("places", [[300], [100, 300, 500], [60 * k for k in range(1, 10)]])
def test_points_side_by_side_do_not_hide_each_other(places: list[int], factor: float, length: int) -> None:
    seen = found(raised_at(places, length, factor), single=False)
    assert seen == [(at, at + length) for at in places]


def test_what_is_said_of_it() -> None:
    loss = np.full(100, 2.0)
    loss[40] = 8.0
    (rise,) = bursts.find(measure(loss), 0, 0.01, single=True)
    assert (rise.length, rise.first, rise.end, rise.peak) == (1, 40, 41, 40)
    assert rise.height == pytest.approx(np.log(4), rel=0.01)
    assert rise.limit == bursts.THRESHOLDS.single


@pytest.mark.parametrize(("factor", "is_seen"), [(1.35, False), (1.45, True)])
def test_a_small_one_is_not_worth_a_word(factor: float, is_seen: bool) -> None:
    loss = np.full(100, 2.0)
    loss[40] *= factor
    assert bool(found(loss)) is is_seen


def test_a_hole_does_not_hide_a_peak() -> None:
    loss = np.exp(0.05 * np.random.default_rng(0).normal(size=300))
    loss[[80, 200]] = 1e-10, 1e10
    assert found(loss) == [(200, 201)]


@pytest.mark.parametrize("n", [1, 2, 3, 11])
def test_too_few_points(n: int) -> None:
    loss = falling(max(n, 1))
    loss[n // 2] *= 100
    assert found(loss) == []


@pytest.mark.parametrize(
    "loss",
    [np.full(100, 2.0), np.zeros(100), np.full(100, 1e300), np.full(100, 1e-300), np.linspace(9, -9, 100)],
    ids=["2", "0", "1e300", "1e-300", "a fall"],
)
def test_nothing_stands_out(loss: Values) -> None:
    assert found(loss) == []


def test_the_first_point_is_the_start() -> None:
    assert found(raised_at([0], 1, 1e6, 100)) == []


@pytest.mark.parametrize(("others", "is_seen"), [(1.0, True), (2.5, False)])
def test_where_points_often_go_up_one_more_is_nothing(others: float, is_seen: bool) -> None:
    """Every twelfth point is so many times as high; the upper tail that they make is this curve's noise."""
    loss = falling(300)
    loss[30::12] *= others
    loss[154] *= 4
    assert found(loss) == ([(154, 155)] if is_seen else [])


@pytest.mark.parametrize("draw", ["lognormal", "exponential", "pareto"])
@pytest.mark.parametrize("n", [100, 1000])
def test_values_in_any_order_make_no_burst(draw: str, n: int) -> None:
    def curve(seed: int) -> Values:
        rng = np.random.default_rng(seed)
        return {
            "lognormal": rng.lognormal(size=n),
            "exponential": rng.exponential(size=n),
            "pareto": 1 + rng.pareto(1.5, n),
        }[draw]

    assert sum(bool(found(curve(seed), single=False)) for seed in range(100)) <= 3


def test_a_step_up_is_no_burst() -> None:
    loss = falling(200)
    loss[100:] *= 50
    assert found(loss) == []


@pytest.mark.parametrize("constant", [1e-200, 3.0, 1e200])
def test_a_constant_factor_changes_nothing(constant: float) -> None:
    loss = raised_at([20, 100, 290], 1, 4.0, 300)
    assert found(constant * loss) == found(loss) == [(20, 21), (100, 101), (290, 291)]


@settings(max_examples=40)
@given(st.lists(st.floats(-1e100, 1e100) | st.sampled_from([0.0, 1e300, 1e-300]), min_size=1, max_size=120))
def test_wild_losses_have_bursts_above_their_limit(loss: list[float]) -> None:
    units = measure(np.array(loss))
    if np.abs(units.y).max() > 1e150:
        return  # a negative constant
    for rise in bursts.find(units, 0, 0.01, single=True):
        assert 0 < rise.first < rise.end <= len(loss)
        assert rise.height > rise.limit >= bursts.THRESHOLDS.heights[0]


def test_in_a_log_a_burst_in_a_steep_fall_is_seen() -> None:
    """Three points above the level that the loss had just reached, and below the one of five points before."""
    n = 200
    loss = 2 * np.exp(0.01 * np.random.default_rng(0).normal(size=n)) + 40 * np.exp(-0.6 * np.arange(n))
    loss[8:11] = 5.0, 4.4, 3.4
    assert bursts.find(measure(loss), 0, 0.01, single=True) == []
    seen = bursts.find(measure(loss), 0, 0.01, single=True, is_log=True)
    assert [rise.first for rise in seen] == [8]


def test_of_a_run_that_never_moves_a_single_point_has_to_be_beyond_the_heaviest_tail() -> None:
    loss = 2 * np.exp(0.1 * np.random.default_rng(0).standard_t(3, size=300))
    loss[150] = 2 * np.exp(5)
    assert [rise.first for rise in bursts.find(measure(loss), 0, 0.01, single=True)] == [150]
    assert bursts.find(measure(loss), 0, 0.01, single=True, is_log=True, learns=False) == []
    loss[150] = 2 * np.exp(40)
    assert [rise.first for rise in bursts.find(measure(loss), 0, 0.01, single=True, is_log=True, learns=False)] == [150]
