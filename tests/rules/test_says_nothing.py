"""A sweep that says nothing of the learning rate: the finding, the skips of the other rules, and the trials in it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args, get_type_hints

import numpy as np
import pytest
from synthetic_studies import decay, found, rate, run_of, study_of

from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.study import Obstacle, Study
from lrdoctor.rules import judge_study

KINDS = get_args(get_type_hints(Obstacle)["kind"])


def obstacle(kind: str) -> Obstacle:
    return Obstacle(kind=kind, reason=f"made up: {kind}", advice="look")  # type: ignore[arg-type]


def swept(**more: object) -> Study:
    """At the edge, at a corner of the grid, with a small margin: what LRD401 and LRD403 tell of."""
    rates = (rate(0.1, objective=0.9), rate(0.2, unstable=True))
    return replace(study_of(rates=rates, best_learning_rate=0.1, unstable_base_learning_rate=0.2), **more)  # type: ignore[arg-type]


def test_the_kinds_are_those_of_the_manual_page() -> None:
    assert KINDS == ("unlike_trials", "not_the_rate", "no_effect", "nothing_learned", "not_minimized")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_one_finding_and_the_reason_why_nothing_else_was_looked_at(kind: str) -> None:
    results = list(judge_study(swept(obstacle=obstacle(kind))))
    (seen,) = [r for r in results if isinstance(r, Finding)]
    assert (seen.code, seen.severity, seen.instability) == ("LRD404", "warning", "not_the_rate")
    assert (seen.message, seen.observed, seen.threshold) == (f"made up: {kind}", kind, None)
    skips = [(r.code, r.reason) for r in results if isinstance(r, Skip)]
    assert skips == [(code, f"made up: {kind}") for code in ("LRD401", "LRD402", "LRD403")]


def test_without_an_obstacle_it_is_silent() -> None:
    assert [r.code for r in judge_study(swept()) if isinstance(r, Finding)] == ["LRD401", "LRD403"]


@pytest.mark.parametrize(
    ("kind", "severity", "words"),
    [
        (None, "error", "train_loss is nan at step 60"),
        ("not_the_rate", "info", "train_loss is nan at step 60, which is not the learning rate's doing (LRD404)"),
        ("nothing_learned", "error", "train_loss is nan at step 60"),
    ],
)
@pytest.mark.parametrize("curve", ["train_loss", "grad_norm"])
def test_a_nan_that_is_not_the_rates_is_a_note(curve: str, kind: str | None, severity: str, words: str) -> None:
    value = np.array(decay(100))
    value[60] = math.nan
    run = run_of(value) if curve == "train_loss" else run_of(decay(100))
    if curve == "grad_norm":
        run = replace(run, curves={**run.curves, "grad_norm": run_of(value).train_loss})
    study = study_of(run, obstacle=None if kind is None else obstacle(kind))
    (seen,) = [r for r in found(run, study) if isinstance(r, Finding) and r.code == "LRD101"]
    assert (seen.severity, seen.message) == (severity, words.replace("train_loss", curve))
