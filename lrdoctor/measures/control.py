"""A trial's loss beside its control: what the untrained weights lose on the same batches.

Model: log L(t) = f(t) + b log C(t) + noise. L is the trial's loss, C its control's, f what the training does, and b how
much of a batch's difficulty for the untrained weights is left for those that train: 1 at first, less later. What is
left of L without that part, by the method of control variates, is the calmer curve where batches differ much, and never
a noisier one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.curve import Curve, Values
from lrdoctor.core.robust import median
from lrdoctor.measures import noise


@dataclass(frozen=True)
class Thresholds:
    window: int = 50
    """Points over which b is taken to stay the same: enough for an estimate from two dozen independent differences,
    few beside the lengths over which a model learns."""
    alpha: float = 0.01
    """Chance that noise of the control alone is taken for a rise of it."""
    fewest_points: int = 12
    """Points that an estimate of b needs; fewer share the one of the whole curve."""


THRESHOLDS = Thresholds()


@dataclass(frozen=True, eq=False)
class Paired:
    """The points of a trial and of its control that both have, in their order."""

    loss: Curve
    """The trial's, finite."""
    control: Values
    """float64[n], the control's at these steps, finite."""
    is_log: bool
    """Whether both are positive throughout, so that they are compared as ratios."""

    @property
    def excess(self) -> Values:
        """float64[n]: how much worse the trial does on each batch than the untrained weights, as a logarithm of the
        ratio, or in loss units where there is none."""
        if self.is_log:
            return np.asarray(np.log(self.loss.value) - np.log(self.control))
        return np.asarray(self.loss.value - self.control)


def pair(loss: Curve, control: Curve | None) -> Paired | None:
    """The two at the steps at which both are finite; None where there are none.

    Args:
        loss: of a trial.
        control: of its seed.
    """
    if control is None:
        return None
    mine, other = loss.finite, control.finite
    steps, a, b = np.intersect1d(mine.step, other.step, assume_unique=True, return_indices=True)
    if not len(steps):
        return None
    value, untrained = mine.value[a], other.value[b]
    return Paired(Curve(steps, value), untrained, bool(value.min() > 0 and untrained.min() > 0))


def like_first(loss: Curve) -> Curve:
    """What stands in for a control that nobody knows: the first loss at every step."""
    finite = loss.finite
    return Curve(finite.step, np.full(len(finite), finite.value[0])) if len(finite) else finite


def own_rise(curve: Curve, first_step: int, last_step: int) -> float:
    """How far a curve rises from its lowest level before a stretch to its level there, as a logarithm of the ratio
    where it is positive, else in loss units; 0 where it does not, or only within its noise.

    Args:
        curve: of a control, or of a trial at a lower rate.
        first_step: of the stretch.
        last_step: of the stretch.
    """
    finite = curve.finite
    inside = (finite.step >= first_step) & (finite.step <= last_step)
    before = finite.step < first_step
    if not inside.any() or not before.any():
        return 0.0
    value = np.log(finite.value) if finite.value.min() > 0 else finite.value
    length = int(np.clip(inside.sum(), 1, THRESHOLDS.window))
    earlier = value[before]
    blocks = robust.block_medians(earlier, min(length, len(earlier)))
    rise = float(median(value[inside]) - blocks.min())
    # two medians, of which one is the lowest of many: their difference has twice the variance of either
    error = np.sqrt(2) * noise.points(value) * noise.MEDIAN_OF / np.sqrt(length)
    return rise if rise > robust.two_extremes(THRESHOLDS.alpha, len(blocks)) / 2 * error else 0.0


