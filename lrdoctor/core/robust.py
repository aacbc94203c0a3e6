"""Summaries of a curve that one odd value does not spoil, or does not escape."""

from __future__ import annotations

import numpy as np

from lrdoctor.core.curve import Curve

FEWEST_POINTS = 4
"""The first and the last point, and one bucket's lowest and highest."""


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
