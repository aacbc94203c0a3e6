from __future__ import annotations

import math

import numpy as np
import pytest

from lrdoctor.core import robust


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


@pytest.mark.parametrize(("alpha", "n"), [(0.01, 1), (0.01, 80), (0.05, 80), (0.01, 156)])
def test_two_extremes_are_two_normal_quantiles(alpha: float, n: int) -> None:
    one = robust.two_extremes(alpha, n) / 2
    assert math.erfc(one / math.sqrt(2)) / 2 == pytest.approx(alpha / (2 * n), rel=1e-9)


def test_two_extremes_of_nothing_is_that_of_one() -> None:
    assert robust.two_extremes(0.01, 0) == robust.two_extremes(0.01, 1)
