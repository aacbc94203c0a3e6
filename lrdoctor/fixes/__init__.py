"""What to try: one file a fix. The order of FIXES IS the playbook's order, first to last resort."""

from __future__ import annotations

from collections.abc import Iterable

from lrdoctor.core.report import Finding, Fix
from lrdoctor.core.study import Study
from lrdoctor.fixes import (
    add_residuals_and_norm,
    change_optimizer,
    clip_gradients,
    lower_learning_rate,
    norm_placement,
    warmup,
    zero_init_residual,
)
from lrdoctor.fixes.base import Remedy

FIXES: tuple[Remedy, ...] = (
    warmup.FIX,
    clip_gradients.FIX,
    change_optimizer.FIX,
    add_residuals_and_norm.FIX,
    norm_placement.FIX,
    zero_init_residual.FIX,
    lower_learning_rate.FIX,
)


def recommend(study: Study, findings: Iterable[Finding]) -> tuple[Fix, ...]:
    """The fixes that treat what was found, in the playbook's order.

    Args:
        study: where the numbers come from.
        findings: the instabilities to treat; none gives no fix.
    """
    seen = tuple(findings)
    fixes = []
    for rank, remedy in enumerate(FIXES, start=1):
        because = tuple(sorted({f.code for f in seen if f.instability in remedy.treats}))
        if not because:
            continue
        settings, addition = remedy.settings(study), remedy.why(study)
        fixes.append(
            Fix(
                rank=rank,
                name=remedy.name,
                status="recommended",
                why=f"{remedy.summary}; {addition}" if addition else remedy.summary,
                because=because,
                settings=settings,
                snippet=remedy.snippet(settings),
            )
        )
    return tuple(fixes)
