"""Residual connections and normalization, if the model has none.

Architecture best practice: deep networks without them become unstable at rates that others train at. (Tuning playbook.)
"""

from __future__ import annotations

from lrdoctor.fixes._log import architecture_unseen
from lrdoctor.fixes.base import Remedy, no_settings

SNIPPET = """\
x = x + f(norm(x))  # in place of x = f(x)"""

FIX = Remedy(
    name="add_residuals_and_norm",
    treats=frozenset({"early", "mid_training", "non_finite", "plateau", "architecture"}),
    summary="add residual connections and normalization where the model has none",
    manual=__doc__,
    settings=no_settings,
    snippet=lambda settings: SNIPPET,
    why=architecture_unseen,
)
