"""Losses that are worse than at the start: for a good part of the run, or for a moment right after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.curve import Curve
from lrdoctor.measures.rises import Rise
from lrdoctor.measures.units import Units


@dataclass(frozen=True)
class Thresholds:
    rise: float = float(np.log(2))
    """Twice the first loss: a model that knows nothing has the first loss, so this is worse than untrained. It needs
    no estimate of the noise, which a run that was chaotic from the beginning does not give."""
    share: float = 0.05
    """Part of the run that is so bad, and two blocks at least."""
    fewest_blocks: int = 2
    fewest_points: int = 15
    stands_out: float = 2.0
    """Times every gradient norm elsewhere that the norm of a momentary blow-up is. The loss of single steps alone
    cannot tell one from an odd batch, where batches differ as much as they do early in training."""
    around: int = 3
    """Steps before and after the peak in which that norm may be, and which are not elsewhere."""


THRESHOLDS = Thresholds()


def find(units: Units, rise: float = THRESHOLDS.rise) -> list[Rise]:
    """One rise from the first block above the limit to the last, or none. Only losses that are positive throughout."""
    n = len(units.y)
    if not units.is_log or n < THRESHOLDS.fewest_points:
        return []
    length = 5 if n >= 100 else 3
    medians = robust.block_medians(units.y, length)
    first = float(np.log(units.first))
    bad = np.flatnonzero(medians - first > rise)
    if len(bad) < max(THRESHOLDS.fewest_blocks, THRESHOLDS.share * len(medians)):
        return []
    top = int(np.argmax(medians))
    return [
        Rise(
            length=length,
            first=int(bad[0]) * length,
            end=n if bad[-1] == len(medians) - 1 else int(bad[-1] + 1) * length,
            peak=top * length,
            height=float(medians[top] - first),
            limit=rise,
            base=first,
        )
    ]


def find_moment(units: Units, loss: Curve, norm: Curve, until: int) -> list[Rise]:
    """A loss of twice its first value before step `until`, while the gradient norm is twice what it is anywhere else.

    Blow-ups of one or two updates are real, and recover before a block of points is full.

    Args:
        units: the curve.
        loss: its finite points.
        norm: the gradient norms; none, no finding.
        until: first step that is not early.
    """
    n_early = int(np.searchsorted(loss.step, until))
    finite = norm.finite
    if not units.is_log or n_early < 2 or len(finite) < THRESHOLDS.fewest_points:
        return []
    top = int(np.argmax(loss.value[:n_early]))
    height = float(units.y[top] - units.y[0])
    near = np.abs(finite.step - loss.step[top]) <= THRESHOLDS.around
    if height <= THRESHOLDS.rise or not near.any() or near.all():
        return []
    if finite.value[near].max() / THRESHOLDS.stands_out < finite.value[~near].max():
        return []
    above = np.flatnonzero(units.y[:n_early] > units.y[0])
    after = above[above >= top]
    last = int(after[np.argmax(np.diff(np.append(after, len(units.y) + 1)) > 1)])
    first = int(above[above <= top][0])
    return [
        Rise(
            length=1,
            first=max(first, 1),
            end=last + 1,
            peak=top,
            height=height,
            limit=THRESHOLDS.rise,
            base=float(units.y[0]),
        )
    ]
