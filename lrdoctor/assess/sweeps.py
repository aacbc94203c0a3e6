"""The report of a sweep: its verdict rests on the margin between the best rate and the lowest unstable one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrdoctor import fixes
from lrdoctor.assess import certainty
from lrdoctor.assess.command_prescription import has_schedule, is_of_command
from lrdoctor.assess.judging import checks_of_trials, judge_runs, judge_study, summaries_of
from lrdoctor.assess.margin import ROUND_OFF
from lrdoctor.core.report import ADD_SEEDS, TREAT, Finding, Report, Skip, Verdict
from lrdoctor.core.sections import Sweep
from lrdoctor.core.study import Study
from lrdoctor.core.warmups import left_out
from lrdoctor.fixes.base import clip_of, warmup_of
from lrdoctor.procedures.sweep import Settings
from lrdoctor.rules import best_at_edge, best_at_grid_end


def report_of_sweep(study: Study, command: str, figures: Sequence[str] = ()) -> Report:
    """The report of a sweep whose key figures are measured (`procedures.sweep.measure`).

    The verdict rests on the stability margin: single trials are *meant* to become unstable at high rates.

    Args:
        study: the sweep.
        command: the command that ran it.
        figures: paths of the drawn figures, relative to the study folder.
    """
    run_findings, run_skips = judge_runs(study)
    study_findings, study_skips = judge_study(study)
    verdict = _verdict(study, study_findings, study_skips)
    return Report(
        command=command,
        verdict=verdict,
        summary=_summary(study, verdict, study_findings, study_skips),
        runs=summaries_of(study.runs, run_findings),
        findings=study_findings + run_findings,
        skipped=study_skips + run_skips,
        best_learning_rate=study.best_learning_rate,
        unstable_base_learning_rate=study.unstable_base_learning_rate,
        stability_margin=study.stability_margin,
        lr_sensitivity=study.lr_sensitivity,
        sweep=_section(study, tuple(figures)),
        fixes=fixes.recommend(study, to_treat(study, study_findings, run_findings)),
        next_steps=_next_steps(study, verdict, study_findings),
        checks=checks_of_trials(),
    )


def in_a_sentence(study: Study) -> str:
    """What the sweep as a whole shows."""
    findings, skips = judge_study(study)
    return _summary(study, _verdict(study, findings, skips), findings, skips)


def verdict_of(study: Study) -> Verdict:
    """That of the sweep as a whole."""
    return _verdict(study, *judge_study(study))


def _verdict(study: Study, findings: Sequence[Finding], skips: Sequence[Skip]) -> Verdict:
    if study.obstacle is not None:
        return "inconclusive"
    if any(f.severity == "error" for f in findings):
        return "unstable"
    return "inconclusive" if skips else "stable"


def _summary(study: Study, verdict: Verdict, findings: Sequence[Finding], skips: Sequence[Skip]) -> str:
    if study.obstacle is not None:
        return study.obstacle.reason
    worst = next((f for f in findings if f.severity == "error"), None)
    if worst is not None:
        return worst.message
    if verdict == "inconclusive" and study.cut is not None:
        return skips[0].reason  # the others say no more than that
    if verdict == "inconclusive":
        return "; ".join(s.reason for s in skips)
    if study.stability_margin is None:
        return f"no instability was found up to {study.stable_up_to:.3g} times the best learning rate"
    return (
        f"{study.best_in_words} has room: training becomes unstable at "
        f"{study.unstable_base_learning_rate:.4g}, {study.stability_margin:.3g} times higher{study.margin_range}"
        f"{_as_the_playbook_reads_it(study.stability_margin)}"
    )


def _as_the_playbook_reads_it(margin: float) -> str:
    """What its checks at 5 and 10 times lr* say of training that does not sit at the edge: a break there means that the
    model likely suffers from instability."""
    check = next((check for check in CHECKS if margin <= check * (1 + ROUND_OFF)), None)
    return (
        "" if check is None else f"; that breaks the playbook's check at {check:g}x, so instability may still limit it"
    )


def _section(study: Study, figures: tuple[str, ...]) -> Sweep:
    return Sweep(
        objective=study.objective,
        loss_at_init=study.loss_at_init,
        obstacle=study.obstacle,
        cut=study.cut,
        stable_up_to=study.stable_up_to,
        extended=any(r.stage == "extension" for r in study.rates),
        notes=(*_of_the_spec(study), *study.notes),
        n_seeds=len({run.trial.seed for run in study.runs if run.trial is not None}),
        intervals=certainty.intervals(study),
        rates=study.rates,
        figures=figures,
    )


def _of_the_spec(study: Study) -> Iterator[str]:
    """What every trial has of the fixes already, since the spec says so."""
    warmup_steps, clip_norm = warmup_of(study), clip_of(study)
    if warmup_steps:
        yield f"every trial begins with the spec's own warmup of {warmup_steps} step{'' if warmup_steps == 1 else 's'}"
    if clip_norm is not None:
        yield f"every trial clips its gradients at the spec's own clip_norm {clip_norm:.4g}"
    search = study.spec.get("warmup") if study.spec is not None else None
    if is_of_command(study.spec) and has_schedule(study):
        yield (
            "the script changes its learning rates itself: a rate here is the one that its schedule scales, and a "
            "warmup is a ramp on top of that schedule"
        )
    if study.spec is not None and search and (note := left_out(search["steps"], study.spec["max_train_steps"])):
        yield note


CHECKS = Settings(()).checks
"""Multiples of lr* that the playbook checks."""

ENOUGH_SEEDS = 5
"""With three seeds a majority is two: a single odd one moves the edge."""

GO_ON = "a larger budget: the same command goes on where it ended, and trains nothing twice"
"""The next step after a sweep that a budget ended."""

SEEN_UP_TO = 10.0
"""Fixes answer what happens up to this multiple of lr*: the upper of the playbook's two checks."""


