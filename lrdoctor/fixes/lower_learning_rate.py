"""A lower learning rate: the last resort.

It always removes the instability and always gives away what a higher rate would have brought. (Tuning playbook.)
"""

from __future__ import annotations

from lrdoctor.core.study import Study
from lrdoctor.fixes.base import Remedy, Settings

FROM_UNSTABLE = 0.5
"""At half the lowest unstable rate the playbook's short run at twice the rate just reaches the edge. Where the best
rate is lower than that, it has this room itself and is the one to keep."""


def settings(study: Study) -> Settings:
    if study.unstable_base_learning_rate is None:
        return {}
    half = float(f"{FROM_UNSTABLE * study.unstable_base_learning_rate:.4g}")
    best = study.best_learning_rate
    return {"base_learning_rate": half if best is None else min(half, best)}


def snippet(settings: Settings) -> str:
    rate = settings.get("base_learning_rate", "...")
    return f'for group in optimizer.param_groups:\n    group["lr"] = {rate}'


FIX = Remedy(
    name="lower_learning_rate",
    treats=frozenset({"early", "mid_training", "non_finite", "plateau", "gradient", "edge"}),
    summary="lower the learning rate, when nothing else helps",
    manual=__doc__,
    settings=settings,
    snippet=snippet,
)
