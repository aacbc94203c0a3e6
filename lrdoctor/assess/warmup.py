"""The report of the warmup procedure: whether the highest stable rate rose, and what that was good for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lrdoctor import fixes
from lrdoctor.assess import confirmation_text
from lrdoctor.assess.judging import summaries_of
from lrdoctor.assess.sweeps import ENOUGH_SEEDS, report_of_sweep
from lrdoctor.assess.warmup_table import warmup_table
from lrdoctor.assess.warmup_text import in_short, words_of
from lrdoctor.core.fix_sections import TriedStatus
from lrdoctor.core.report import TREAT, Fix, FixStatus, Report
from lrdoctor.core.study import Study
from lrdoctor.core.warmups import CAP, TRAIN_LONGER
from lrdoctor.fixes.base import warmup_of
from lrdoctor.procedures.warmup_comparison import Held, WarmupFound

NAME = "warmup"


def report_of_warmup(study: Study, found: WarmupFound | None, figures: Sequence[str] = ()) -> Report:
    """The report of a warmup search, with the study's sweep in it where one was made.

    Args:
        study: knows lr* and the unstable rate, or lacks one of them.
        found: what it found; None when there was nothing to search.
        figures: paths of the sweep's drawn figures, relative to the study folder.
    """
    report = report_of_sweep(study, NAME, figures)
    if found is None:
        return _without_search(report, study)
    status, why = status_of(found), words_of(found, study)
    told = in_short(found, study)
    if found.confirmation is not None:
        fresh = "; ".join(confirmation_text.confirmed(found.confirmation, found.objective))
        why, told = f"{fresh}; {why}", f"{confirmation_text.in_short(found.confirmation)}; {told}"
    short = f"warmup {status.replace('_', ' ')}: {told}"
    return replace(
        report,
        summary=f"{report.summary}; {short}",
        runs=report.runs + summaries_of(found.runs, found.findings),
        findings=report.findings + found.findings,
        skipped=report.skipped + found.skipped,
        fixes=_with_result(report.fixes, _fix(found, status, why)),
        warmup=warmup_table(found, status, why, warmup_of(study)),
        next_steps=tuple(_next_steps(found, status)),
    )


def status_of(found: WarmupFound) -> TriedStatus:
    """Verified when a rate that is unstable without the warmup is stable with it, in whole runs, and fresh seeds say so
    too (`procedures.confirmation`)."""
    if not any(t.n_judged for t in found.tried):
        return "not_tried"
    if found.risen is None:
        return "rejected"
    return "unconfirmed" if found.confirmation is None else found.confirmation.status


def _without_search(report: Report, study: Study) -> Report:
    if study.best_learning_rate is None:
        reason = "there is no best learning rate to compare with"
        step = "--lr RATE gives the rate to compare with; lower sweep.min finds one"
    else:
        reason = "no unstable learning rate was found, so there is none to make trainable"
        step = "--unstable-lr RATE searches a warmup all the same, to warmup.factor times that rate"
    return replace(
        report, summary=f"{report.summary}; warmup not tried: {reason}", next_steps=(*report.next_steps, step)
    )


def _fix(found: WarmupFound, status: FixStatus, why: str) -> Fix:
    rank, remedy = next((rank, fix) for rank, fix in enumerate(fixes.FIXES, start=1) if fix.name == NAME)
    risen = found.risen
    proven = _proven(risen, found) if status == "verified" and risen is not None else {}
    comparison = found.comparison
    values = (
        {} if comparison is None else {"best_val_loss": comparison.after, "baseline_best_val_loss": comparison.before}
    )
    fix = Fix(
        rank=rank,
        name=NAME,
        status=status,
        why=why,
        because=(),
        settings=proven,
        snippet=remedy.snippet({**proven, "warmup_steps": [proven["warmup_steps"]]}) if proven else "",
        gain={
            "highest_stable_learning_rate": found.stable_with,
            "baseline_highest_stable_learning_rate": found.stable_without,
            **(values if found.objective == "best_val_loss" else {}),
        },
    )
    return fixes.in_trainer(fix, found.runs)


def _proven(risen: Held, found: WarmupFound) -> dict[str, float | int]:
    """The highest rate that is stable in whole runs, with the warmup that they had."""
    return {
        "base_learning_rate": risen.base_learning_rate,
        "warmup_steps": risen.warmup_steps,
        "post_warmup_steps": found.settings.post_warmup_steps(risen.warmup_steps),
    }


def _with_result(recommended: Sequence[Fix], tried: Fix) -> tuple[Fix, ...]:
    """The sweep's fixes, with the warmup that was tried in place of the recommended one."""
    because = next((fix.because for fix in recommended if fix.name == NAME), ())
    others = [fix for fix in recommended if fix.name != NAME]
    return tuple(sorted([replace(tried, because=because), *others], key=lambda fix: fix.rank))


def _next_steps(found: WarmupFound, status: FixStatus) -> list[str]:
    steps, settings = [], found.settings
    n_seeds = max((t.n_judged for t in found.tried), default=0)
    if n_seeds < ENOUGH_SEEDS:
        steps.append(f"--seeds {ENOUGH_SEEDS}: this rests on {n_seeds} seed{'' if n_seeds == 1 else 's'} a warmup")
    if status == "rejected":
        steps += [
            TREAT,
            f"gradient clipping is the next fix in the playbook's order; a longer run would allow longer warmups than "
            f"{settings.longest} steps ({100 * CAP:.0f} % of max_train_steps)",
        ]
    if found.held is not None and found.held.base_learning_rate == settings.target:
        steps.append(f"--factor {10 * settings.factor:g}: the warmup holds at {settings.factor:g}x, try the next order")
    if found.held is not None and found.held.warmup_steps > TRAIN_LONGER * settings.max_train_steps:
        steps.append(
            f"raise max_train_steps: the warmup needs {found.held.warmup_steps} steps, more than "
            f"{100 * TRAIN_LONGER:.0f} % of {settings.max_train_steps} (tuning playbook)"
        )
    return steps
