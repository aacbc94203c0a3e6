"""What the rules about the gradient norms of a log have in common."""

from __future__ import annotations

import numpy as np

from lrdoctor.measures import gradients
from lrdoctor.measures.view import View


def too_few(view: View) -> str | None:
    """Why nothing can be said of the gradient norms, None when something can."""
    norm, fewest = view.run.grad_norm, gradients.THRESHOLDS.fewest_points
    if not len(norm):
        return "the log holds no gradient norm"
    n = int(np.sum(np.isfinite(norm.value) & (norm.value > 0)))
    return f"{n} finite gradient norms above 0, {fewest} are needed" if n < fewest else None
