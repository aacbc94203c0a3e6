"""Smoothing is seen and undone, rounding is seen."""

from __future__ import annotations

import numpy as np
import pytest
from log_samples import walk

from lrdoctor.core.curve import Curve
from lrdoctor.logs.provenance import decimal_digits, smoothing


def averaged(values: list[float], beta: float) -> list[float]:
    """The moving average as a logger computes it, value by value."""
    out = [values[0]]
    for value in values[1:]:
        out.append(beta * out[-1] + (1 - beta) * value)
    return out


@pytest.mark.parametrize(("beta", "tolerance"), [(0.6, 0.1), (0.9, 0.05), (0.98, 0.06)])
@pytest.mark.parametrize("seed", range(3))
def test_a_moving_average_is_seen(beta: float, tolerance: float, seed: int) -> None:
    found = smoothing(Curve.of(averaged(walk(3000, seed), beta)))
    assert found == pytest.approx(beta, abs=tolerance)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("n", [300, 3000])
def test_raw_values_look_raw(n: int, seed: int) -> None:
    assert smoothing(Curve.of(walk(n, seed))) is None


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0],
        [2.0] * 1000,
        np.linspace(3, 1, 1000),
        np.exp(-np.arange(1000) / 100),
        np.sin(np.arange(2000) / 50) + 2,
        [np.nan] * 1000,
        [*walk(100), *[np.inf] * 500],
        np.repeat([3.0, 2.0], 500),
        [1e308, -1e308] * 500,
    ],
)
def test_curves_without_noise_or_too_short_are_not_called_smoothed(values: list[float]) -> None:
    assert smoothing(Curve.of(values)) is None


@pytest.mark.parametrize(
    ("values", "digits"),
    [
        (np.round(walk(50), 3), 3),
        (np.round(walk(50), 1), 1),
        (np.arange(50.0), 0),
        ([*np.round(walk(50), 2), np.nan, np.inf], 2),
        (np.array(walk(50)) / 3, None),
        ([0.0] * 50, None),
        ([0.1, 0.2], None),
        ([1e300, *np.round(walk(50), 2)], 2),
    ],
)
def test_decimal_digits(values: list[float], digits: int | None) -> None:
    assert decimal_digits(np.array(values)) == digits
