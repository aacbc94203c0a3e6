"""What is wrong: one file a rule, its manual page included. A new rule is a file and a line in RULES."""

from __future__ import annotations

from collections.abc import Iterator

from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.rules import (
    best_at_edge,
    best_at_grid_end,
    early_blow_up,
    non_finite,
    recovered_rise,
    small_margin,
    stuck_plateau,
    unrecovered_rise,
)
from lrdoctor.rules.base import Rule

RULES: tuple[Rule, ...] = (
    non_finite.RULE,
    early_blow_up.RULE,
    unrecovered_rise.RULE,
    recovered_rise.RULE,
    stuck_plateau.RULE,
    best_at_edge.RULE,
    small_margin.RULE,
    best_at_grid_end.RULE,
)

FAILED = "the trial failed, so its curves say nothing about stability"


def judge_run(run: Run, study: Study) -> Iterator[Finding | Skip]:
    """What the rules say of one run; a failed run is skipped by all of them."""
    for rule in RULES:
        if rule.check_run is None:
            continue
        if run.status == "failed":
            yield rule.skip(f"{FAILED} ({run.exit_reason})", run)
        else:
            yield from rule.check_run(run, study)


def judge_study(study: Study) -> Iterator[Finding | Skip]:
    """What the rules say of the study as a whole."""
    for rule in RULES:
        if rule.check_study is not None:
            yield from rule.check_study(study)
