"""Statistics that a few wild points cannot move: block medians, their noise, and rises above a running minimum."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Curve, Values

FEWEST_POINTS = 4
"""Points that decimation leaves at least: the first and the last, and one bucket's lowest and highest."""

MAD_TO_SD = 1.4826
"""Median absolute deviation to standard deviation, for a normal distribution."""


def median(values: npt.ArrayLike) -> np.float64:
    """The median of all values, nan where one is nan or there is none.

    >>> float(median([4.0, 1.0, 2.0])), float(median([4, 1, 2, 8])), float(median([1.0, np.nan, 2.0]))
    (2.0, 3.0, nan)
    """
    return np.float64(medians(np.asarray(values, dtype=np.float64).ravel()))


def medians(rows: Values) -> Values:
    """The median along the last axis, float64; nan where a value is nan or there is none.

    As numpy's own to the last bit. That one imports `numpy.ma` at its first call, which takes longer than to judge a
    small log.
    """
    n = rows.shape[-1]
    if not n:
        return np.full(rows.shape[:-1], np.nan)
    middle = n // 2
    # around one place only: numpy then uses the processor's vectors, and is eight times as fast as around two
    ordered = np.partition(rows, middle, axis=-1).astype(np.float64, copy=False)
    found = ordered[..., middle]
    if n % 2 == 0:
        found = (ordered[..., :middle].max(axis=-1) + found) / 2
    # nan is put behind all numbers; and 0 stands for -0, as numpy has it
    return np.asarray(np.where(np.isnan(ordered[..., middle:].max(axis=-1)), np.nan, found + 0.0))


def block_length(n: int) -> int:
    """Points a block for a curve of n points: n / 80, but 5 at least and 64 at most.

    Five points outvote a two-point outlier; more than 64 would hide a rise that lasts some dozens of steps.
    """
    return int(np.clip(n // 80, 5, 64))


def block_medians(values: Values, length: int) -> Values:
    """Medians of consecutive blocks of `length` points, float64[n // length]; a last short block is left out."""
    m = len(values) // length
    if not m:
        return np.zeros(0)
    blocks = values[: m * length].reshape(m, length)
    few = [blocks[:, i] for i in range(length)] if length in (3, FEW) else None
    return medians(blocks) if few is None else median_of(few)


FEW = 5


def median_of(columns: Sequence[Values]) -> Values:
    """The elementwise median of three or five arrays, by comparisons alone: many times faster than sorting rows.

    Raises:
        ValueError: there are neither three nor five.
    """
    if len(columns) == FEW:
        a, b, c, d, e = columns
        # of four values neither the lowest nor the highest can be the median of five
        return median_of(
            (
                e,
                np.maximum(np.minimum(a, b), np.minimum(c, d)),
                np.minimum(np.maximum(a, b), np.maximum(c, d)),
            )
        )
    a, b, c = columns
    return np.asarray(np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c)))


def two_extremes(alpha: float, n: int) -> float:
    """How many noise units the largest of n values rises above the smallest before it by chance, at risk alpha.

    Two extremes take part, a low minimum and a high block: twice the one-sided normal quantile at alpha / (2 n).
    """
    # by the lower tail: 1 - alpha is 1 for an alpha below 1e-16
    return -2 * NormalDist().inv_cdf(alpha / (2 * max(n, 1)))


def min_max_decimate(curve: Curve, max_points: int) -> Curve:
    """At most `max_points` of the curve's own points, among them every extreme that an eye could see.

    The first and the last finite point stay. The points between them are cut into buckets of equal count,
    and each bucket keeps its lowest and its highest value, so a spike of one step survives where taking every
    n-th point would lose it. Non-finite values cannot be drawn and are left out:
    `curve.first_non_finite` tells the caller where the first one was.

    Args:
        curve: the raw values.
        max_points: 4 or more. A curve with no more finite points than that comes back whole.

    Raises:
        ValueError: `max_points` is below 4.
    """
    if max_points < FEWEST_POINTS:
        raise ValueError(f"max_points must be {FEWEST_POINTS} or more, got {max_points}")
    finite = curve.finite
    if len(finite) <= max_points:
        return finite
    inner = np.arange(1, len(finite) - 1)
    keep = {0, len(finite) - 1}
    for bucket in np.array_split(inner, (max_points - 2) // 2):
        keep.add(int(bucket[np.argmin(finite.value[bucket])]))
        keep.add(int(bucket[np.argmax(finite.value[bucket])]))
    index = np.array(sorted(keep))
    return Curve(finite.step[index], finite.value[index])
