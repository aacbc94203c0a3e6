"""Logs for tests of what follows them: rows of a CSV file, healthy ones and others."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

HEADER = "step,train_loss\n"


def losses(n: int = 400) -> list[float]:
    random = np.random.default_rng(4)
    return (2.5 * np.exp(-np.arange(n) / 100) * np.exp(0.05 * random.normal(size=n)) + 0.3).tolist()


def rows(values: Iterable[float], first: int = 0) -> str:
    return "".join(f"{step},{value!r}\n" for step, value in enumerate(values, start=first))


HEALTHY = losses()
LOST = [*HEALTHY[:300], *[math.nan] * 20]
