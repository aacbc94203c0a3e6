from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from report_schema import SCHEMA, faults, parse

from lrdoctor.assess import report_of_warmup
from lrdoctor.core.study import Rate, Study
from lrdoctor.procedures.confirmation import Confirmation, Fresh, Outcome
from lrdoctor.procedures.warmup import Settings, WarmupAttempt
from lrdoctor.procedures.warmup_comparison import Comparison, Held, WarmupFound
from lrdoctor.reports import json as json_report


def rate(at: float, n_unstable: int = 0, objective: float = 0.5, n: int = 3) -> Rate:
    return Rate(
        base_learning_rate=at, stage="grid", n_judged=n, n_feasible=n - n_unstable, n_unstable=n_unstable,
        objective=objective, objective_low=objective, objective_high=objective, final_loss=objective,
    )  # fmt: skip


def tried(at: float, steps: int, n_held: int, n_judged: int = 3) -> WarmupAttempt:
    events = {"early blow-up": n_judged - n_held} if n_held < n_judged else {}
    return WarmupAttempt(base_learning_rate=at, warmup_steps=steps, n_judged=n_judged, n_held=n_held, events=events)


SWEPT = Study(
    name="made up",
    runs=(),
    rates=(rate(0.1), rate(0.15), rate(0.2, 3), rate(1.0, 3)),
    best_learning_rate=0.1,
    unstable_base_learning_rate=0.2,
)
LOWER = Held(base_learning_rate=0.8, warmup_steps=10)
SETTINGS = Settings(0.2, (1, 10, 30), max_train_steps=300)
NO_GAIN = Comparison(base_learning_rate=0.2, baseline={0: 0.5, 1: 0.52, 2: 0.51}, warmed={0: 0.49, 1: 0.51, 2: 0.5})
FOUND = WarmupFound(
    settings=SETTINGS,
    tried=(tried(2.0, 1, 0), tried(2.0, 10, 2), tried(2.0, 30, 3), tried(2.0, 3, 1)),
    held=Held(base_learning_rate=2.0, warmup_steps=10),
    stable_without=0.15,
    without=(rate(0.1), rate(0.2, 3), rate(2.0, 3)),
    warmed=(rate(0.1), rate(0.2), rate(2.0, 1)),
    comparison=NO_GAIN,
)
VERIFIED = replace(
    FOUND,
    confirmation=Confirmation(
        claim=FOUND.claim(Held(base_learning_rate=2.0, warmup_steps=10), 0.1),
        n_seeds=5,
        fresh=tuple(
            Fresh(
                seed=seed,
                use=Outcome(0.5, False),
                reach=Outcome(0.6, False),
                baseline=Outcome(0.5, False),
                baseline_use=Outcome(float("inf"), True),
                baseline_reach=Outcome(float("inf"), True),
            )
            for seed in range(3, 8)
        ),
    ),
)
"""The same, confirmed on fresh seeds."""
NOTHING = WarmupFound(settings=SETTINGS, tried=(*(tried(2.0, n, 0) for n in (1, 10, 30)), tried(0.2, 30, 1)))


def changed(**changes: Any) -> WarmupFound:
    return WarmupFound(**(vars(FOUND) | changes))


@pytest.mark.parametrize(
    ("found", "status", "said"),
    [
        (
            FOUND,
            "unconfirmed",
            [
                "10 steps, reaches 2, 10x the unstable rate, in 2 of 3 seeds of short runs",
                "rose from 0.15 to 2, in 2 of 3 seeds (0 of 3 without)",
                "0.5 (0.49..0.51) at 0.2 with it and its added steps, 0.51 (0.5..0.52) at lr* = 0.1 without: "
                "no change beyond the spread over the seeds (lower in 3 of 3 seeds, differences by seed -0.01 "
                "to -0.01)",
            ],
        ),
        (VERIFIED, "verified", ["confirmed on 5 fresh seeds", "and without it in 0 of 5 at 2", "rose from 0.15 to 2"]),
        (changed(without=(rate(2.0, 2),)), "unconfirmed", ["(1 of 3 without, the difference of one seed)"]),
        (changed(without=(rate(2.0, 1),)), "rejected", ["stable up to 2, in 2 of 3 seeds, but so is training without"]),
        (
            changed(warmed=(rate(0.1), rate(0.2), rate(2.0, 2))),
            "rejected",
            ["stay stable up to 0.2 (3 of 3 seeds), and that is not clearly higher than 0.2, where training"],
        ),
        (changed(warmed=(rate(0.1, 3),), comparison=None), "rejected", ["stable at none of the compared rates"]),
        (
            NOTHING,
            "rejected",
            ["no warmup of up to 30 steps (10 % of max_train_steps)", "held in 1 of 3 seeds (early blow-up 2/3)"],
        ),
        (WarmupFound(settings=SETTINGS, tried=(tried(2.0, 1, 0, 0),)), "not_tried", ["all its trials failed"]),
    ],
)
def test_what_is_said_of_the_warmup(found: WarmupFound, status: str, said: list[str]) -> None:
    report = report_of_warmup(SWEPT, found)
    fix = report.fixes[0]
    assert (fix.name, fix.rank, fix.status) == ("warmup", 1, status)
    assert [words for words in said if words not in fix.why] == []
    assert report.warmup is not None
    assert report.warmup.status == status
    assert f"warmup {status.replace('_', ' ')}: " in report.summary
    assert faults(parse(json_report.render(report)), SCHEMA) == []


