"""Normalization inside the branch instead of after the sum.

Norm(x + f(x)) is known to cause issues. The playbook's first edition (2023) asks for x + Norm(f(x)), the normalization
as the last operation before the residual; the edition of June 2024 for x + f(Norm(x)). Both are fine.

x + f(Norm(x)) leaves the stream itself without a norm: it needs one more before the head.

Of a log, gradient norms that grow by a decade before the instability speak for this fix and its two neighbours.
"""

from __future__ import annotations

from lrdoctor.core.architecture import places
from lrdoctor.core.study import Study
from lrdoctor.fixes._architecture import has_norm_after_sum
from lrdoctor.fixes._log import architecture_unseen, run_of
from lrdoctor.fixes._norms import DECADE, norms_of
from lrdoctor.fixes.base import Findings, FixRule, no_settings

SNIPPET = """\
x = x + f(norm(x))  # in place of x = norm(x + f(x))"""


def why(study: Study, findings: Findings) -> str | None:
    if study.architecture is not None:
        return f"at {places(study.architecture.post_norm_sites)}"
    run = run_of(study)
    growth = norms_of(run, findings).growth if run is not None else 1.0
    unseen = architecture_unseen(study, findings)
    if growth < DECADE:
        return unseen
    return f"the gradient norm grew {growth:.3g}-fold, which speaks for the architecture; {unseen}"


FIX = FixRule(
    name="norm_placement",
    treats=frozenset({"early", "mid_training", "non_finite", "plateau", "architecture"}),
    summary="move the normalization off the sum: x + Norm(f(x)) or x + f(Norm(x)), not Norm(x + f(x))",
    manual=__doc__,
    settings=no_settings,
    snippet=lambda settings: SNIPPET,
    why=why,
    applies=has_norm_after_sum,
)
