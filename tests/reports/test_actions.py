"""The one action that a report comes down to, and the one beside each finding."""

from __future__ import annotations

import doctest
from dataclasses import replace
from typing import Any

import pytest
from log_report_samples import log_run
from log_report_samples import report as log_report
from report_samples import finding, report
from treat_samples import TREATS

from lrdoctor.core.report import Fix, Report
from lrdoctor.reports import actions, html, markdown
from lrdoctor.reports.actions import do_now, fix_in_short, for_finding

TYPED = "lrdoctor treat study/spec.yaml"
MORE = "lrdoctor sweep study/spec.yaml --seeds 7"


def fix(name: str, rank: int = 1, status: Any = "recommended", run: str | None = None, **settings: Any) -> Fix:
    return Fix(rank=rank, name=name, status=status, why="", because=("LRD201",), settings=settings, run=run)


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (fix("warmup", warmup_steps=[1, 10, 30]), "warm the learning rate up over 1, 10 or 30 steps"),
        (fix("warmup", warmup_steps=[10]), "warm the learning rate up over 10 steps"),
        (fix("warmup", warmup_steps=1), "warm the learning rate up over 1 step"),
        (fix("warmup"), "warm the learning rate up"),
        (fix("clip_gradients", clip_norm=2.0), "clip gradients at norm 2"),
        (fix("clip_gradients"), "log the gradient norms, then clip at their 90th percentile"),
        (fix("change_optimizer", optimizer="adam"), "change the optimizer to adam"),
        (fix("change_optimizer", optimizer={"name": "adam"}), "try another optimizer"),
        (fix("lower_learning_rate", base_learning_rate=0.05), "lower the learning rate to 0.05"),
        (fix("a_fix_of_a_later_version"), "a fix of a later version"),
    ],
)
def test_a_fix_in_a_few_words(of: Fix, words: str) -> None:
    assert fix_in_short(of) == words


def log(*fixes: Fix, **changes: Any) -> Report:
    found = (finding("it rose", run="a.csv", code="LRD201"),)
    return log_report(log_run("a.csv", "unstable"), findings=found, fixes=fixes, verdict="unstable", **changes)


@pytest.mark.parametrize(
    ("fixes", "words"),
    [
        ((fix("clip_gradients", 2, run="a.csv"), fix("warmup", 1, run="a.csv")), "warm the learning rate up"),
        ((fix("warmup", 1, "rejected", "a.csv"), fix("clip_gradients", 2, run="a.csv", clip_norm=3.0)), "norm 3"),
        ((fix("warmup", 1, run="b.csv"), fix("lower_learning_rate", 7)), "lower the learning rate"),
        ((fix("warmup", 1, "not_tried", "a.csv"),), ""),
    ],
)
def test_the_first_fix_that_may_still_be_followed(fixes: tuple[Fix, ...], words: str) -> None:
    of = log(*fixes)
    told = for_finding(of, of.findings[0])
    assert told.endswith(words) if words else told == ""


def test_of_a_sweep_the_command_that_tries_every_fix() -> None:
    swept = report(next_steps=("--seeds 5", TYPED))
    assert do_now(swept) == actions.Action("try every fix on this training, in the playbook's order", (TYPED,))
    assert {for_finding(swept, f) for f in swept.findings if f.severity != "info"} == {TYPED}


def test_what_is_proven_answers_the_finding_of_the_sweep_too() -> None:
    """A lower rate is what the finding's code asks for; the warmup, tried since, holds."""
    proven, lower = fix("warmup", 1, "verified", warmup_steps=15), fix("lower_learning_rate", 7, base_learning_rate=0.1)
    of_sweep = finding("little room", run=None, code="LRD402", severity="warning")
    of = report(findings=(of_sweep,), fixes=(proven, replace(lower, because=("LRD402",))), next_steps=())
    action = do_now(of)
    assert action is not None
    assert for_finding(of, of_sweep) == action.words == "warm the learning rate up over 15 steps"


@pytest.mark.parametrize(
    ("of", "words", "line"),
    [
        (report(treat=TREATS["all"], command="treat"), "optimizer adam at learning rate 0.002", "prescription.yaml"),
        (report(treat=TREATS["none"], command="treat"), "no fix that was tried is shown to be better", ""),
        (report(findings=(), verdict="stable", fixes=(), next_steps=()), "nothing needs a fix: train at lr* =", ""),
        (report(findings=(), verdict="inconclusive", next_steps=(MORE,)), "add seeds until they tell", MORE),
        # what was proven comes before what might be tried
        (report(fixes=(fix("warmup", 1, "verified", warmup_steps=15),)), "warm the learning rate up over 15 steps", ""),
        (report(findings=(), verdict="inconclusive", next_steps=("--seeds 9",)), "--seeds 9", ""),
        (log(fix("warmup", run="a.csv"), recorded={"command": ["python", "a b.py"]}), "warm", "-- python 'a b.py'"),
        (log(next_steps=("Look at the batch",)), "Look at the batch", ""),
    ],
)
def test_the_action_of_a_report(of: Report, words: str, line: str) -> None:
    action = do_now(of)
    assert action is not None
    assert words in action.words
    assert line in "".join(action.lines)


def test_nothing_to_do_where_a_log_is_healthy() -> None:
    assert do_now(log_report(log_run("a.csv", "stable"), verdict="stable")) is None


def test_the_page_and_the_comment_say_it_too() -> None:
    of = report(next_steps=(TYPED,))
    assert f"<code>{TYPED}</code>" in html.render(of, None)
    assert "Do now:" in markdown.render(of, None)
    seen = replace(of, command="inspect")
    assert "inspected, not trained" in html.render(seen, None)
    assert "nothing was trained" in markdown.render(seen, None)


def test_doctests() -> None:
    assert doctest.testmod(actions).failed == 0
