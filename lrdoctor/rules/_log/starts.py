"""Losses that are worse than at the start for a good part of the run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.core import robust
from lrdoctor.rules._log.rises import Rise
from lrdoctor.rules._log.units import Units


@dataclass(frozen=True)
class Thresholds:
    rise: float = float(np.log(2))
    """Twice the first loss: a model that knows nothing has the first loss, so this is worse than untrained. It needs
    no estimate of the noise, which a run that was chaotic from the beginning does not give."""
    share: float = 0.05
    """Part of the run that is so bad, and two blocks at least."""
    fewest_blocks: int = 2
    fewest_points: int = 15


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
