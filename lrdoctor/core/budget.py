"""What a study may spend: time, or steps."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

Unit = Literal["seconds", "steps"]

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
THOUSANDS = {"": 1, "k": 1000, "M": 1_000_000}

_TIME = re.compile(r"(\d+(?:\.\d+)?)([smh])", re.ASCII)
_STEPS = re.compile(r"(\d+(?:\.\d+)?)([kM]?)-steps", re.ASCII)

LONGEST = 20
"""Characters that a budget may have: a number of so many digits is a mistake."""


@dataclass(frozen=True)
class Budget:
    """An amount that one call may spend."""

    given: str
    """As it was typed."""
    amount: float
    unit: Unit


def budget_of(text: str) -> Budget:
    """The budget that a text says: a time in seconds, minutes or hours, or a number of steps.

    >>> budget_of("30m")
    Budget(given='30m', amount=1800.0, unit='seconds')
    >>> budget_of("1.5k-steps")
    Budget(given='1.5k-steps', amount=1500, unit='steps')

    Raises:
        ValueError: it says neither, or nothing.
    """
    if len(text) <= LONGEST:
        if found := _TIME.fullmatch(text):
            seconds = float(found[1]) * SECONDS[found[2]]
            if seconds > 0:
                return Budget(text, seconds, "seconds")
        if found := _STEPS.fullmatch(text):
            steps = float(found[1]) * THOUSANDS[found[2]]
            # 1.1k is 1100 steps, though 1.1 * 1000 is not quite that
            if round(steps) >= 1 and math.isclose(steps, round(steps), rel_tol=1e-12):
                return Budget(text, round(steps), "steps")
    raise ValueError(
        f"found {text[:40]!r}, expected a time such as 90s, 30m or 2h, or a number of steps such as 20000-steps, "
        "20k-steps or 1.5M-steps"
    )
