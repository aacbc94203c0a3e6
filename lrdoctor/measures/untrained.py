"""Where a trial does worse than the untrained weights on the same batches.

Model: weights that know nothing lose what the control loses. A healthy trial is below that, batch by batch, but for
noise: trained weights find other batches hard. What lies above it by more than that noise was thrown away by training.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lrdoctor.core.curve import Values
from lrdoctor.core.robust import median, medians
from lrdoctor.measures import noise
from lrdoctor.measures.control import Paired, share_of_batches


@dataclass(frozen=True)
class Thresholds:
    alpha: float = 0.01
    """Chance, a run, that noise alone is taken for a blow-up."""
    single: float = float(np.log(2))
    """One batch: twice what untrained weights lose on it, and twice what they usually lose."""
    lasting: float = float(np.log(1.5))
    """The median over three batches and more: half as much again. Models that are about to learn overshoot by less."""
    single_noises: float = 6.0
    """Standard deviations for one batch: single batches have heavier tails than a normal distribution."""
    lengths: tuple[int, ...] = (3, 5, 9, 17, 33)
    """Batches whose median is taken: from the shortest blow-up that is no single batch to those of a slow optimizer."""
    long: tuple[int, ...] = (17, 33)
    """Those of them that are looked at beyond the early updates: batches that trained weights find hard come in a row
    by chance there, since a model that knows the usual ones stands out by the others."""
    lost: float = 0.25
    """Part of a loss that needs no learning (of the untrained weights, or of the best constant prediction) by which the
    trial is worse, at least. It decides where weights begin that know much already: a model that is to be tuned further
    may well lose twice as little for some steps."""
    progress: float = 0.5
    """Where losses are no ratios: the same two limits as parts of the way from the untrained level down to the lowest
    one of the trial, once and twice this."""


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class BlowUp:
    """Points of the pair between the first and the last one that is too high."""

    first_step: int
    last_step: int
    peak_step: int
    peak: float
    """The highest loss in it."""
    untrained: float
    """What the untrained weights lose on the batches around the peak."""
    observed: float
    """Excess at its highest, in units of the limit's: a logarithm of a ratio, or loss units."""
    limit: float
    n_points: int


def blow_up(
    paired: Paired,
    until: int | None = None,
    constant: float | None = None,
    lengths: tuple[int, ...] = THRESHOLDS.lengths,
) -> BlowUp | None:
    """The stretch in which the trial is worse than untrained, None where there is none.

    Args:
        paired: trial and control.
        until: first step that is not early; single batches are looked at before it alone.
        constant: loss of the best constant prediction, where it is known.
        lengths: batches whose medians are looked at.
    """
    # the lower of two readings: nothing is a blow-up that harder batches alone may explain
    excess = np.minimum(paired.excess, _beside_hard_batches(paired))
    beyond = paired.loss.value - paired.control
    n = len(excess)
    if n < 3:
        return None
    low, high, spread = _scale(paired)
    if not low > 0:  # no way down and no noise: nothing to measure a height by
        return None
    level = median(paired.control)
    above = np.zeros(n, dtype=bool)
    limits: list[tuple[float, float]] = []
    against_level = np.log(paired.loss.value) - np.log(level) if paired.is_log else paired.loss.value - level
    limit = max(high, THRESHOLDS.single_noises * spread)
    is_early = np.ones(n, dtype=bool) if until is None else paired.loss.step < until
    least = THRESHOLDS.lost * needs_no_learning(paired, constant)
    # a loss that untrained weights have on some other batch may be that of hard data
    hardest = paired.loss.value > paired.control.max()
    single = is_early & (excess > limit) & (against_level > high) & (beyond > least) & hardest
    above |= single
    if single.any():
        limits.append((float(excess[single].max()), limit))
    for length in lengths:
        # blocks of a third of the run would hold most of it, and leave no others to differ from
        if length > n // 3:
            break
        chance = THRESHOLDS.alpha / len(lengths) / (n / length)
        limit = max(low, NormalDist().inv_cdf(1 - chance) * spread * noise.MEDIAN_OF / np.sqrt(length))
        # no normal distribution: as far as so many batches in a row lie above the others for the untrained weights
        own = np.log(paired.control) if paired.is_log else paired.control
        limit = max(limit, float(medians(sliding_window_view(own, length)).max() - median(own)))
        typical = medians(sliding_window_view(excess, length))
        typical[medians(sliding_window_view(beyond, length)) <= least] = -np.inf
        for start in np.flatnonzero(typical > limit):
            above[start : start + length] |= excess[start : start + length] > limit / 2
        if typical.max() > limit:
            limits.append((float(typical.max()), limit))
    if not limits:
        return None
    # of several ways to see it the one is told that is furthest beyond its own limit
    observed, limit = max(limits, key=lambda pair: pair[0] / pair[1])
    at = np.flatnonzero(above)
    peak = int(at[np.argmax(paired.loss.value[at])])
    return BlowUp(
        first_step=int(paired.loss.step[at[0]]),
        last_step=int(paired.loss.step[at[-1]]),
        peak_step=int(paired.loss.step[peak]),
        peak=float(paired.loss.value[peak]),
        untrained=float(median(paired.control[max(0, peak - 2) : peak + 3])),
        observed=observed,
        limit=limit,
        n_points=len(at),
    )


def needs_no_learning(paired: Paired, constant: float | None) -> float:
    """The higher one of two losses that no learning goes into: of the untrained weights and of the best constant
    prediction. Weights that know much already lose little, and there the other one is the measure."""
    level = float(median(paired.control))
    return level if constant is None else max(level, constant)


def _beside_hard_batches(paired: Paired) -> Values:
    """The excess where a batch that is harder for the untrained weights may be harder by more for the trained ones."""
    if not paired.is_log:
        return paired.excess
    own, other = np.log(paired.loss.value), np.log(paired.control)
    level = float(median(other))
    return np.asarray(own - max(1.0, share_of_batches(own, other)) * (other - level) - level)


def _scale(paired: Paired) -> tuple[float, float, float]:
    """What half as much again and twice are, and the noise of the excess, all in its units.

    Independent batches of the spread that the control shows differ by sqrt(2) of it; a trial that is thrown about must
    not hide behind swings of its own that are larger.
    """
    control: Values = np.log(paired.control) if paired.is_log else paired.control
    own, of_batches = noise.points(paired.excess), np.sqrt(2) * noise.points(control)
    low, high = THRESHOLDS.lasting, THRESHOLDS.single
    if not paired.is_log:
        lowest = min(float(part.mean()) for part in np.array_split(paired.loss.value, min(10, len(control))))
        way = max(float(median(control)) - lowest, 0.0)
        low, high = THRESHOLDS.progress * way, 2 * THRESHOLDS.progress * way
    # weights that begin at zero lose the same on every batch, which tells nothing of the batches: then the limits
    # stay as they are
    spread = min(own, of_batches if of_batches > 0 else high / THRESHOLDS.single_noises)
    if paired.is_log:
        return low, high, spread
    return max(low, THRESHOLDS.progress * spread), max(high, 2 * THRESHOLDS.progress * spread), spread