def to_treat(study: Study, of_study: Sequence[Finding], of_runs: Sequence[Finding]) -> list[Finding]:
    """The instabilities that a fix would have to remove: those of the unstable rates up to 10 x lr*.

    None when the study itself shows no lack of room: what happens far above the best rate needs no cure.
    """
    edge = [f for f in of_study if f.instability == "edge" and f.code != best_at_grid_end.RULE.code]
    if not edge:
        return []
    limit = SEEN_UP_TO * study.best_learning_rate if study.best_learning_rate is not None else float("inf")
    unstable = {r.base_learning_rate for r in study.rates if r.n_judged and r.is_unstable}
    rate_of = {run.name: run.trial.base_learning_rate for run in study.runs if run.trial is not None}
    near = [f for f in of_runs if f.run in rate_of and rate_of[f.run] in unstable and rate_of[f.run] <= limit]
    return edge + near


def _next_steps(study: Study, verdict: Verdict, found: Sequence[Finding]) -> tuple[str, ...]:
    """What to do with the result, besides the fixes."""
    if study.cut is not None:
        return (GO_ON,)
    if study.obstacle is not None:
        return (study.obstacle.advice,)
    steps = [TREAT] if any(finding.severity != "info" for finding in found) else []
    if study.certainty is not None and best_at_edge.RULE.code in study.certainty.seeds_to_settle:
        steps.append(ADD_SEEDS.format(study.certainty.seeds_to_settle[best_at_edge.RULE.code] or "auto"))
    n_seeds = len({run.trial.seed for run in study.runs if run.trial is not None})
    # an interval that settles the verdict says itself how much the seeds leave open
    if n_seeds < ENOUGH_SEEDS and (study.certainty is None or study.certainty.stability_margin is None):
        steps.append(f"--seeds {ENOUGH_SEEDS}: the verdict rests on {n_seeds} seed{'s' if n_seeds > 1 else ''} a rate")
    if verdict == "unstable":
        again = " again" if study.is_swept else ""
        steps.append(f"To try the fixes by hand: one at a time, in this order; sweep{again} after each.")
    return tuple(steps)
