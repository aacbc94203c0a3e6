"""What a logged learning rate shows: the ramp of a warmup, and the steps at which its schedule begins again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import Curve, Steps, Values


@dataclass(frozen=True)
class Thresholds:
    almost: float = 1 - 1e-6
    """Share of the highest learning rate from which on the ramp counts as over: schedulers round."""
    ramp_from: float = 0.5
    """A ramp begins at this share of the peak at most. It starts at 0, but the first logged point may lie well
    inside."""
    shortest_ramp: int = 10
    """Updates. A rate of 0 in the first few of them is how schedulers start, no warmup."""
    jump: float = 1.5
    """From one logged learning rate to the next that is a restart of its schedule; warmups rise by less, except in
    their first points, which are left out."""
    drop: float = 3.0
    """From one logged rate down to the next where a warmup begins once more: more than a step of a schedule that
    halves. The rate has to come back to `again` of what it was."""
    again: float = 0.5


THRESHOLDS = Thresholds()


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The logged learning rates."""

    curve: Curve
    """Finite rates only, one of them at least above 0."""
    peak: float
    warmup_steps: int | None
    """Steps of the ramp from 0 to the peak, as exactly as the logging allows; None when no ramp is seen."""
    warmup_until: int
    """The step at which the ramp reaches its peak, or at which the log ends on it; 0 without a ramp."""
    is_rising: bool
    """Whether the log ends on the ramp, so that neither its length nor the peak is known."""

    def at(self, step: int) -> float | None:
        """The last rate logged up to a step, None when there is none."""
        known = self.curve.before(step + 1)
        return float(known.value[-1]) if len(known) else None


def rates_of(rate: Curve) -> Rates | None:
    """The learning rates of a log; None when they are not logged or never above 0."""
    curve = rate.finite
    if not len(curve) or not curve.value.max() > 0:
        return None
    peak = float(curve.value.max())
    top = int(np.argmax(curve.value >= THRESHOLDS.almost * peak))
    is_ramp = top > 0 and curve.value[0] <= THRESHOLDS.ramp_from * peak and _never_falls(curve.value[: top + 1])
    first, last = int(curve.step[0]), int(curve.step[top])
    # from step 0 on, or from the first logged one when that lies so late that the ramp must have begun there
    ramp = (last if first <= THRESHOLDS.ramp_from * last else last - first) if is_ramp else 0
    is_warmup = ramp >= THRESHOLDS.shortest_ramp
    return Rates(
        curve=curve,
        peak=peak,
        warmup_steps=ramp if is_warmup else None,
        warmup_until=last if is_warmup else 0,
        is_rising=is_ramp and top == int(np.argmax(curve.value)) == len(curve) - 1,
    )


def _never_falls(values: Values) -> bool:
    return bool((values[1:] >= values[:-1]).all())


def jumps(rate: Curve) -> Steps:
    """The steps at which the learning rate jumped up, after it had come down from a peak."""
    finite = rate.finite
    if len(finite) < 3:
        return np.zeros(0, dtype=np.int64)
    # the highest yet: in a warmup each rate is that, so that none of its steps is a restart
    was = np.maximum.accumulate(finite.value[:-1])
    up = (finite.value[1:] / THRESHOLDS.jump > finite.value[:-1]) & (finite.value[:-1] < was) & (finite.value[:-1] > 0)
    return finite.step[1:][up]


def warmups_again(rate: Curve) -> Steps:
    """The steps at which the learning rate fell all at once and rose again, as after a resume without its schedule.

    A restart of a cosine jumps up, and the steps of a decay stay down.
    """
    finite = rate.finite
    value = finite.value
    if len(value) < 3:
        return np.zeros(0, dtype=np.int64)
    down = np.flatnonzero(value[1:] < value[:-1] / THRESHOLDS.drop) + 1  # divided: a product of large ones overflows
    # the highest rate from each point to the end
    later = np.maximum.accumulate(value[::-1])[::-1]
    return finite.step[[int(i) for i in down if later[i] >= THRESHOLDS.again * value[i - 1]]]