def height_beside(loss: Curve, control: Curve, first_step: int, last_step: int) -> tuple[float, float] | None:
    """How far a stretch of a trial lies above its lowest level before, its batches taken into account, and the limit.

    How much harder a batch is for the trained weights where it is harder for the untrained ones is told by all other
    points, so that the stretch cannot explain itself. Unlike for `without_batches` it may be more than as much: weights
    that know all but a rare class lose nothing on most batches, and much on those that hold it.

    Args:
        loss: of the trial.
        control: of its seed.
        first_step: of the stretch.
        last_step: of the stretch.

    Returns:
        Height and limit as logarithms of a ratio, in loss units where there is none; None where too few points are
        shared to tell.
    """
    paired = pair(loss, control)
    if paired is None:
        return None
    own, other = paired.loss.value, paired.control
    if paired.is_log:
        own, other = np.log(own), np.log(other)
    inside = (paired.loss.step >= first_step) & (paired.loss.step <= last_step)
    before = paired.loss.step < first_step
    mine, its = np.diff(own, 2), np.diff(other, 2)
    apart = ~(inside[2:] | inside[1:-1] | inside[:-2])
    if not inside.any() or before.sum() < inside.sum() or apart.sum() < THRESHOLDS.fewest_points:
        return None
    rest = own - _slope(mine[apart], its[apart], most=np.inf) * (other - median(other))
    length = int(inside.sum())
    blocks = robust.block_medians(rest[before][::-1], length)  # from the stretch backwards
    spread = noise.points(rest) * noise.MEDIAN_OF / np.sqrt(length)
    limit = robust.two_extremes(THRESHOLDS.alpha, len(rest) // length) * spread
    return float(median(rest[inside]) - blocks.min()), float(limit)


def without_batches(loss: Curve, control: Curve | None) -> Curve:
    """The finite points of a trial's loss without what its batches do to it; as it is beyond the control's end.

    The steps are those of the finite points. Losses that are not positive throughout are corrected by differences
    instead of ratios.
    """
    paired = pair(loss, control)
    finite = loss.finite
    if paired is None or len(paired.loss) < 4:
        return finite
    own, other = paired.loss.value, paired.control
    if paired.is_log:
        own, other = np.log(own), np.log(other)
    # about the median, so that the level of the curve stays where it is
    part = _share_left(own, other) * (other - median(other))
    value = np.array(finite.value)
    at = np.searchsorted(finite.step, paired.loss.step)
    value[at] = paired.loss.value * np.exp(-part) if paired.is_log else paired.loss.value - part
    return Curve(finite.step, value)


def _share_left(own: Values, other: Values) -> Values:
    """b for each point, float64[n], between 0 and 1, from the second differences of both: they leave out trends."""
    n = len(own)
    mine, its = np.diff(own, 2), np.diff(other, 2)
    whole = _slope(mine, its)
    cuts = np.linspace(0, len(mine), max(1, round(n / THRESHOLDS.window)) + 1).astype(int)
    centres, shares = [], []
    for first, end in pairwise(cuts):
        centres.append((first + end + 1) / 2)
        enough = end - first >= THRESHOLDS.fewest_points
        shares.append(_slope(mine[first:end], its[first:end]) if enough else whole)
    # from window to window along a line: a step of b would be an event of its own
    return np.asarray(np.interp(np.arange(n), centres, shares))


def share_of_batches(own: Values, other: Values) -> float:
    """How much harder a batch is for the trained weights where it is harder for the untrained ones, over the whole run;
    0 and more.

    Args:
        own: float64[n], of the trial, as logarithms or not.
        other: float64[n], of the control, likewise.
    """
    return _slope(np.diff(own, 2), np.diff(other, 2), most=np.inf)


def _slope(mine: Values, its: Values, most: float = 1.0) -> float:
    """The line through 0 with the least sum of absolute deviations, cut to 0 to `most`.

    That is the median of the ratios, weighted by |its|: a rise of the trial's own, in a few points, does not move it.
    """
    weight = np.abs(its)
    known = weight > 0
    if not known.any():
        return 0.0
    ratio, weight = mine[known] / its[known], weight[known]
    order = np.argsort(ratio)
    total = np.cumsum(weight[order])
    return float(np.clip(ratio[order][np.searchsorted(total, total[-1] / 2)], 0.0, most))
