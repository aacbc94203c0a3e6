"""What is wrong: one file a rule, its manual page included. A new rule is a file and a line in RULES."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lrdoctor.core.architecture import Architecture
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.measures.view import view_of
from lrdoctor.rules import (
    best_at_edge,
    best_at_grid_end,
    branches_not_zero,
    dead_branch,
    dead_run,
    deep_without_norm,
    deep_without_residuals,
    divergence,
    early_blow_up,
    early_rise,
    gradient_explosion,
    gradient_outliers,
    level_shift,
    loss_spike,
    no_progress,
    non_finite,
    norm_after_sum,
    oscillation,
    recovered_rise,
    restart,
    resume_jump,
    said_in_log,
    says_nothing,
    scale_with_depth,
    single_step,
    small_margin,
    stuck_plateau,
    unrecovered_rise,
)
from lrdoctor.rules.base import Rule

RULES: tuple[Rule, ...] = (
    non_finite.RULE,
    said_in_log.RULE,
    dead_run.RULE,
    early_blow_up.RULE,
    unrecovered_rise.RULE,
    recovered_rise.RULE,
    divergence.RULE,
    level_shift.RULE,
    loss_spike.RULE,
    oscillation.RULE,
    early_rise.RULE,
    single_step.RULE,
    stuck_plateau.RULE,
    no_progress.RULE,
    best_at_edge.RULE,
    small_margin.RULE,
    best_at_grid_end.RULE,
    says_nothing.RULE,
    gradient_outliers.RULE,
    gradient_explosion.RULE,
    resume_jump.RULE,
    restart.RULE,
    deep_without_residuals.RULE,
    deep_without_norm.RULE,
    norm_after_sum.RULE,
    branches_not_zero.RULE,
    scale_with_depth.RULE,
    dead_branch.RULE,
)

FAILED = "the run failed, so its curves say nothing about stability"


def judge_run(run: Run, study: Study) -> Iterator[Finding | Skip]:
    """What the rules say of one run: those for trials of a trial, those for logs of any other.

    A failed run is skipped by all of them.
    """
    # differences of losses near the largest float are inf, and those of inf are nan: both compare as they should, and
    # what is measured is no further than that
    with np.errstate(over="ignore", invalid="ignore"):
        return iter(tuple(_of_run(run, study)))


def _of_run(run: Run, study: Study) -> Iterator[Finding | Skip]:
    view = view_of(run, study.alpha)
    for rule in RULES:
        check = rule.check_log if run.trial is None else rule.check_trial
        if check is None:
            continue
        if run.status == "failed":
            yield rule.skip(f"{FAILED} ({run.exit_reason})", run)
        elif run.trial is None and rule.check_log is not None:
            yield from rule.check_log(view)
        elif rule.check_trial is not None:
            yield from rule.check_trial(view, study)


def judge_study(study: Study) -> Iterator[Finding | Skip]:
    """What the rules say of the study as a whole."""
    for rule in RULES:
        if rule.check_study is not None and study.obstacle is not None and rule is not says_nothing.RULE:
            yield rule.skip(study.obstacle.reason)
        elif rule.check_study is not None:
            yield from rule.check_study(study)


def judge_model(model: Architecture) -> Iterator[Finding | Skip]:
    """What the rules say of what a model is made of."""
    for rule in RULES:
        if rule.check_model is not None:
            yield from rule.check_model(model)
