"""Learning-rate schedules as plain functions: step -> learning rate, or step -> multiplier.

A step is one optimizer update, counted from 0. Bad arguments raise; none becomes a constant schedule.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def constant() -> Schedule:
    """1 at every step.

    >>> constant()(0), constant()(10_000)
    (1.0, 1.0)
    """
    return lambda step: 1.0


def linear(steps: int) -> Schedule:
    """max(0, 1 - t / steps): from 1 at step 0 down to 0 at `steps` and after.

    >>> [linear(4)(t) for t in (0, 3, 4, 5)]
    [1.0, 0.25, 0.0, 0.0]
    """
    _positive("steps", steps)
    return lambda step: max(0.0, 1.0 - step / steps)


def cosine(steps: int) -> Schedule:
    """(1 + cos(pi min(t, steps) / steps)) / 2: from 1 at step 0 to 0 at `steps` and after.

    >>> [round(cosine(4)(t), 4) for t in (0, 2, 3, 4, 5)]
    [1.0, 0.5, 0.1464, 0.0, 0.0]
    """
    _positive("steps", steps)
    return lambda step: 0.5 * (1.0 + math.cos(math.pi * min(step, steps) / steps))


def prepend_warmup(base_learning_rate: float, warmup_steps: int, then: Schedule) -> Schedule:
    """The playbook's warmup: base * t / warmup_steps while t < warmup_steps, then base * then(t - warmup_steps).

    The ramp starts at exactly 0 and is *prepended*: `then` runs its full length after it.

    Args:
        base_learning_rate: the rate at the end of the ramp, and the factor on `then`.
        warmup_steps: the number of updates of the ramp; 0 for none.
        then: multiplier of the base rate, called with steps counted from the end of the ramp.

    >>> rate = prepend_warmup(0.5, 10, constant())
    >>> [rate(t) for t in (0, 1, 9, 10, 11)]
    [0.0, 0.05, 0.45, 0.5, 0.5]
    """
    if warmup_steps < 0:
        raise ValueError(f"warmup_steps must be 0 or more, got {warmup_steps}")

    def rate(step: int) -> float:
        if step < warmup_steps:
            return base_learning_rate * step / warmup_steps
        return base_learning_rate * then(step - warmup_steps)

    return rate


def _positive(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, got {value}")
