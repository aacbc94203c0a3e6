"""What a logged learning rate shows."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.core.curve import EMPTY, Curve
from lrdoctor.measures import learning_rates


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([], []),
        ([0.1], []),
        ([0.1, 0.2], []),
        ([0.0, 0.1, 0.2, 0.3], []),  # a warmup
        ([0.001, 0.01, 0.1, 0.1], []),  # a steep one
        ([0.3, 0.2, 0.1, 0.3, 0.2], [3]),
        ([0.3, 0.1, 0.3, 0.1, 0.3], [2, 4]),
        ([0.3, 0.1, 0.9], [2]),
        ([0.3, 0.2, 0.29], []),  # by less than half
        ([0.3, 0.0, 0.3], []),  # a rate of 0 is a pause
        ([0.3, np.nan, 0.1, 0.3], [3]),
        ([0.1] * 50, []),
        ([1e300, 1e-300, 1e300], [2]),
    ],
)
def test_jumps_of_the_learning_rate(rates: list[float], expected: list[int]) -> None:
    assert learning_rates.jumps(Curve.of(rates)).tolist() == expected


def test_no_rates_at_all() -> None:
    assert learning_rates.jumps(EMPTY).tolist() == []


RAMP = [0.0, 0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([], []),
        ([0.1, 0.01], []),
        ([0.3, 0.3, 0.01, 0.1, 0.2, 0.3], [2]),  # a warmup that begins again
        ([0.3, 0.3, 0.0, 0.1, 0.2], [2]),
        ([0.3, 0.3, 0.03, 0.03, 0.03], []),  # a decay in steps
        ([0.3, 0.3, 0.01, 0.1, 0.1], []),  # it stays far below
        ([0.3, 0.2, 0.1, 0.3], []),  # a cosine that starts again jumps up
        ([0.0, 0.1, 0.2, 0.3, 0.3], []),
        ([0.3, 0.01, 0.3, 0.01, 0.3], [1, 3]),
    ],
)
def test_warmups_that_begin_again(rates: list[float], expected: list[int]) -> None:
    assert learning_rates.warmups_again(Curve.of(rates)).tolist() == expected


@pytest.mark.parametrize(
    ("rates", "steps", "until", "is_rising"),
    [
        ([0.1] * 40, None, 0, False),
        (list(np.linspace(0, 1, 20)) + [1.0] * 30, 19, 19, False),
        ([*np.linspace(0, 1, 20), 1.0], 19, 19, False),  # killed soon after it
        (list(np.linspace(0, 1, 20)), 19, 19, True),  # killed in it
        (list(np.linspace(0.6, 1, 20)) + [1.0] * 30, None, 0, False),  # from more than half
        ([0.0, 0.2, 0.1, *np.linspace(0.3, 1, 17), 1.0], None, 0, False),  # no ramp
        ([0.0, 1.0, 1.0], None, 0, False),  # how schedulers start
    ],
)
def test_the_ramp_of_a_warmup(rates: list[float], steps: int | None, until: int, is_rising: bool) -> None:
    found = learning_rates.rates_of(Curve.of(rates))
    assert found is not None
    assert (found.warmup_steps, found.warmup_until, found.is_rising) == (steps, until, is_rising)


@pytest.mark.parametrize("rate", [EMPTY, Curve.of([0.0] * 9), Curve.of([np.nan] * 9)])
def test_rates_that_are_never_above_0_show_nothing(rate: Curve) -> None:
    assert learning_rates.rates_of(rate) is None
