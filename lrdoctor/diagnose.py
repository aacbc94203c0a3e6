"""Study -> Report: the rules judge, the fixes answer. Pure: no file is read or written here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from lrdoctor import rules
from lrdoctor.core.report import Finding, Report, RunSummary, Skip, Verdict
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study

Judged = tuple[tuple[Finding, ...], tuple[Skip, ...]]


def judge_runs(study: Study) -> Judged:
    """What the rules find in the single runs of the study, and what they could not check."""
    return _split(found for run in study.runs for found in rules.judge_run(run, study))


def judge_study(study: Study) -> Judged:
    """What the rules find in the study as a whole."""
    return _split(rules.judge_study(study))


def report_of_sweep(study: Study, command: str, next_steps: Sequence[str] = ()) -> Report:
    """The report of a sweep whose figures are measured (`procedures.sweep.measure`).

    The verdict rests on the stability margin: single trials are *meant* to become unstable at high rates.
    """
    run_findings, run_skips = judge_runs(study)
    study_findings, study_skips = judge_study(study)
    verdict = _verdict(study, study_findings, study_skips)
    return Report(
        command=command,
        verdict=verdict,
        summary=_summary(study, verdict, study_findings, study_skips),
        runs=tuple(summary_of(run, run_findings) for run in study.runs),
        findings=study_findings + run_findings,
        skipped=study_skips + run_skips,
        best_learning_rate=study.best_learning_rate,
        unstable_base_learning_rate=study.unstable_base_learning_rate,
        stability_margin=study.stability_margin,
        lr_sensitivity=study.lr_sensitivity,
        sweep=_sweep_table(study),
        next_steps=tuple(next_steps),
    )


def summary_of(run: Run, findings: Iterable[Finding]) -> RunSummary:
    """The run's line in the report's table."""
    trial, loss, best = run.trial, run.train_loss, run.val_loss.finite.value
    infeasible = any(f.run == run.name and f.severity == "error" for f in findings)
    feasible = None if run.status == "failed" else not infeasible
    verdicts: dict[bool | None, Verdict] = {None: "inconclusive", True: "stable", False: "unstable"}
    return RunSummary(
        name=run.name,
        source=run.source,
        verdict=verdicts[feasible],
        n_points=len(loss),
        first_step=int(loss.step[0]) if len(loss) else None,
        last_step=int(loss.step[-1]) if len(loss) else None,
        base_learning_rate=trial.base_learning_rate if trial else None,
        seed=trial.seed if trial else None,
        warmup_steps=trial.warmup_steps if trial else None,
        clip_norm=trial.clip_norm if trial else None,
        optimizer=trial.optimizer_name if trial else None,
        status=run.status,
        exit_reason=run.exit_reason,
        feasible=feasible,
        best_val_loss=float(best.min()) if len(best) else None,
        final_train_loss=float(loss.value[-1]) if len(loss) else None,
    )


def _split(found: Iterable[Finding | Skip]) -> Judged:
    everything = tuple(found)
    return (
        tuple(f for f in everything if isinstance(f, Finding)),
        tuple(s for s in everything if isinstance(s, Skip)),
    )


def _verdict(study: Study, findings: Sequence[Finding], skips: Sequence[Skip]) -> Verdict:
    if any(f.severity == "error" for f in findings):
        return "unstable"
    return "inconclusive" if skips or study.interrupted else "stable"


def _summary(study: Study, verdict: Verdict, findings: Sequence[Finding], skips: Sequence[Skip]) -> str:
    worst = next((f for f in findings if f.severity == "error"), None)
    if worst is not None:
        return worst.message
    if verdict == "inconclusive":
        return "; ".join(s.reason for s in skips) or "the sweep was not finished"
    assert study.best_learning_rate is not None
    if study.stability_margin is None:
        return f"no instability was found up to {study.stable_up_to:.3g} times the best learning rate"
    return (
        f"the best learning rate {study.best_learning_rate:.4g} has room: training becomes unstable at "
        f"{study.unstable_base_learning_rate:.4g}, {study.stability_margin:.3g} times higher"
    )


def _sweep_table(study: Study) -> dict[str, Any]:
    return {
        "objective": study.objective,
        "loss_at_init": study.loss_at_init,
        "stable_up_to": study.stable_up_to,
        "extended": any(r.stage == "extension" for r in study.rates),
        "notes": list(study.notes),
        "n_seeds": len({run.trial.seed for run in study.runs if run.trial is not None}),
        "rates": [
            {**asdict(r), "events": dict(r.events), "feasible": r.is_feasible, "unstable": r.is_unstable}
            for r in study.rates
        ],
        "figures": [],
    }
