"""trials.csv: one row a trial, for pandas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from lrdoctor import assess
from lrdoctor.core.report import Finding, by_run
from lrdoctor.core.run import Run, trial_of
from lrdoctor.core.study import Study
from lrdoctor.examine import range_test
from lrdoctor.examine.laboratory import Laboratory, baseline_trial
from lrdoctor.spec import Spec

APART = ("probe", range_test.PROCEDURE)
"""Procedures whose trials are evaluated otherwise than the sweep's or are shorter, and have only each other to compare
with."""


class Kind(NamedTuple):
    """Trials that are judged together, in the order in which the table has them."""

    is_changed: bool
    """Whether they are anything but the spec's own training, whole."""
    procedure: str
    optimizer: str
    """Empty for the spec's; the losses of another do not compare with those of the sweep."""

    @property
    def is_beside_the_sweep(self) -> bool:
        """Whether the sweep's runs are what these are compared with; else they have each other."""
        return self.is_changed and not self.optimizer and self.procedure not in APART


def all_trials_table(laboratory: Laboratory, study: Study) -> list[dict[str, Any]]:
    """The rows of trials.csv: every trial in the study folder, the sweep's first.

    Settings, ending and key figures, without times, so that the same trials give the same bytes, whichever command
    writes them. The spec's own training is judged among itself, what a fix changes beside it, and the trials of the
    short run and of another optimizer each among themselves.

    Args:
        laboratory: whose folder it is.
        study: what the rows have in common.
    """
    every = laboratory.every_run()
    kinds: dict[Kind, list[Run]] = {}
    for run in sorted(every.values(), key=_place):
        kinds.setdefault(_kind(run, laboratory.spec), []).append(run)
    plain = [run for kind, runs in kinds.items() if not kind.is_changed for run in runs]
    rows = []
    for kind in sorted(kinds):
        runs = kinds[kind]
        if kind.is_beside_the_sweep:
            findings, _ = assess.judge_against(runs, plain)
        else:
            findings, _ = assess.judge_runs(replace(study, runs=tuple(runs)))
        found = by_run(findings)
        rows += [_row(run, found.get(run.name, ())) for run in runs]
    return rows


def _kind(run: Run, spec: Spec) -> Kind:
    trial = trial_of(run)
    optimizer = "" if trial.optimizer == spec.optimizer_text() else trial.optimizer
    own = baseline_trial(spec, trial.base_learning_rate, trial.seed)
    # whichever command asked for it first, it is the spec's own training
    is_changed = replace(trial, procedure=own.procedure) != own
    return Kind(is_changed, trial.procedure if is_changed else own.procedure, optimizer)


def _place(run: Run) -> tuple[float, int, str]:
    trial = trial_of(run)
    return trial.base_learning_rate, trial.seed, run.source


def _row(run: Run, findings: Sequence[Finding]) -> dict[str, Any]:
    """One row.

    Args:
        run: with a trial.
        findings: of this run.
    """
    trial, summary = trial_of(run), assess.summary_of(run, findings)
    return {
        "key": run.source.split("/")[-2],
        "procedure": trial.procedure,
        **{k: v for k, v in trial.settings().items() if k not in ("optimizer", "stop_hopeless", "control")},
        "optimizer": trial.optimizer_name,
        "status": run.status,
        "exit_reason": run.exit_reason,
        "n_steps": summary.n_points,
        "feasible": summary.feasible,
        "findings": "; ".join(f.name for f in findings),
        "best_val_loss": summary.best_val_loss,
        "final_train_loss": summary.final_train_loss,
    }
