"""`Report.warmup`: everything that was tried and compared, as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lrdoctor.assess.comparison_words import change
from lrdoctor.assess.sweeps import rate_row
from lrdoctor.core.report import FixStatus
from lrdoctor.core.warmups import TRAIN_LONGER
from lrdoctor.procedures.warmup_comparison import Comparison, Warmup


def warmup_table(found: Warmup, status: FixStatus, why: str, own: int = 0) -> dict[str, Any]:
    """The rows in the order in which they were tried; what nothing is known of is None.

    Args:
        found: what was tried.
        status: what came of it.
        why: the same in words.
        own: warmup_steps of the spec, which is what training without the warmup has.
    """
    settings, steps = found.settings, found.warmup_steps
    return {
        "status": status,
        "why": why,
        "factor": settings.factor,
        "own_warmup_steps": own,
        "longest_warmup_steps": settings.longest,
        "objective": found.objective,
        "tried": [
            {
                **asdict(t),
                "events": dict(t.events),
                "multiple": t.base_learning_rate / settings.unstable_base_learning_rate,
                "post_warmup_steps": settings.post_warmup_steps(t.warmup_steps),
                "holds": t.holds,
            }
            for t in found.tried
        ],
        "base_learning_rate": found.base_learning_rate,
        "warmup_steps": steps,
        "post_warmup_steps": None if steps is None else settings.post_warmup_steps(steps),
        "highest_stable_learning_rate": {"without": found.stable_without, "with": found.stable_with},
        "without": [rate_row(rate) for rate in found.without],
        "with": [rate_row(rate) for rate in found.warmed],
        "comparison": None if found.comparison is None else _comparison(found.comparison),
        "share_of_max_train_steps": None if steps is None else steps / settings.max_train_steps,
        "raise_max_train_steps": steps is not None and steps > TRAIN_LONGER * settings.max_train_steps,
        "figures": [],
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "base_learning_rate": comparison.base_learning_rate,
        "with": comparison.after,
        "without": comparison.before,
        "seeds": {
            str(seed): {"with": comparison.warmed[seed], "without": comparison.baseline[seed]}
            for seed in comparison.baseline
        },
        "paired": asdict(comparison.paired),
        "words": change(comparison.paired),
    }
