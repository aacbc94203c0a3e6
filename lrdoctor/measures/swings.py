"""Stretches where the curve swings far more than before, whatever its level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.core import robust
from lrdoctor.core.curve import Steps, Values

Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Thresholds:
    fewest_points: int = 20
    """Points a block at least; a fiftieth of the curve."""
    share: float = 0.02
    most_points: int = 2000
    """Points that are looked at of a longer block, evenly spread."""
    fewest_blocks: int = 6
    before: int = 12
    """Blocks before a block whose spreads it is compared with."""
    fewest_before: int = 4
    wider: float = float(np.log(2))
    """The spread is twice the usual one, at least."""
    deviations: float = 4.0
    """And beyond so many times what the spread itself usually varies by."""
    stretched: float = 2.0
    """Times the steps of an earlier block that a block may cover."""
    low: float = 0.1
    high: float = 0.9
    """Quantiles whose distance is the spread of a block: single wild points do not move it."""


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Swing:
    """A stretch, in points of the curve."""

    first: int
    end: int
    wider: float
    """Its spread over that of the blocks before it."""


def find(step: Steps, *curves: Values) -> Swing | None:
    """The first two blocks in a row that swing more than the blocks before, in every one of the curves.

    Both the loss and its logarithm are given: as a loss falls to 0 its logarithm becomes noisier of itself, and at a
    large early loss the loss does. Blocks that cover more steps than those before them are passed over: a block of a
    few hundred steps and one of a few thousand do not compare.

    Args:
        step: int64[n].
        curves: float64[n] each, the same curve in different units.
    """
    n = len(step)
    length = max(THRESHOLDS.fewest_points, int(n * THRESHOLDS.share))
    if n // length < THRESHOLDS.fewest_blocks:
        return None
    excess = np.min([_excess(_spreads(curve, length)) for curve in curves], axis=0)
    wide = (excess > 0) & _is_regular(step, length)
    hot = np.flatnonzero(wide[1:] & wide[:-1])
    if not len(hot):
        return None
    first = int(hot[0])
    calm = np.flatnonzero(~wide[first:])
    end = first + int(calm[0]) if len(calm) else len(wide)
    spread = _spreads(curves[0], length)
    usual = float(np.median(spread[max(0, first - THRESHOLDS.before) : first]))
    with np.errstate(over="ignore"):  # after blocks without any spread
        return Swing(first * length, end * length, float(np.exp(spread[first:end].max() - usual)))


def _is_regular(step: Steps, length: int) -> Marks:
    """For each block whether it covers at most `stretched` times the steps of each of those it is compared with."""
    covered = np.diff(step[::length]).astype(float)
    covered = np.append(covered, covered[-1:])[: len(step) // length]
    usual = np.array([covered[max(0, j - THRESHOLDS.before) : j + 1].min() for j in range(len(covered))])
    return np.asarray(covered <= THRESHOLDS.stretched * usual)


def _spreads(curve: Values, length: int) -> Values:
    """float64[n // length]: the logarithm of the spread of each block around its own slope."""
    m = len(curve) // length
    block = curve[: m * length].reshape(m, length)[:, :: 1 + length // THRESHOLDS.most_points]
    n = block.shape[1]
    half = n // 2
    # from the halves' medians: least squares would tilt with a single wild point
    slope = (np.median(block[:, -half:], axis=1) - np.median(block[:, :half], axis=1)) / (n - half)
    rest = block - np.outer(slope, np.arange(n) - (n - 1) / 2)
    low, high = np.quantile(rest, [THRESHOLDS.low, THRESHOLDS.high], axis=1)
    return np.asarray(np.log(np.maximum(high - low, np.finfo(float).tiny)))


def _excess(spread: Values) -> Values:
    """For each block how far its spread lies beyond the limit that the blocks before it set; negative within."""
    found = np.full(len(spread), -np.inf)
    for j in range(THRESHOLDS.fewest_before, len(spread)):
        before = spread[max(0, j - THRESHOLDS.before) : j - 1]
        usual = np.median(before)
        varies = robust.MAD_TO_SD * float(np.median(np.abs(before - usual)))
        found[j] = spread[j] - usual - max(THRESHOLDS.wider, THRESHOLDS.deviations * varies)
    return found
