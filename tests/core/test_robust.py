from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.core.curve import EMPTY, Curve
from lrdoctor.core.robust import median, medians, min_max_decimate

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True, width=32)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=40))
def test_medians_are_numpys_to_the_last_bit(values: list[float]) -> None:
    with np.errstate(all="ignore"):
        expected = float(np.median(values))
        assert float(median(values)).hex() == expected.hex()
        rows = np.array([values, values[::-1]])
        assert [float(each).hex() for each in medians(rows)] == [expected.hex()] * 2


def test_the_median_of_nothing_is_nan_and_that_of_steps_and_marks_a_float() -> None:
    assert math.isnan(median([]))
    assert (median(np.array([3, 1, 4, 1])), median(np.array([True, False]))) == (2.0, 0.5)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(values=st.lists(ANY_FLOAT, max_size=120), max_points=st.integers(4, 40))
def test_extremes_and_ends_survive(values: list[float], max_points: int) -> None:
    curve = Curve.of(values, first_step=3)
    thin = min_max_decimate(curve, max_points)
    finite = curve.finite
    assert len(thin) <= max_points
    assert np.isfinite(thin.value).all()
    assert (np.diff(thin.step) > 0).all()
    assert set(zip(thin.step, thin.value, strict=True)) <= set(zip(finite.step, finite.value, strict=True))
    if len(finite):
        assert thin.value.min() == finite.value.min()
        assert thin.value.max() == finite.value.max()
        assert (thin.step[0], thin.step[-1]) == (finite.step[0], finite.step[-1])


def test_every_bucket_keeps_its_lowest_and_highest() -> None:
    # buckets are steps 1-4 and 5-8; 0 and 9 are the ends
    curve = Curve.of([5, 1, 9, 2, 3, 7, 7.5, 0, 6, 4])
    assert min_max_decimate(curve, 6) == Curve(np.array([0, 1, 2, 6, 7, 9]), np.array([5.0, 1.0, 9.0, 7.5, 0.0, 4.0]))


def test_spike_of_one_step_survives() -> None:
    values = [1.0] * 10_000
    values[7_777] = 50.0
    thin = min_max_decimate(Curve.of(values), 500)
    assert len(thin) <= 500
    assert 7_777 in thin.step


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([], []),
        ([2.0], [2.0]),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]),
        ([math.nan, 1.0, math.inf, 2.0, math.nan], [1.0, 2.0]),
        ([math.nan, math.nan], []),
    ],
)
def test_short_curves_lose_only_what_is_not_finite(values: list[float], kept: list[float]) -> None:
    assert list(min_max_decimate(Curve.of(values), 4).value) == kept


def test_too_few_points_is_an_error() -> None:
    with pytest.raises(ValueError, match="max_points must be 4 or more, got 3"):
        min_max_decimate(EMPTY, 3)
