"""Gradient clipping: scale gradients whose global norm is above a threshold down to it.

Good for early and mid-training instability, and for bad initializations that warmup cannot repair. The ideal
threshold lies just above the typical norm: the 90th percentile of the *unclipped* norms of a run that trains well.
If that is not enough clip harder, down to the median; beyond half of all updates clipped it is a strange way of
lowering the learning rate. With Adam-like rules a constant clip hardly changes the steps, since they do not depend on
the gradient's scale. (Tuning playbook.)
"""

from __future__ import annotations

import numpy as np

from lrdoctor.core.study import Study
from lrdoctor.fixes.base import Remedy, Settings, optimizer_of


def settings(study: Study) -> Settings:
    norms = [
        run.grad_norm.finite.value
        for run in study.runs
        if run.trial is not None and run.trial.base_learning_rate == study.best_learning_rate
    ]
    norms = [values for values in norms if len(values)]
    if not norms or study.spec is None:
        return {}
    percentile = float(study.spec["clip"]["percentile"])
    threshold = float(np.median([np.percentile(values, percentile) for values in norms]))
    return {"clip_norm": float(f"{threshold:.4g}"), "percentile": percentile}


def snippet(settings: Settings) -> str:
    threshold = settings.get("clip_norm", "threshold")
    return (
        f"loss.backward()\ntorch.nn.utils.clip_grad_norm_(model.parameters(), max_norm={threshold})\noptimizer.step()"
    )


def why(study: Study) -> str | None:
    if "adam" in optimizer_of(study).lower():
        return "with Adam-like rules a constant clip hardly changes the steps"
    return None


FIX = Remedy(
    name="clip_gradients",
    treats=frozenset({"early", "mid_training", "non_finite", "gradient"}),
    summary="clip gradients at the 90th percentile (`clip.percentile`) of their unclipped norms at the best rate",
    manual=__doc__,
    settings=settings,
    snippet=snippet,
    why=why,
)
