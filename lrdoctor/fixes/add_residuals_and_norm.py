"""Residual connections and normalization, if the model has none.

Architecture best practice: deep networks without them become unstable at rates that others train at. (Tuning playbook.)

The change has no unique place, so it is the author's to make. Where the model was looked at, the fix is recommended
when no residual add was recognised or a long stretch of layers has no normalization.
"""

from __future__ import annotations

from lrdoctor.core.study import Study
from lrdoctor.fixes._architecture import lacks_basics, what_is_missing
from lrdoctor.fixes._log import architecture_unseen
from lrdoctor.fixes.base import Findings, FixRule, no_settings

SNIPPET = """\
x = x + f(norm(x))  # in place of x = f(x)"""


def why(study: Study, findings: Findings) -> str | None:
    model = study.architecture
    return architecture_unseen(study, findings) if model is None else what_is_missing(model)


FIX = FixRule(
    name="add_residuals_and_norm",
    treats=frozenset({"early", "mid_training", "non_finite", "plateau", "architecture"}),
    summary="add residual connections and normalization where the model has none",
    manual=__doc__,
    settings=no_settings,
    snippet=lambda settings: SNIPPET,
    why=why,
    applies=lacks_basics,
)
