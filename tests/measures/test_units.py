"""The scale on which rises of a loss are measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.measures import units

N = 200
FALLING = np.linspace(10.0, 1.0, N)


@pytest.mark.parametrize(
    ("loss", "is_log"),
    [
        (FALLING, True),
        (FALLING - 1, False),  # reaches 0
        (FALLING - 5, False),
        (-FALLING, False),
        (np.append(FALLING, 5e-324), True),
        (np.append(FALLING, -0.0), False),
    ],
)
def test_only_a_loss_that_is_positive_throughout_is_read_as_its_logarithm(loss: np.ndarray, is_log: bool) -> None:
    found = units.measure(loss)
    assert found.is_log is is_log
    expected = np.log(loss + found.floor) if is_log else loss / found.scale
    np.testing.assert_allclose(found.y, expected)
    assert (found.floor > 0) is is_log


@pytest.mark.parametrize(
    ("start", "first"),
    [([3.0], 3.0), ([3.0, 4.0], 3.5), ([1.0, 9.0, 2.0, 50.0], 2.0), ([-3.0, -9.0, -4.0], -4.0)],
)
def test_the_first_loss_is_the_median_of_three(start: list[float], first: float) -> None:
    assert units.measure(np.array(start)).first == first


@pytest.mark.parametrize("n", [5, 80, 400])
def test_progress_goes_down_to_the_lowest_block(n: int) -> None:
    loss = np.append([8.0] * 3, np.linspace(8.0, -2.0, n - 3))
    length = max(1, n // 80)
    lowest = min(np.median(loss[i : i + length]) for i in range(0, n - length + 1, length))
    found = units.measure(loss)
    assert found.progress == pytest.approx(8.0 - lowest)
    assert found.scale == found.progress
    assert found.made_progress


@pytest.mark.parametrize(
    ("fall", "made_progress"),
    [(0.0, False), (5.0, False), (30.0, True)],
)
def test_progress_is_more_than_noise(fall: float, made_progress: bool) -> None:
    rng = np.random.default_rng(0)
    loss = -np.linspace(0.0, fall, 2000) + rng.normal(size=2000)
    found = units.measure(loss)
    assert found.made_progress is made_progress
    assert found.scale >= 9.5  # a rise is measured in ten deviations at least


@pytest.mark.parametrize("loss", [[2.0], [2.0, 2.0], [2.0] * 30, [1e-300] * 30, [1e300] * 30, [0.0] * 30])
def test_a_constant_makes_no_progress(loss: list[float]) -> None:
    found = units.measure(np.array(loss))
    assert not found.made_progress
    assert found.progress > 0
    assert np.isfinite(found.y).all()
    assert np.ptp(found.y) == 0


@pytest.mark.parametrize("loss", [-2.5, -1e10])
def test_a_negative_constant_has_a_y_that_one_can_calculate_with(loss: float) -> None:
    found = units.measure(np.full(90, loss))
    assert np.abs(found.y).max() < 1e150


@pytest.mark.parametrize(
    ("before", "after", "height"),
    [
        (2.0, 4.0, np.log(2)),  # far above the floor a ratio
        (1e-4, 1e-3, 0.0352),  # from almost nothing to almost nothing
        (1e-4, 2.5, np.log(100)),
    ],
)
def test_the_floor_makes_rises_near_nothing_small(before: float, after: float, height: float) -> None:
    loss = np.concatenate([np.full(20, 2.5), np.full(180, before)])
    found = units.measure(loss)
    assert found.floor == pytest.approx(0.025)
    assert found.of_loss(after) - found.of_loss(before) == pytest.approx(height, rel=0.02)


@pytest.mark.parametrize("every", [2, 5, 20])
def test_the_floor_survives_thinning(every: int) -> None:
    loss = 3 * np.exp(-np.arange(4000) / 500)
    assert units.measure(loss[::every]).floor == pytest.approx(units.measure(loss).floor, rel=0.05)


def test_one_wild_first_loss_makes_no_floor() -> None:
    loss = np.append(1e6, FALLING)
    assert units.measure(loss).floor < 0.2


@given(st.floats(1e-12, 1e12), st.booleans())
def test_to_loss_undoes_of_loss(loss: float, is_log: bool) -> None:
    found = units.measure(FALLING if is_log else FALLING - 5)
    assert found.to_loss(found.of_loss(loss)) == pytest.approx(loss, rel=1e-9, abs=1e-14)


@given(st.floats(-1e100, 1e100))
def test_to_loss_undoes_of_loss_of_anything_where_there_is_no_logarithm(loss: float) -> None:
    found = units.measure(FALLING - 5)
    assert found.to_loss(found.of_loss(loss)) == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize(
    ("is_log", "height", "words"),
    [
        (True, np.log(1.05), "by 5 %"),
        (True, np.log(1.354), "by 35 %"),
        (True, np.log(4.1), "4.1-fold"),
        (True, np.log(2) + 1e-12, "2-fold"),
        (True, 0.0, "by 0 %"),
        (True, 1e4, "inf-fold"),
        (False, 0.4, "by 0.4 of the progress made"),
        (False, 12.34, "by 12 of the progress made"),
    ],
)
def test_heights_in_words(is_log: bool, height: float, words: str) -> None:
    assert units.measure(FALLING if is_log else FALLING - 5).ratio(height) == words


@given(st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=60))
def test_wild_losses_have_units(loss: list[float]) -> None:
    found = units.measure(np.array(loss))
    assert found.y.shape == (len(loss),)
    assert np.isfinite(found.y).all()
    assert found.scale > 0
    assert found.progress > 0
