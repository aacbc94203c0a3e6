"""Rises of a trial that its evaluations show and its training loss confirms.

Model: the validation data are the same at every evaluation, so their loss has none of the noise of batches. Where it is
far above its lowest value so far, one of two things happened: the model forgot, and then the training loss is up as
well, or it overfits, and then it is not. The evaluations say where to look; one comparison of the training loss there
decides, without the allowance that a search through all of the curve needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.robust import median
from lrdoctor.measures import noise


@dataclass(frozen=True)
class Thresholds:
    share: float = 0.15
    """Part of what the run learns that the evaluations lose: of the way from a level that needs no learning down to
    their lowest value. Less is the unrest of a high rate near its floor."""
    noises: float = 4.0
    """Standard deviations of the evaluations around their trend: small validation sets are noisy too."""
    certain: float = 3.0
    """Standard errors by which the training loss around the peak is above that around the lowest evaluation."""
    confirmed: float = 0.5
    """Part of the evaluations' rise that the training loss shows as well."""
    fewest_points: int = 5
    """Training losses around an evaluation that are compared."""
    fewest_evaluations: int = 4


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Forgotten:
    """A stretch in which evaluations and training loss are both far above where they had been."""

    first_step: int
    last_step: int
    peak_step: int
    base: float
    """Lowest evaluation before."""
    peak: float
    share: float
    """Part of what the run learned that was lost at the peak."""
    came_back: bool


def forgotten(loss: Curve, evaluations: Curve, unlearned: float) -> Forgotten | None:
    """The costliest such stretch, None where there is none.

    Args:
        loss: finite training losses, without what their batches do to them.
        evaluations: validation losses; those that are not finite are left out.
        unlearned: the loss of a model that has learned nothing.
    """
    of = evaluations.finite
    n = len(of)
    if n < THRESHOLDS.fewest_evaluations:
        return None
    lowest = np.minimum.accumulate(of.value)
    before = np.concatenate([lowest[:1], lowest[:-1]])
    way = unlearned - float(of.value.min())
    if not way > 0:
        return None
    share = (of.value - before) / way
    is_up = share > max(THRESHOLDS.share, THRESHOLDS.noises * noise.points(of.value) / way)
    best: Forgotten | None = None
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_up, [False]]).astype(np.int8)))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        peak = int(first + np.argmax(share[first:end]))
        at = int(np.argmin(of.value[:peak]))
        if not _is_confirmed(loss, of, at, peak, way * float(share[peak])):
            continue
        if best is None or share[peak] > best.share:
            best = Forgotten(
                first_step=int(of.step[first]),
                last_step=int(of.step[end - 1]),
                peak_step=int(of.step[peak]),
                base=float(before[peak]),
                peak=float(of.value[peak]),
                share=float(share[peak]),
                came_back=bool(end < n),
            )
    return best


def rise_seen(evaluations: Curve, first_step: int, last_step: int, untrained: float | None) -> float | None:
    """How far the highest evaluation within a stretch lies above the lowest one before it, in loss units.

    None where none was made within the stretch, or none before it and that of the untrained weights is not known.
    """
    of = evaluations.finite
    inside = (of.step >= first_step - 1) & (of.step <= last_step)
    before = of.value[of.step < first_step - 1]
    if untrained is not None:
        before = np.append(before, untrained)
    if not inside.any() or not len(before):
        return None
    return float(of.value[inside].max() - before.min())


def _is_confirmed(loss: Curve, of: Curve, low: int, peak: int, lost: float) -> bool:
    """Whether the training loss around the peak is above that up to the lowest evaluation before, by as much.

    What follows that evaluation may belong to the rise already.
    """
    width = max(float(median(np.diff(of.step))) / 2, THRESHOLDS.fewest_points)
    high = loss.value[np.abs(loss.step - of.step[peak]) <= width]
    calm = loss.value[(loss.step > of.step[low] - width) & (loss.step <= of.step[low])]
    if min(len(calm), len(high)) < THRESHOLDS.fewest_points:
        return False
    rise = float(high.mean() - calm.mean())
    error = float(np.hypot(high.std(ddof=1) / np.sqrt(len(high)), calm.std(ddof=1) / np.sqrt(len(calm))))
    return rise > max(THRESHOLDS.certain * error, THRESHOLDS.confirmed * lost)
