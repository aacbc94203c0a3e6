"""How the values of a curve were made: thinned out, averaged, smoothed, rounded.

Rules read this: what a log cannot show is skipped with the reason, and no diagnosis is made of an artefact of logging.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from lrdoctor.core.curve import Curve, Steps, Values
from lrdoctor.core.robust import MAD_TO_SD, median

FEWEST_SMOOTHED = 150
"""Points for an estimate of the smoothing; its standard error is 2 / sqrt(n), 0.16 here. In shorter curves a slow swing
of the loss itself passes for a strong smoothing."""

MOST_SMOOTHED = 100_000
"""Points that are enough: the last of them, for an error of 0.006."""

SMOOTHED_FROM = 0.5
"""Estimates below it are common for batches that are alike, and change little."""

WHITE = 0.25
"""What may be left of the smoothing once it is undone; clipping and trends leave some."""

TREND_BLOCKS = 10
"""Pieces of the curve whose medians make its slow trend and whose spread scales its differences."""

STEEP = 0.3
"""Share at the start of a curve that is passed over: where the loss falls steeply, the fall itself looks smooth."""

CLIP_AT = 4.0
"""Differences beyond this many standard deviations are spikes and edges, which say nothing of the smoothing."""

LARGEST_BETA = 0.995
"""Beyond it the estimate of so strong a smoothing means nothing."""

MOST_DIGITS = 6
"""Decimal digits up to which rounding is looked for; finer rounding is float32's own."""

FEWEST_ROUNDED = 10
"""Points that must all be multiples of one quantum for that to be no chance."""

AT_ONCE = 16_384
"""Values that are compared with their rounding at a time, so that they stay in the processor's cache."""

ROUND_OFF = 1e-9
"""A multiple of the quantum is met to this share of the value: double precision, with room."""


def smoothing(curve: Curve) -> float | None:
    """The factor beta of an exponential moving average that the values look smoothed with, None for raw values.

    A moving average y_t = beta y_(t-1) + (1 - beta) x_t of independent x has differences whose correlation with the
    next one is -(1 - beta) / 2, so beta = 1 + 2 rho. The slow trend is taken off, differences are scaled by their
    local spread and clipped. What is left after undoing it must look independent: a curve that swings by itself does
    not. Noise that is correlated by itself looks the same as a moving average, and undoing it then is harmless.

    Returns:
        beta in [0.5, 0.995], or None when it is lower, not distinguishable from 0.25 or less, or when there are fewer
        than 150 finite points after the steep start.
    """
    value = curve.finite.value
    value = value[int(len(value) * STEEP) :][-MOST_SMOOTHED:]
    beta = _persistence(value)
    if beta is None or beta < SMOOTHED_FROM or beta - 2 * _standard_error(value) <= SMOOTHED_FROM / 2:
        return None
    beta = min(beta, LARGEST_BETA)
    undone = _persistence((value[1:] - beta * value[:-1]) / (1 - beta))
    is_white = undone is not None and abs(undone) < WHITE + 2 * _standard_error(value)
    return beta if is_white else None


def _standard_error(value: Values) -> float:
    """Of beta: twice that of an autocorrelation, 1 / sqrt(n)."""
    return float(2 / np.sqrt(len(value)))


def _persistence(value: Values) -> float | None:
    """1 + 2 times the correlation of neighbouring differences; None for too few points, or too few that vary."""
    if len(value) < FEWEST_SMOOTHED - 1:
        return None
    blocks = np.array_split(np.arange(len(value)), TREND_BLOCKS)
    with np.errstate(all="ignore"):
        trend = np.interp(np.arange(len(value)), [b.mean() for b in blocks], [median(value[b]) for b in blocks])
        difference = np.diff(value - trend)
        scaled = np.concatenate([_in_noise_units(d) for d in np.array_split(difference, TREND_BLOCKS)])
    spread = float(scaled @ scaled)
    if len(scaled) < len(value) / 2 or not spread > 0:
        return None
    return 1 + 2 * float(scaled[:-1] @ scaled[1:]) / spread


def _in_noise_units(difference: Values) -> Values:
    """Differences over their own spread, clipped; none where they do not vary."""
    centred = difference - median(difference)
    spread = MAD_TO_SD * median(np.abs(centred))
    if not (spread > 0 and np.isfinite(spread)):
        return np.zeros(0)
    clipped: Values = np.clip(centred / spread, -CLIP_AT, CLIP_AT)
    return clipped


def decimal_digits(values: Values) -> int | None:
    """Decimal digits that all finite values are rounded to, None when there are more than 6 or too few values."""
    marks = np.isfinite(values)
    finite = values if marks.all() else values[marks]
    if len(finite) < FEWEST_ROUNDED or finite.min() == finite.max():
        return None
    # a few at the start mostly show that the values are not rounded
    starts = (0, *range(FEWEST_ROUNDED, len(finite), AT_ONCE))
    pieces = [finite[at:end] for at, end in pairwise((*starts, len(finite)))]
    for digits in range(MOST_DIGITS + 1):
        if all(_are_multiples(piece, digits) for piece in pieces):
            return digits
    return None


def _are_multiples(values: Values, digits: int) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = values * 10.0**digits
        return bool(np.all(np.abs(scaled - np.round(scaled)) <= ROUND_OFF * np.maximum(1.0, np.abs(scaled))))


def of_steps(step: Steps) -> dict[str, Any]:
    """first_step, last_step, step_gap (the median distance of two points), and largest_gap where it is beyond that."""
    if not len(step):
        return {}
    found: dict[str, Any] = {"first_step": int(step[0]), "last_step": int(step[-1]), "step_gap": 1}
    if len(step) > 1:
        gaps = np.diff(step)
        found["largest_gap"] = int(gaps.max())
        # the median takes long, and mostly all gaps are the same
        found["step_gap"] = found["largest_gap"] if gaps.min() == gaps.max() else int(median(gaps))
    return found


def of_values(curve: Curve) -> dict[str, Any]:
    """quantised and smoothed, where the values show it."""
    found: dict[str, Any] = {}
    if (digits := decimal_digits(curve.value)) is not None:
        found["quantised"] = digits
    if (beta := smoothing(curve)) is not None:
        found["smoothed"] = round(beta, 3)
    return found
