from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

from lrdoctor.core.curve import EMPTY, Curve

NAN, INF = math.nan, math.inf
GAPPY = Curve(np.array([2, 5, 6, 9]), np.array([4.0, NAN, 3.0, INF]))


@pytest.mark.parametrize(
    ("step", "value", "message"),
    [
        ([0, 1], [1.0], "got 2 steps and 1 values"),
        ([], [1.0], "got 0 steps and 1 values"),
        ([0, 1, 1], [1.0, 2.0, 3.0], "got 1 then 1"),
        ([3, 5, 4, 2], [1.0, 2.0, 3.0, 4.0], "got 5 then 4"),
    ],
)
def test_refused(step: list[int], value: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Curve(np.array(step, dtype=np.int64), np.array(value))


def test_arrays_are_copied_and_read_only() -> None:
    step, value = np.array([0, 1]), np.array([1.0, 2.0])
    curve = Curve(step, value)
    value[0] = 99.0
    assert curve.value[0] == 1.0
    for array in (curve.step, curve.value):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7


def test_arrays_that_nobody_can_write_to_are_shared() -> None:
    step, value = np.arange(3), np.ones(3)
    view = value[:]
    for array in (step, value, view):
        array.flags.writeable = False
    assert Curve(step, value).step is step
    assert Curve(step, value).value is value
    value.flags.writeable = True
    assert not np.shares_memory(Curve(step, view).value, value)


@pytest.mark.parametrize("again", [lambda c: pickle.loads(pickle.dumps(c)), copy.deepcopy], ids=["pickle", "deepcopy"])
def test_copies_are_equal_and_still_read_only(again) -> None:
    twin = again(GAPPY)
    assert twin == GAPPY
    assert not twin.step.flags.writeable
    assert not twin.value.flags.writeable


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        (Curve(np.array([2, 5, 6, 9]), np.array([4.0, NAN, 3.0, INF])), True),
        (Curve(np.array([2, 5, 6, 9]), np.array([4.0, NAN, 3.0, -INF])), False),
        (Curve(np.array([2, 5, 6, 9]), np.array([4.0, 0.0, 3.0, INF])), False),
        (Curve(np.array([2, 5, 6, 10]), np.array([4.0, NAN, 3.0, INF])), False),
        (Curve(np.array([2, 5]), np.array([4.0, NAN])), False),
        ("a curve", False),
    ],
)
def test_equality_is_by_content(other: object, equal: bool) -> None:
    assert (other == GAPPY) is equal


def test_not_hashable() -> None:
    with pytest.raises(TypeError):
        hash(GAPPY)


@pytest.mark.parametrize(
    ("curve", "finite", "first_non_finite"),
    [
        (GAPPY, [4.0, 3.0], 5),
        (Curve.of([1.0, 2.0]), [1.0, 2.0], None),
        (Curve.of([-INF], first_step=7), [], 7),
        (EMPTY, [], None),
    ],
)
def test_finite_part(curve: Curve, finite: list[float], first_non_finite: int | None) -> None:
    assert curve.finite.value.tolist() == finite
    assert curve.first_non_finite == first_non_finite


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [(0, [], [2, 5, 6, 9]), (5, [2], [5, 6, 9]), (7, [2, 5, 6], [9]), (9, [2, 5, 6], [9]), (10, [2, 5, 6, 9], [])],
)
def test_before_and_after_split_at_a_step(step: int, before: list[int], after: list[int]) -> None:
    assert GAPPY.before(step).step.tolist() == before
    assert GAPPY.after(step).step.tolist() == after
    assert len(GAPPY.before(step)) + len(GAPPY.after(step)) == len(GAPPY)


def test_of_counts_steps_from_the_first() -> None:
    curve = Curve.of((x * x for x in range(3)), first_step=10)
    assert (curve.step.tolist(), curve.value.tolist()) == ([10, 11, 12], [0.0, 1.0, 4.0])
    assert Curve.of([]) == EMPTY
