"""What to try: one file a fix. The order of FIXES IS the playbook's order, first to last resort."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lrdoctor.core.report import Finding, Fix
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.fixes import (
    add_residuals_and_norm,
    change_optimizer,
    clip_gradients,
    lower_learning_rate,
    norm_placement,
    trainers,
    warmup,
    zero_init_residual,
)
from lrdoctor.fixes._next import PROVE, next_steps
from lrdoctor.fixes.base import FixRule

__all__ = ["FIXES", "PROVE", "in_trainer", "next_steps", "recommend"]

FIXES: tuple[FixRule, ...] = (
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
        study: where the numbers come from: a sweep, or a log as a study of one run.
        findings: the instabilities to treat; none gives no fix, and one of severity info needs none.
    """
    seen = tuple(f for f in findings if f.severity != "info")
    fixes = []
    for rank, remedy in enumerate(FIXES, start=1):
        answered = [f for f in seen if f.instability in remedy.treats and remedy.applies(study, f)]
        if not answered:
            continue
        settings, addition = remedy.settings(study, seen), remedy.why(study, seen)
        fix = Fix(
            rank=rank,
            name=remedy.name,
            status="recommended",
            why=f"{remedy.summary}; {addition}" if addition else remedy.summary,
            because=tuple(sorted({f.code for f in answered})),
            settings=settings,
            snippet=remedy.snippet(settings),
        )
        fixes.append(in_trainer(fix, study.runs))
    return tuple(fixes)


def in_trainer(fix: Fix, runs: Iterable[Run]) -> Fix:
    """The fix with its numbers in the words of the runs' trainer; as it is where none tells its trainer.

    Args:
        fix: what to try.
        runs: of one training.
    """
    seen = next(((run, found) for run in runs if (found := trainers.trainer_of(run))), None)
    if seen is None:
        return fix
    run, trainer = seen
    numbers = trainers.Numbers.of(fix.settings, trainers.rule_of(run))
    return replace(fix, trainer=trainer.name, trainer_snippet="\n".join(trainer.lines(numbers)) if numbers else "")
