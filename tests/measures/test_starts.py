"""Losses that are worse than at the start, for a good part of the run or for a moment."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.core.curve import EMPTY, Curve
from lrdoctor.measures import starts
from lrdoctor.measures.rises import Rise
from lrdoctor.measures.units import measure


def loss(n: int, first: int, end: int, factor: float) -> np.ndarray:
    """A loss of 2, that many times as high from `first` up to `end`."""
    value = np.full(n, 2.0)
    value[first:end] *= factor
    return value


@pytest.mark.parametrize(
    ("n", "first", "end", "factor", "expected"),
    [
        (100, 50, 80, 3.0, (50, 80)),
        (100, 50, 100, 3.0, (50, 100)),
        (103, 50, 103, 3.0, (50, 103)),  # to the end, beyond the last whole block
        (60, 30, 45, 3.0, (30, 45)),  # short curves have blocks of three
        (15, 6, 12, 3.0, (6, 12)),
        (100, 50, 80, 1.9, None),
        (100, 50, 80, 2.1, (50, 80)),
        (100, 50, 55, 3.0, None),  # one block
        (100, 50, 60, 3.0, (50, 60)),
        (1000, 500, 590, 3.0, None),  # 9 % of the run
        (1000, 500, 600, 3.0, (500, 600)),
        (14, 6, 14, 3.0, (6, 14)),
        (3, 1, 3, 9.0, None),  # too few points
    ],
)
def test_where_it_is_twice_as_bad(
    n: int, first: int, end: int, factor: float, expected: tuple[int, int] | None
) -> None:
    found = starts.find(measure(loss(n, first, end, factor)))
    assert [(rise.first, rise.end) for rise in found] == ([] if expected is None else [expected])


def test_what_is_said_of_it() -> None:
    value = loss(100, 50, 80, 3.0)
    value[60:65] = 40.0
    (rise,) = starts.find(measure(value))
    assert rise.height == pytest.approx(np.log(20), rel=0.01)
    assert rise.base == pytest.approx(np.log(2.02))
    assert rise.limit == pytest.approx(np.log(2))
    assert rise.peak == 60
    assert rise.length == 5


def test_from_the_first_bad_block_to_the_last() -> None:
    value = loss(200, 50, 80, 3.0)
    value[150:170] *= 3
    (rise,) = starts.find(measure(value))
    assert (rise.first, rise.end) == (50, 170)


@pytest.mark.parametrize(("factor", "is_seen"), [(90.0, False), (110.0, True)])
def test_another_limit(factor: float, is_seen: bool) -> None:
    found = starts.find(measure(loss(100, 50, 100, factor)), float(np.log(100)))
    assert bool(found) is is_seen


@pytest.mark.parametrize("shift", [-2.0, -3.0])
def test_ratios_of_losses_that_are_not_positive_mean_nothing(shift: float) -> None:
    assert starts.find(measure(loss(100, 50, 100, 30.0) + shift)) == []


@pytest.mark.parametrize("constant", [1e-300, 1e-3, 1e300])
def test_a_constant_factor_changes_nothing(constant: float) -> None:
    (rise,) = starts.find(measure(constant * loss(100, 50, 80, 30.0)))
    assert (rise.first, rise.end) == (50, 80)
    assert rise.height == pytest.approx(np.log(30), rel=0.01)


@pytest.mark.parametrize("n", [30, 120, 1000])
@pytest.mark.parametrize("spread", [0.02, 0.3])
@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_a_loss_that_jumps_above_its_first_value_and_stays(n: int, spread: float, factor: float) -> None:
    value = 2 * np.append(1.0, factor * np.exp(spread * np.random.default_rng(n).normal(size=n - 1)))
    found = starts.find(measure(value))
    assert [(rise.first, rise.end) for rise in found] == ([(1, n)] if factor > 1 else [])


def test_back_half_way_and_up_again() -> None:
    """First losses of 12, then four times as much, back to where it began and up once more."""
    value = np.concatenate([[12.4, 12.4], np.linspace(48, 11.6, 30), np.linspace(11.6, 20, 30)])
    assert starts.find(measure(value))


@pytest.mark.parametrize("n", [4, 11, 200])
def test_magnitude_makes_up_for_numbers(n: int) -> None:
    value = np.exp(np.random.default_rng(0).normal(size=n))
    value[-max(n // 10, 1) :] *= 1e9
    (rise,) = starts.find(measure(value))
    assert rise.end == n


@pytest.mark.parametrize("draw", ["exponential", "lognormal"])
def test_the_first_of_values_in_any_order_is_no_start(draw: str) -> None:
    def curve(seed: int) -> np.ndarray:
        return np.asarray(getattr(np.random.default_rng(seed), draw)(size=200))

    assert sum(bool(starts.find(measure(curve(seed)))) for seed in range(200)) <= 4


@pytest.mark.parametrize("n", [1, 2, 3, 200])
@pytest.mark.parametrize("value", [1e-300, 1.0, 1e300])
def test_a_constant_is_as_bad_as_at_the_start(n: int, value: float) -> None:
    assert starts.find(measure(np.full(n, value))) == []


def moment(peak: float = 3.0, norm_at: int = 10, norm: float = 9.0, until: int = 50, at: int = 10) -> list[Rise]:
    """Of a loss that falls from 2 to 1, so many times its first value at one step, and a norm of 1 but for another."""
    value, norms = np.linspace(2.0, 1.0, 200), np.ones(200)
    value[at] = 2 * peak
    norms[norm_at] = norm
    return starts.find_moment(measure(value), Curve.of(value), Curve.of(norms), until)


@pytest.mark.parametrize(
    ("changed", "is_seen"),
    [
        ({}, True),
        ({"peak": 1.9}, False),  # less than twice the first loss
        ({"peak": 2.1}, True),
        ({"norm": 1.9}, False),  # less than twice the others
        ({"norm": 2.0}, True),
        ({"norm_at": 7}, True),
        ({"norm_at": 6}, False),  # too far from the peak
        ({"norm_at": 100}, False),  # it stands out elsewhere
        ({"until": 10}, False),  # not early any more
        ({"until": 11}, True),
        ({"until": 0}, False),
    ],
)
def test_a_moment_with_a_gradient_that_stands_out(changed: dict[str, float], is_seen: bool) -> None:
    found = moment(**changed)  # type: ignore[arg-type]
    assert [(rise.first, rise.end, rise.peak) for rise in found] == ([(10, 11, 10)] if is_seen else [])


def test_what_is_said_of_a_moment() -> None:
    (rise,) = moment(peak=4.0)
    assert rise.height == pytest.approx(np.log(4), rel=0.01)
    assert rise.limit == starts.THRESHOLDS.moment


def test_a_moment_lasts_as_long_as_the_loss_is_above_its_first() -> None:
    value, norms = np.linspace(2.0, 1.0, 200), np.ones(200)
    value[8:14] = [2.5, 4.0, 9.0, 5.0, 3.0, 2.1]
    norms[9] = 20.0
    (rise,) = starts.find_moment(measure(value), Curve.of(value), Curve.of(norms), 50)
    assert (rise.first, rise.end, rise.peak) == (8, 14, 10)


@pytest.mark.parametrize("norm", [EMPTY, Curve.of(np.ones(14)), Curve.of(np.full(200, np.nan)), Curve.of(np.ones(200))])
def test_no_moment_without_norms_that_tell(norm: Curve) -> None:
    value = loss(200, 10, 11, 5.0)
    assert starts.find_moment(measure(value), Curve.of(value), norm, 50) == []


def test_no_moment_of_a_loss_that_is_not_positive() -> None:
    value, norms = loss(200, 10, 11, 5.0) - 3, np.ones(200)
    norms[10] = 50
    assert starts.find_moment(measure(value), Curve.of(value), Curve.of(norms), 50) == []


@pytest.mark.parametrize(("is_heavy", "is_found"), [(False, True), (True, False)])
def test_a_log_whose_losses_have_a_heavy_tail_may_begin_low(is_heavy: bool, is_found: bool) -> None:
    """A first loss of a quarter of all others is none where single others are as far off the rest; an exponential tail
    would not have it."""
    later = np.exp(np.linspace(-0.4, 0.4, 199))
    if is_heavy:
        later[:40] = np.exp(-0.33 - 0.02 * 1.12 ** np.arange(40))
    curve = measure(np.concatenate([[0.25], np.random.default_rng(0).permutation(later)]))
    assert bool(starts.find(curve, is_log=True)) is is_found


@pytest.mark.parametrize(
    ("n", "last", "first"),
    [
        (27, [1e150, 1e150, 0.2], 24),
        (27, [1e150, 1e150, 1e150], 24),
        (27, [0.2, 1e150, 1e150], 25),
        (14, [1e150], 13),
        (200, [1e150] * 4, 196),
        (200, [1e150, 1e150, 1e150, 0.2, 0.2], 195),
        (200, [0.2, 1e150, 1e150, 1e150, 0.2], 196),
    ],
)
def test_an_explosion_begins_where_it_rose_whatever_single_points_do(n: int, last: list[float], first: int) -> None:
    loss = np.array([2.5 * 0.95**k for k in range(n)])
    loss[n - len(last) :] = last
    (rise,) = starts.find(measure(loss), is_log=True)
    assert (rise.first, rise.end) == (first, n)
