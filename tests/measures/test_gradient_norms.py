"""What the gradient norms of a log show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.core.curve import EMPTY, Curve, Values
from lrdoctor.measures import gradients


def norms(n: int, sd: float = 0.3, seed: int = 0) -> Values:
    return np.exp(sd * np.random.default_rng(seed).normal(size=n))


@pytest.mark.parametrize("at", [[30], [100, 101], [299]])
def test_outliers_are_where_they_are(at: list[int]) -> None:
    value = norms(300)
    value[at] = 1000.0
    value[at[-1]] = 2000.0
    found = gradients.outliers(Curve.of(value, first_step=7))
    assert found is not None
    assert (found.steps - 7).tolist() == at
    assert (found.largest, found.largest_step) == (2000.0, at[-1] + 7)
    assert found.usual == pytest.approx(1.0, rel=0.3)
    assert found.usual * 10 <= found.limit * (1 + 1e-12) < found.largest


@pytest.mark.parametrize(("factor", "is_seen"), [(9.0, False), (11.0, True)])
def test_ten_times_the_norms_before(factor: float, is_seen: bool) -> None:
    value = np.ones(100)
    value[50] = factor
    assert (gradients.outliers(Curve.of(value)) is not None) is is_seen


def test_they_are_compared_with_what_was_before_alone() -> None:
    value = np.ones(300)
    value[100:] = 1000.0
    found = gradients.outliers(Curve.of(value))
    assert found is not None
    assert found.steps[0] == 100
    assert found.usual == pytest.approx(1.0)


@pytest.mark.parametrize("sd", [0.3, 1.0, 2.0])
def test_heavy_tails_alone_are_no_outliers(sd: float) -> None:
    assert not any(gradients.outliers(Curve.of(norms(1000, sd, seed))) for seed in range(10))


@pytest.mark.parametrize(("n", "is_seen"), [(0, False), (1, False), (2, False), (3, False), (29, False), (30, True)])
def test_few_norms_show_nothing(n: int, is_seen: bool) -> None:
    value = np.ones(n)
    value[n // 2 :] = 1e6
    assert (gradients.outliers(Curve.of(value)) is not None) is is_seen


def test_norms_of_0_and_non_finite_ones_are_left_out() -> None:
    value = norms(300)
    value[200] = 1000.0
    holes = value.copy()
    holes[[3, 50, 250]] = [0.0, np.nan, np.inf]
    found = gradients.outliers(Curve.of(holes))
    assert found is not None
    assert found.steps.tolist() == [200]


@pytest.mark.parametrize("constant", [1e-250, 1e250])
def test_a_constant_factor_changes_nothing(constant: float) -> None:
    value = norms(300)
    value[[100, 200]] = [1000.0, 500.0]
    was, now = gradients.outliers(Curve.of(value)), gradients.outliers(Curve.of(constant * value))
    assert was is not None
    assert now is not None
    assert now.steps.tolist() == was.steps.tolist() == [100, 200]
    assert now.limit == pytest.approx(constant * was.limit)


@pytest.mark.parametrize(
    ("n", "first", "end", "factor", "expected"),
    [
        (1000, 600, 1000, 1e4, (600, 999)),
        (1000, 600, 720, 1e4, (600, 719)),
        (1000, 600, 1000, 50.0, None),
        (1000, 600, 620, 1e4, None),  # two blocks of twelve
        (1000, 0, 500, 1e4, None),  # norms that come down
        (100, 60, 100, 1e4, (60, 99)),
        (29, 10, 29, 1e4, None),
        (0, 0, 0, 1.0, None),
    ],
)
def test_explosions(n: int, first: int, end: int, factor: float, expected: tuple[int, int] | None) -> None:
    value = np.ones(n)
    value[first:end] = factor
    found = gradients.explosion(Curve.of(value))
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert (found.level, found.usual) == pytest.approx((factor, 1.0))
    assert (found.first_step, found.last_step) == pytest.approx(expected, abs=12)


@pytest.mark.parametrize("value", [0.0, 1e-300, 1.0, 1e300])
@pytest.mark.parametrize("n", [1, 30, 500])
def test_constants_show_nothing(n: int, value: float) -> None:
    curve = Curve.of(np.full(n, value))
    assert gradients.outliers(curve) is None
    assert gradients.explosion(curve) is None


def test_no_norms_at_all() -> None:
    assert gradients.outliers(EMPTY) is None
    assert gradients.explosion(EMPTY) is None


@settings(max_examples=40)
@given(st.lists(st.floats(), max_size=120))
def test_wild_norms(value: list[float]) -> None:
    curve = Curve.of(value)
    found, explosion = gradients.outliers(curve), gradients.explosion(curve)
    if found is not None:
        assert np.isin(found.steps, curve.step[curve.value > 0]).all()
        assert found.largest > found.usual
    if explosion is not None:
        assert explosion.first_step <= explosion.last_step
        assert explosion.level > explosion.usual
