"""trials.csv: one row a trial, for pandas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from lrdoctor import diagnose
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.examine.laboratory import Laboratory


def trials_table(study: Study, further: Sequence[Run] = ()) -> list[dict[str, Any]]:
    """The rows of trials.csv: settings, ending and key figures of every trial, without times, so that the same
    trials give the same bytes.

    Args:
        study: its trials come first.
        further: trials that are no part of it, such as those of a fix; they are judged beside the study's.
    """
    findings = diagnose.judge_runs(study)[0] + diagnose.judge_against(further, study.runs)[0]
    return table_of((*study.runs, *further), findings)


def table_of(runs: Iterable[Run], findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The same of trials that were judged already.

    Args:
        runs: with a trial each.
        findings: of these runs (others are ignored).
    """
    rows = []
    for run in runs:
        trial, summary = run.trial, diagnose.summary_of(run, findings)
        assert trial is not None
        found = [f.name for f in findings if f.run == run.name]
        rows.append(
            {
                "key": run.source.split("/")[-2],
                "procedure": trial.procedure,
                **{k: v for k, v in trial.settings().items() if k not in ("optimizer", "stop_hopeless")},
                "optimizer": trial.optimizer_name,
                "status": run.status,
                "exit_reason": run.exit_reason,
                "n_steps": summary.n_points,
                "feasible": summary.feasible,
                "findings": "; ".join(found),
                "best_val_loss": summary.best_val_loss,
                "final_train_loss": summary.final_train_loss,
            }
        )
    return rows


def all_trials_table(laboratory: Laboratory, study: Study) -> list[dict[str, Any]]:
    """The rows of every trial in the study folder, the sweep's first.

    A procedure's trials are judged among themselves, as their own command judges them.

    Args:
        laboratory: whose folder it is.
        study: what the rows have in common.
    """
    every = {**laboratory.folder.finished(), **laboratory.runs}
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for run in sorted(every.values(), key=_place):
        assert run.trial is not None
        groups.setdefault(_group(run.trial), []).append(run)
    rows = []
    for group in sorted(groups):
        rows += trials_table(replace(study, runs=tuple(groups[group])))
    return rows


def _group(trial: Trial) -> tuple[Any, ...]:
    """What its trials are judged among: the sweep first, one for each warmup_steps and clip_norm that a spec had."""
    if trial.procedure != "sweep":
        return (True, trial.procedure)
    return (False, trial.warmup_steps, trial.clip_norm or 0.0)


def _place(run: Run) -> tuple[float, int, str]:
    assert run.trial is not None
    return run.trial.base_learning_rate, run.trial.seed, run.source
