from __future__ import annotations

import math

import numpy as np
import pytest

from lrdoctor.core import robust
from lrdoctor.core.curve import EMPTY, Curve


@pytest.mark.parametrize(("n", "length"), [(0, 5), (5, 5), (399, 5), (480, 6), (800, 10), (5120, 64), (10**6, 64)])
def test_block_length(n: int, length: int) -> None:
    assert robust.block_length(n) == length


@pytest.mark.parametrize(
    ("values", "length", "medians"),
    [
        ([3, 1, 2, 9, 9, 0], 3, [2, 9]),
        ([3, 1, 2, 9, 9], 3, [2]),  # the short last block is left out
        ([1, 2], 3, []),
        ([], 3, []),
        ([1, 1, 99, 99, 1], 5, [1]),  # two wild points cannot move a block of five
    ],
)
def test_block_medians(values: list[float], length: int, medians: list[float]) -> None:
    assert robust.block_medians(np.array(values, dtype=float), length).tolist() == medians


@pytest.mark.parametrize("sd", [0.001, 1.0, 50.0])
@pytest.mark.parametrize("trend", ["none", "line", "decay"])
def test_noise_is_the_deviation_around_the_trend(sd: float, trend: str) -> None:
    t = np.arange(4000)
    curve = {"none": 0 * t, "line": 0.01 * sd * t, "decay": 100 * sd * np.exp(-t / 800)}[trend]
    noise = robust.noise(curve + np.random.default_rng(0).normal(0, sd, t.size))
    assert noise == pytest.approx(sd, rel=0.06)


def test_noise_ignores_a_few_wild_points() -> None:
    values = np.random.default_rng(1).normal(0, 1, 2000)
    values[::50] = 1e9
    assert robust.noise(values) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("values", [[], [5.0], [2.0, 2.0, 2.0], [1.0, 2.0, 3.0, 4.0]])
def test_no_noise(values: list[float]) -> None:
    assert robust.noise(np.array(values)) == 0.0


@pytest.mark.parametrize(("alpha", "n"), [(0.01, 1), (0.01, 80), (0.05, 80), (0.01, 156)])
def test_two_extremes_are_two_normal_quantiles(alpha: float, n: int) -> None:
    one = robust.two_extremes(alpha, n) / 2
    assert math.erfc(one / math.sqrt(2)) / 2 == pytest.approx(alpha / (2 * n), rel=1e-9)


def test_two_extremes_of_nothing_is_that_of_one() -> None:
    assert robust.two_extremes(0.01, 0) == robust.two_extremes(0.01, 1)


@pytest.mark.parametrize(
    ("n", "share", "kept"), [(100, 0.1, 10), (10, 0.05, 1), (1, 0.5, 1), (0, 0.5, 0), (19, 0.1, 1)]
)
def test_last(n: int, share: float, kept: int) -> None:
    values = robust.last(Curve.of(range(n)), share)
    assert values.tolist() == list(range(n))[n - kept :]


def test_last_counts_finite_points_only() -> None:
    assert robust.last(Curve.of([1.0, 2.0, float("nan"), 3.0, float("inf")]), 0.5).tolist() == [3.0]
    assert robust.last(EMPTY, 0.5).tolist() == []
