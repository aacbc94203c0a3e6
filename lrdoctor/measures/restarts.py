"""Rises that somebody made on purpose: a learning rate that starts again, or a whole training that does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lrdoctor.core.curve import Curve, Steps
from lrdoctor.measures.events import Event
from lrdoctor.measures.units import Units


@dataclass(frozen=True)
class Thresholds:
    jump: float = 1.5
    """From one logged learning rate to the next that is a restart of its schedule; warmups rise by less, except in
    their first points, which are left out."""
    before: float = 0.02
    """Part of the run by which the jump may precede the rise."""
    same: float = 0.2
    """How far, in parts of the fall from the first loss, the loss after a restart of the training may be from the
    one after its start, in the median over the points compared."""
    compared: int = 20
    """Points after both starts that are compared, at least."""
    most_compared: int = 500
    climb: int = 10
    """Points from the beginning of the rise to its peak, at most."""
    fall: float = float(np.log(1.25))
    """How far the loss fell over these points: a flat stretch is like any other."""


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Restart:
    what: Literal["learning rate", "training"]
    step: int


def rate_jumps(rate: Curve) -> Steps:
    """The steps at which the learning rate jumped up, after it had come down from a peak."""
    finite = rate.finite
    if len(finite) < 3:
        return np.zeros(0, dtype=np.int64)
    was = np.maximum.accumulate(finite.value[:-1])
    up = (finite.value[1:] / THRESHOLDS.jump > finite.value[:-1]) & (finite.value[:-1] < was) & (finite.value[:-1] > 0)
    return finite.step[1:][up]


def find_restart(event: Event, loss: Curve, units: Units, jumps: Steps, gap: int) -> Restart | None:
    """What made the event on purpose, None when nothing shows that.

    A rise that did not come back is an instability, whatever began it.
    """
    if event.kind == "divergence" or event.kind == "outlier":
        return None
    length = THRESHOLDS.before * float(loss.step[-1] - loss.step[0]) + 2 * gap
    near = jumps[(jumps <= event.peak_step) & (jumps >= event.first_step - length)]
    if len(near) and event.kind in ("early", "spike"):
        return Restart("learning rate", int(near[-1]))
    return _training(event, loss, units)


def _training(event: Event, loss: Curve, units: Units) -> Restart | None:
    """Whether the loss after the event's peak is the one after the start of the run once more."""
    y, at = units.y, int(np.searchsorted(loss.step, event.peak_step))
    n = min(len(y) - at, at, THRESHOLDS.most_compared)
    climb = at - int(np.searchsorted(loss.step, event.first_step))
    if n < THRESHOLDS.compared or climb > THRESHOLDS.climb:
        return None  # too little to compare, or a loss that climbed: another start is there at once
    first, again = y[:n], y[at : at + n]
    fall = float(first[0] - np.median(first[-5:]))
    if fall < THRESHOLDS.fall:
        return None
    # where both are flat they are alike whatever happened
    steep = first > np.median(first[-5:]) + THRESHOLDS.same * fall
    apart = float(np.median(np.abs(first - again)[steep]))
    starts_again = abs(again[0] - first[0]) < THRESHOLDS.same * fall
    return Restart("training", event.peak_step) if starts_again and apart < THRESHOLDS.same * fall else None