@pytest.mark.parametrize(
    ("spec", "found", "told"),
    [
        ({"schedule": {"name": "constant"}}, FOUND, True),
        ({"schedule": {"name": "constant"}}, changed(warmed=(), without=()), False),
        ({"schedule": {"name": "constant"}}, NOTHING, False),
        ({"schedule": {"name": "cosine"}}, FOUND, False),
        ({"schedule": {"class_path": "./own.py:schedule", "init_args": {}}}, FOUND, False),
        (None, FOUND, False),
    ],
)
def test_whole_runs_that_repeat_the_short_ones_are_no_second_proof(spec: Any, found: WarmupFound, told: bool) -> None:
    why = report_of_warmup(replace(SWEPT, spec=spec), found).fixes[0].why
    words = "a whole run at 2 begins with the 300 steps of the short one: only the 10 after them are new evidence"
    assert (words in why) is told


def test_the_proven_settings_can_be_copied() -> None:
    fix = report_of_warmup(SWEPT, VERIFIED).fixes[0]
    assert fix.settings == {"base_learning_rate": 2.0, "warmup_steps": 10, "post_warmup_steps": 290}
    assert fix.snippet.startswith("warmup_steps = 10\n")
    assert "lr=2.0" in fix.snippet
    assert fix.gain == {
        "highest_stable_learning_rate": 2.0,
        "baseline_highest_stable_learning_rate": 0.15,
        "best_val_loss": 0.5,
        "baseline_best_val_loss": 0.51,
    }


def test_a_training_loss_is_not_sold_as_a_validation_loss() -> None:
    fix = report_of_warmup(SWEPT, changed(objective="best_train_loss")).fixes[0]
    assert "best training loss" in fix.why
    assert "best_val_loss" not in fix.gain


def test_a_rejected_warmup_gives_no_settings() -> None:
    fix = report_of_warmup(SWEPT, NOTHING).fixes[0]
    assert (fix.settings, fix.snippet) == ({}, "")


LONG = changed(held=Held(base_learning_rate=2.0, warmup_steps=30), tried=(tried(2.0, 30, 3),))


@pytest.mark.parametrize(
    ("found", "step", "told"),
    [
        (FOUND, "raise max_train_steps", False),
        (LONG, "raise max_train_steps: the warmup needs 30 steps, more than 5 % of 300", True),
        (FOUND, "--factor 100", True),
        (changed(held=LOWER, tried=(tried(0.8, 10, 3),)), "--factor 100", False),
        (FOUND, "this rests on 3 seeds a warmup", True),
        (WarmupFound(settings=SETTINGS, tried=(tried(2.0, 1, 0, 1),)), "this rests on 1 seed a warmup", True),
        (WarmupFound(settings=SETTINGS, tried=(tried(2.0, 1, 0, 5),)), "--seeds", False),
        (NOTHING, "gradient clipping is the next fix", True),
    ],
)
def test_next_steps(found: WarmupFound, step: str, told: bool) -> None:
    steps = report_of_warmup(SWEPT, found).next_steps
    assert any(step in said for said in steps) is told


def test_the_sweep_stays_in_the_report() -> None:
    report = report_of_warmup(SWEPT, FOUND)
    assert report.command == "warmup"
    assert report.sweep is not None
    assert [rate.base_learning_rate for rate in report.sweep.rates] == [0.1, 0.15, 0.2, 1.0]
    assert report.verdict == "unstable"
    assert report.summary.startswith("the best learning rate 0.1 sits at the edge")


@pytest.mark.parametrize(
    ("unstable", "verdict", "said"),
    [
        (0.15, "unstable", "the best learning rate 0.1, as given, sits at the edge of instability: "),
        (0.2, "unstable", "the best learning rate 0.1, as given, sits at the edge of instability: "),
        (0.4, "stable", "the best learning rate 0.1, as given, has room: training becomes unstable at 0.4"),
    ],
)
def test_rates_given_by_hand_are_judged_by_their_margin(unstable: float, verdict: str, said: str) -> None:
    study = Study(name="x", runs=(), best_learning_rate=0.1, unstable_base_learning_rate=unstable)
    report = report_of_warmup(study, NOTHING)
    assert report.verdict == verdict
    assert report.summary.startswith(said)
    assert "; warmup rejected: " in report.summary
    assert [f.code for f in report.findings] == ["LRD401" if verdict == "unstable" else "LRD402"]


@pytest.mark.parametrize(
    ("best", "unstable", "reason", "step"),
    [
        (0.1, None, "no unstable learning rate was found, so there is none to make trainable", "--unstable-lr RATE"),
        (None, 0.001, "there is no best learning rate to compare with", "--lr RATE"),
    ],
)
def test_nothing_to_search(best: float | None, unstable: float | None, reason: str, step: str) -> None:
    rates = (rate(0.1), rate(0.5), rate(1.0)) if best else (rate(0.001, 3),)
    study = Study(name="x", runs=(), rates=rates, best_learning_rate=best, unstable_base_learning_rate=unstable)
    report = report_of_warmup(study, None)
    assert report.summary.endswith(f"warmup not tried: {reason}")
    assert report.next_steps[-1].startswith(step)
    assert report.warmup is None
