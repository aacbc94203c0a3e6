"""The level at which a trial ends, and whether its loss still falls there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import Curve, Values
from lrdoctor.core.run import Run
from lrdoctor.measures import units


@dataclass(frozen=True)
class Thresholds:
    end: float = 0.1
    """Part of the run at its end over which its level is a mean."""
    fewest: int = 3
    """Points of that end."""
    certain: float = 3.0
    """Standard errors from which on two means differ."""
    least: float = 0.01
    """Share of a loss below which a difference is of no use, however certain it is: rates that move nothing show it."""
    trimmed: float = 0.1
    """Share of the values cut off at either end before a slope is taken from their means."""


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Level:
    """The end of a loss curve."""

    mean: float
    error: float
    """Standard error of the mean, the losses of neighbouring batches taken as independent."""
    fallen: float
    """From the third quarter of the run to the last: means of both, less what they share; negative where it rose."""
    fallen_error: float
    """Standard error of that."""


def measure(loss: Curve) -> Level | None:
    """The level at the end of a run, None with too few finite points."""
    value = _bounded(loss.finite.value)
    n = max(THRESHOLDS.fewest, int(THRESHOLDS.end * len(value)))
    if len(value) < 4 * n:
        return None
    end = value[-n:]
    quarter = len(value) // 4
    # trimmed, since a single wild batch would decide a mean of a quarter
    before, after = _trimmed(value[-2 * quarter : -quarter]), _trimmed(value[-quarter:])
    return Level(
        mean=float(end.mean()),
        error=_error(end),
        fallen=float(before.mean() - after.mean()),
        fallen_error=float(np.hypot(_error(before), _error(after))),
    )


def drift(control: Curve) -> tuple[float, float] | None:
    """The mean loss in the first and in the last quarter of a control, where it certainly rises; else None."""
    value = _bounded(control.finite.value)
    quarter = len(value) // 4
    if quarter < 4 * THRESHOLDS.fewest:
        return None
    first, last = _trimmed(value[:quarter]), _trimmed(value[-quarter:])
    error = float(np.hypot(_error(first), _error(last)))
    if not last.mean() - first.mean() > max(THRESHOLDS.certain * error, THRESHOLDS.least * abs(float(first.mean()))):
        return None
    return float(first.mean()), float(last.mean())


def share_missing(loss: Curve, lower: Curve, unlearned: Curve) -> float | None:
    """How much of the way from a loss that needs no learning down to a lower one a loss has not made at its end.

    Compared batch by batch, in logarithms: trials of a seed see the same batches, so what a hard batch costs all three
    drops out, which tells levels apart that a few wild batches would hide.

    Args:
        loss: of a trial.
        lower: of a trial of the seed that ends lower.
        unlearned: of the untrained weights or of the best constant prediction, on the same batches.

    Returns:
        0 to 1 as a rule; None where losses are not positive, too few batches are shared, or the way down is not
        certain itself.
    """
    curves = loss.finite, lower.finite, unlearned.finite
    steps = np.intersect1d(np.intersect1d(curves[0].step, curves[1].step), curves[2].step)
    n = max(THRESHOLDS.fewest, int(THRESHOLDS.end * len(loss)))
    mine, its, top = (curve.value[np.isin(curve.step, steps)][-n:] for curve in curves)
    if len(mine) < n or min(mine.min(), its.min(), top.min()) <= 0:
        return None
    # the means of differences batch by batch: what a hard batch costs all of them drops out
    way, missing = np.log(top) - np.log(its), np.log(mine) - np.log(its)
    if not way.mean() > max(THRESHOLDS.certain * _error(way), THRESHOLDS.least):
        return None
    return float(missing.mean() / way.mean())


def learned(run: Run) -> bool | None:
    """Whether a trial ends below what it would reach without learning anything from its inputs.

    That is what the untrained weights lose on the same batches, compared batch by batch, and what the best constant
    prediction loses, where that is known. A trial that did not run to its end did not. None where nobody knows its
    control, or too few batches are shared to tell.
    """
    if run.control is None:
        return None
    if run.status != "completed":
        return False
    steps, mine, other = np.intersect1d(
        run.train_loss.finite.step, run.control.finite.step, assume_unique=True, return_indices=True
    )
    n = max(THRESHOLDS.fewest, int(THRESHOLDS.end * len(steps)))
    if len(steps) < 4 * n:
        return None
    loss = run.train_loss.finite
    if not is_below(loss.value[mine][-n:], run.control.finite.value[other][-n:]):
        return False
    constant = constant_losses(run)
    _, mine, other = np.intersect1d(loss.step, constant.step, assume_unique=True, return_indices=True)
    return len(mine) < THRESHOLDS.fewest or is_below(loss.value[mine], constant.value[other])


def constant_losses(run: Run) -> Curve:
    """What the best constant prediction loses on the last batches of the run's seed; empty where nobody knows."""
    known = run.provenance.get("constant_losses") or ()
    return Curve(np.array([step for step, _ in known]), np.array([float(value) for _, value in known]))


def is_below(losses: Values, others: Values) -> bool:
    """Whether losses are certainly below others on the same batches, and by no trifle: in the mean of the differences,
    or of the logarithms of the ratios, which a few batches with huge losses do not blur."""
    losses, others = _bounded(losses), _bounded(others)
    pairs = [(others - losses, abs(float(others.mean())))]
    if losses.min() > 0 and others.min() > 0:
        pairs.append((np.log(others) - np.log(losses), 1.0))
    return any(d.mean() > max(THRESHOLDS.certain * _error(d), THRESHOLDS.least * of) for d, of in pairs)


def _bounded(values: Values) -> Values:
    """Losses beyond the largest that is measured count as that, so that sums of their squares stay finite."""
    return np.clip(values, -units.LARGEST, units.LARGEST)


def _error(values: Values) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")


def _trimmed(values: Values) -> Values:
    cut = int(THRESHOLDS.trimmed * len(values))
    return np.sort(values)[cut : len(values) - cut] if cut else values
