"""Curves that swing: stretches that swing far more than before, and runs that lose what they learned time and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.core import robust
from lrdoctor.core.curve import Steps, Values
from lrdoctor.core.robust import median, medians
from lrdoctor.measures.rises import best_held

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
    deviations: float = 3.0
    """And beyond so many times what the spread itself usually varies by."""
    by_itself: float = 1.1
    """Deviation of the logarithm of a spread of normal values, times the square root of their number: what spreads vary
    by is no less than that."""
    stretched: float = 2.0
    """Times the steps of an earlier block that a block may cover."""
    low: float = 0.2
    high: float = 0.8
    """Quantiles whose distance is the spread of a block: single wild points do not move it."""
    lost: float = float(np.log(3))
    """Above the best level held before from which what was learned counts as lost."""
    lost_share: float = 0.1
    """Part of the run that it is lost for, and `times` at least; a burst of hard data now and then takes less."""
    times: int = 3
    fewer: float = 0.6
    """Part of the changes between lost and not lost that values in any order would make, at most: what is lost stays
    lost for some points."""
    clustered: float = 5.0
    """Deviations by which the changes between lost and not lost are fewer than in values in any order (runs test)."""


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Swing:
    """A stretch, in points of the curve."""

    first: int
    end: int
    wider: float
    """Its spread over that of the blocks before it; the height of the swings where they are `repeated`."""
    limit: float
    """What that had to exceed."""
    times: int = 0
    """How often what was learned was lost; 0 where the swings only grew."""
    share: float = 0.0
    """Part of the run that it was lost for."""


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
    least = THRESHOLDS.by_itself / np.sqrt(min(length, THRESHOLDS.most_points))
    excess = np.min([_excess(_spreads(curve, length), least) for curve in curves], axis=0)
    wide = (excess > 0) & _is_regular(step, length)
    hot = np.flatnonzero(wide[1:] & wide[:-1])
    if not len(hot):
        return None
    first = int(hot[0])
    spread = _spreads(curves[0], length)
    usual = float(median(spread[max(0, first - THRESHOLDS.before) : first]))
    # later blocks are compared with these by then: it lasts until the spread is half way back
    calm = np.flatnonzero(spread[first + 1 :] < usual + THRESHOLDS.wider / 2)
    end = first + 1 + int(calm[0]) if len(calm) else len(wide)
    with np.errstate(over="ignore"):  # after blocks without any spread
        wider = float(np.exp(spread[first:end].max() - usual))
    return Swing(first * length, end * length, wider, float(np.exp(THRESHOLDS.wider)))


def repeated(y: Values, medians_of: Callable[[int], Values] | None = None) -> Swing | None:
    """A curve that spends a good part of its time far above the best level that it had held, and comes back each time.

    Args:
        y: the logarithm of the loss.
        medians_of: its block medians by their length, where somebody has them.
    """
    n = len(y)
    if n < THRESHOLDS.fewest_points:
        return None
    length = 5 if n >= 100 else 3
    known_medians = robust.block_medians(y, length) if medians_of is None else medians_of(length)
    # over two blocks: a few easy batches are no level that was held
    best = np.repeat(best_held(known_medians, 2), length)
    height = y[: len(best)] - best
    lost = height > THRESHOLDS.lost
    share = float(lost.mean())
    # values in any order change sides 2 n p (1 - p) times, with a deviation of about 2 sqrt(n) p (1 - p)
    changes = int(np.count_nonzero(lost[1:] != lost[:-1]))
    usual = 2 * n * share * (1 - share)
    varies = 2 * np.sqrt(n) * share * (1 - share)
    # between half the height and all of it neither: a loss that hovers at the limit would be lost and found at each
    # point
    state = np.where(lost, 1, np.where(height < THRESHOLDS.lost / 2, -1, 0))
    known = state[state != 0]
    times = int(np.count_nonzero((known[1:] == 1) & (known[:-1] == -1)))
    is_often = share >= THRESHOLDS.lost_share and times >= THRESHOLDS.times
    if not is_often or changes > min(THRESHOLDS.fewer * usual, usual - THRESHOLDS.clustered * varies):
        return None
    at = np.flatnonzero(lost)
    with np.errstate(over="ignore"):
        factor = float(np.exp(median(height[lost])))
    return Swing(int(at[0]), int(at[-1]) + 1, factor, float(np.exp(THRESHOLDS.lost)), times, share)


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
    slope = (medians(block[:, -half:]) - medians(block[:, :half])) / (n - half)
    rest = block - np.outer(slope, np.arange(n) - (n - 1) / 2)
    low, high = np.quantile(rest, [THRESHOLDS.low, THRESHOLDS.high], axis=1)
    return np.asarray(np.log(np.maximum(high - low, np.finfo(float).tiny)))


def _excess(spread: Values, least: float) -> Values:
    """For each block how far its spread lies beyond the limit that the blocks before it set; negative within."""
    found = np.full(len(spread), -np.inf)
    for j in range(THRESHOLDS.fewest_before, len(spread)):
        # without the block just before, which a swing that grows has reached already
        before = spread[max(0, j - THRESHOLDS.before) : j - 1]
        usual = median(before)
        varies = robust.MAD_TO_SD * float(median(np.abs(before - usual)))
        found[j] = spread[j] - usual - max(THRESHOLDS.wider, THRESHOLDS.deviations * max(varies, least))
    return found
