"""The report of logs: verdicts, the sentence about them, fixes, and what is kept of the curves."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from lrdoctor.assess import log_verdict, logs, report_of_logs
from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.logs.gather import Gathered, Unread

ERROR = Finding(
    code="LRD101",
    name="non-finite",
    severity="error",
    instability="non_finite",
    message="train_loss is nan at step 7",
    observed=math.nan,
    threshold="finite",
    first_step=7,
)
WARNING = replace(ERROR, code="LRD302", severity="warning", message="it did not fall", first_step=3)
INFO = replace(ERROR, code="LRD602", severity="info", message="it rises by design", first_step=1)
NEEDED = Skip(code="LRD206", reason="too few points")
OTHER = Skip(code="LRD208", reason="early window not observable")


def run(name: str, n: int = 10, **provenance: Any) -> Run:
    return Run(name, f"logs/{name}", {"train_loss": Curve.of([1.0] * n)}, provenance={"format": "csv", **provenance})


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, list[Any]]], None]:
    """Makes the rules say what the test wants of each run."""

    def say(said: dict[str, list[Any]]) -> None:
        def judge_run(run: Run, study: Study) -> Iterator[Finding | Skip]:
            assert study.runs == (run,)
            yield from (replace(found, run=run.name) for found in said.get(run.name, []))

        monkeypatch.setattr(logs.rules, "judge_run", judge_run)

    return say


@pytest.mark.parametrize(
    ("findings", "skips", "verdict"),
    [
        ([], [], "stable"),
        ([WARNING, INFO], [], "stable"),
        ([WARNING, ERROR], [NEEDED], "unstable"),
        ([], [NEEDED], "inconclusive"),
        ([], [OTHER], "stable"),
    ],
)
def test_verdict_of_a_run(findings: list[Finding], skips: list[Skip], verdict: str) -> None:
    assert log_verdict(findings, skips) == verdict


@pytest.mark.parametrize(
    ("said", "unread", "verdict", "summary"),
    [
        ({"a": []}, (), "stable", "no instability was found in 10 points of the training loss"),
        ({"a": [ERROR]}, (), "unstable", "train_loss is nan at step 7"),
        ({"a": [NEEDED, OTHER]}, (), "inconclusive", "too few points"),
        ({}, (Unread("x", "is empty"),), "inconclusive", "x: is empty"),
        ({"a": [], "b": []}, (), "stable", "none of the 2 runs shows an instability"),
        ({"a": [ERROR], "b": []}, (), "unstable", "1 of 2 runs is unstable: a (train_loss is nan at step 7)"),
        (
            {"a": [], "b": []},
            (Unread("x", "is empty"),),
            "inconclusive",
            "1 of 3 runs could not be judged: x (is empty)",
        ),
        ({"a": [ERROR], "b": [NEEDED]}, (Unread("x", "is empty"),), "unstable", "1 of 3 runs is unstable: a (train"),
        ({k: [ERROR] for k in "abcde"}, (), "unstable", "5 of 5 runs are unstable: a (train"),
    ],
)
def test_the_worst_verdict_wins(
    judge: Callable[[Any], None], said: dict[str, list[Any]], unread: tuple[Unread, ...], verdict: str, summary: str
) -> None:
    judge(said)
    report = report_of_logs(Gathered(runs=tuple(map(run, said)), unread=unread))
    assert report.verdict == verdict
    assert report.summary.startswith(summary)
    assert report.command == "diagnose"


def test_only_some_of_many_runs_are_named(judge: Callable[[Any], None]) -> None:
    judge({k: [ERROR] for k in "abcde"})
    summary = report_of_logs(Gathered(runs=tuple(map(run, "abcde")))).summary
    assert "c (train_loss" in summary
    assert "d (train_loss" not in summary
    assert summary.endswith("; and 2 more")


def test_the_worst_finding_comes_first_then_the_earliest(judge: Callable[[Any], None]) -> None:
    late = replace(ERROR, first_step=9)
    judge({"a": [INFO, late, WARNING, ERROR]})
    found = report_of_logs(Gathered(runs=(run("a"),))).findings
    assert [(f.severity, f.first_step) for f in found] == [("error", 7), ("error", 9), ("warning", 3), ("info", 1)]


LATE_NAN = replace(ERROR, first_step=900, message="it is nan at step 900")
DIVERGED = replace(ERROR, code="LRD204", first_step=800, last_step=999, message="it never came back")
SHIFTED = replace(ERROR, code="LRD205", first_step=500, last_step=999, message="it ended above")
LONG = replace(ERROR, code="LRD206", first_step=300, last_step=400, message="a spike of 100 steps")
SHORT = replace(ERROR, code="LRD206", first_step=100, last_step=110, message="a spike of 10 steps")
EARLY = replace(ERROR, code="LRD208", first_step=5, last_step=45, message="an early rise of 40 steps")


@pytest.mark.parametrize(
    ("found", "worst"),
    [
        ([SHORT, SHIFTED, DIVERGED, LATE_NAN], LATE_NAN),
        ([SHORT, LONG, SHIFTED, DIVERGED], DIVERGED),
        ([EARLY, LONG, SHIFTED], SHIFTED),
        ([EARLY, SHORT, LONG], LONG),
        ([SHORT, EARLY], EARLY),
        ([SHORT, SHORT], SHORT),
        ([INFO, replace(LONG, severity="warning"), SHORT], SHORT),  # an error before what costs more
    ],
)
def test_the_summary_tells_what_is_worst(judge: Callable[[Any], None], found: list[Finding], worst: Finding) -> None:
    """What never came back before what did, and of the latter what cost the most steps; whatever came first."""
    judge({"a": found})
    assert report_of_logs(Gathered(runs=(run("a"),))).summary == worst.message
    judge({"a": found[::-1], "b": []})
    two = report_of_logs(Gathered(runs=(run("a"), run("b")))).summary
    assert two == f"1 of 2 runs is unstable: a ({worst.message})"


def test_fixes_are_for_the_unstable_runs(judge: Callable[[Any], None]) -> None:
    judge({"a": [WARNING], "b": [ERROR], "c": []})
    fixes = report_of_logs(Gathered(runs=tuple(map(run, "abc")))).fixes
    assert {fix.run for fix in fixes} == {"b"}
    assert fixes[-1].name == "lower_learning_rate"
    assert all(fix.because == ("LRD101",) for fix in fixes)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ({}, ()),
        ({"a": ("log more",), "b": ("log more",), "c": ("log more",), "d": ("log more",)}, ("log more",)),
        ({"a": ("log more", "sweep"), "b": ("log more",)}, ("a, b: log more", "a: sweep")),
    ],
)
def test_every_step_is_told_once(
    judge: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
    steps: dict[str, tuple[str, ...]],
    told: tuple[str, ...],
) -> None:
    judge({})
    monkeypatch.setattr(logs.fixes, "next_steps", lambda run, findings, skips: steps.get(run.name, ()))
    assert report_of_logs(Gathered(runs=tuple(map(run, "abcd")))).next_steps == told


def test_a_log_that_was_not_read_is_a_failed_run() -> None:
    report = report_of_logs(Gathered(unread=(Unread("x.csv", "is empty"),)))
    (line,) = report.runs
    assert (line.name, line.verdict, line.status, line.exit_reason) == ("x.csv", "inconclusive", "failed", "is empty")
    assert (line.n_points, line.first_step, line.feasible) == (0, None, None)


def test_what_was_passed_over_is_told() -> None:
    gathered = Gathered(passed_over={"files of no known format": 2}, no_logs=(Unread("a.txt", "no format"),))
    report = report_of_logs(gathered)
    assert report.passed_over == {"files of no known format": 2}
    assert report.no_logs == {"a.txt": "no format"}


def test_provenance_is_plain_data_with_pieces_of_curves_counted() -> None:
    one = run("a", resumed_at=(40,), discarded=(Curve.of([1.0, 2.0, 3.0]),), left_out={"t": "time"})
    (line,) = report_of_logs(Gathered(runs=(one,))).runs
    assert line.provenance == {"format": "csv", "resumed_at": [40], "discarded": [3], "left_out": {"t": "time"}}


def test_the_false_alarm_budget_reaches_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(logs.rules, "judge_run", lambda run, study: iter(seen.append(study.alpha) or ()))
    report_of_logs(Gathered(runs=(run("a"),)), alpha=0.2)
    assert seen == [0.2]


@pytest.mark.parametrize("n", [1, 100, 50_000])
def test_a_drawn_curve_keeps_spikes_and_what_is_not_finite(n: int) -> None:
    value = np.linspace(2.0, 1.0, n)
    value[n // 2] = 50.0
    if n > 2:
        value[n // 4] = np.nan
        value[-3 * n // 100 :] = np.inf
    kept = logs.drawn(Curve.of(value))
    assert len(kept) <= 2000
    assert 50.0 in kept.value
    assert kept.first_non_finite == (n // 4 if n > 2 else None)
    assert kept.step[-1] == n - 1


def of_one_log(name: str, n: int = 100, **provenance: Any) -> Run:
    return replace(run(name, n, **provenance), source="logs/a")


def test_a_start_that_was_given_up_does_not_hide_the_run_that_went_on(judge: Callable[[Any], None]) -> None:
    judge({"a": [NEEDED], "b": []})
    runs = of_one_log("a", 5, aborted="5 of up to 100 points"), of_one_log("b")
    report = report_of_logs(Gathered(runs=runs))
    assert (report.verdict, report.is_incomplete) == ("stable", False)
    assert report.summary.endswith("; 1 start of too few points is not counted")
    assert [(skip.run, skip.reason) for skip in report.skipped] == [("a", "too few points")]


@pytest.mark.parametrize(
    ("said", "verdict"),
    [({"a": [ERROR], "b": []}, "unstable"), ({"a": [NEEDED], "b": [NEEDED]}, "inconclusive")],
)
def test_a_start_that_was_given_up_counts_where_it_tells_something_or_all_is_open(
    judge: Callable[[Any], None], said: dict[str, list[Any]], verdict: str
) -> None:
    judge(said)
    report = report_of_logs(Gathered(runs=(of_one_log("a", 5, aborted="5 of up to 100 points"), of_one_log("b"))))
    assert report.verdict == verdict


def test_a_short_log_beside_another_log_counts(judge: Callable[[Any], None]) -> None:
    judge({"a": [NEEDED], "b": []})
    report = report_of_logs(Gathered(runs=(run("a", 5, aborted="5 of up to 100 points"), run("b"))))
    assert (report.verdict, report.is_incomplete) == ("inconclusive", True)


def test_a_validation_loss_alone_is_judged_and_called_so() -> None:
    loss = Curve.of([2.0 * 0.98**k for k in range(60)] + [50.0] * 40)
    alone = Run("a", "logs/a", {"val_loss": loss}, provenance={"format": "csv", "judged": "val_loss"})
    report = report_of_logs(Gathered(runs=(alone,)))
    assert report.verdict == "unstable"
    assert report.summary.startswith("validation loss rose")
    assert report.runs[0].n_points == 100
    assert report.runs[0].final_train_loss is None


def test_a_run_is_let_go_once_it_is_judged() -> None:
    """However many logs there are, the curves of the one that is judged and of the one that is read are in memory."""
    alive: list[weakref.ref[Run]] = []
    most = 0

    class Reading:
        unread = passed_over = no_logs = ()

        @property
        def runs(self) -> Iterator[Run]:
            nonlocal most
            for i in range(20):
                made = run(f"r{i}")
                alive.append(weakref.ref(made))
                most = max(most, sum(one() is not None for one in alive))
                yield made
                del made

    report = report_of_logs(cast("Any", Reading()))
    assert len(report.runs) == 20
    assert most <= 2


def test_curves_of_the_first_runs_of_a_verdict_are_kept_whole_and_then_in_brief(
    judge: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page draws the worst runs, wherever they lie; a line of characters is drawn of any."""
    monkeypatch.setattr(logs, "MOST_WHOLE", 2)
    judge({**{f"s{i}": [] for i in range(4)}, "late": [ERROR]})
    runs = [
        replace(run(name, 5000), curves={c: Curve.of(np.ones(5000)) for c in ("train_loss", "val_loss")})
        for name in ("s0", "s1", "s2", "s3", "late")
    ]
    report = report_of_logs(Gathered(runs=tuple(runs)))
    kept = {one.name: {name: len(curve) > 220 for name, curve in one.curves.items()} for one in report.runs}
    whole, brief = {"train_loss": True, "val_loss": True}, {"train_loss": False}
    assert kept == {"s0": whole, "s1": whole, "s2": brief, "s3": brief, "late": whole}
