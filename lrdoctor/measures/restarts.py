"""Rises that somebody made on purpose, by what the log shows of it: a learning rate that starts again.

A loss that is back where it began is no evidence of a restart: a blow-up looks the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from lrdoctor.core.curve import Curve, Steps
from lrdoctor.measures.events import Event


@dataclass(frozen=True)
class Thresholds:
    before: float = 0.02
    """Part of the run by which the jump of the rate may precede the rise."""


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Restart:
    step: int
    """At which the learning rate jumped up."""


def find_restart(event: Event, loss: Curve, jumps: Steps, gap: int) -> Restart | None:
    """What made the event on purpose, None when nothing shows that.

    Args:
        event: a rise.
        loss: the finite losses.
        jumps: the steps at which the learning rate jumped up.
        gap: steps from one logged point to the next.
    """
    if event.kind == "outlier":
        return None
    # two gaps more: the jump and the rise may each be logged one point late
    length = THRESHOLDS.before * float(loss.step[-1] - loss.step[0]) + 2 * gap
    near = jumps[(jumps <= event.peak_step) & (jumps >= event.first_step - length)]
    return Restart(int(near[-1])) if len(near) else None
