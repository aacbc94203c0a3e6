from __future__ import annotations

import math
from typing import Any

import pytest

from lrdoctor.assess import report_of_sweep, summary_of
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.study import Rate, Study
from lrdoctor.core.trial import Trial

FALLING = [2.0 - 0.01 * t for t in range(100)]
BLOWN_UP = [2.0, 2.5, 9.0, 30.0, 8.0, 4.0, *FALLING]


def run(rate: float, seed: int = 0, loss: list[float] | None = None, **changes: Any) -> Run:
    loss = FALLING if loss is None else loss
    trial = Trial(
        base_learning_rate=rate, seed=seed, max_train_steps=len(loss), eval_every=10, optimizer='{"name":"sgd"}'
    )
    curves = {"train_loss": Curve.of(loss), "val_loss": Curve([9, 99], [0.5, 0.25])}
    return Run(f"lr={rate:g} seed={seed}", f"trials/{rate}-{seed}/steps.csv", curves, trial=trial, **changes)


def rate(at: float, n_unstable: int = 0, stage: Any = "grid", n: int = 3, objective: float = 1.0) -> Rate:
    return Rate(
        base_learning_rate=at,
        stage=stage,
        n_judged=n,
        n_feasible=n - n_unstable,
        n_unstable=n_unstable,
        objective=objective,
        objective_low=objective,
        objective_high=objective,
        final_loss=objective,
    )


def study(unstable: float | None, *rates: Rate, runs: tuple[Run, ...] = (), **changes: Any) -> Study:
    return Study(
        name="made up",
        runs=runs or (run(0.1),),
        rates=rates,
        best_learning_rate=0.1,
        unstable_base_learning_rate=unstable,
        **changes,
    )


LOW, STAR = rate(0.01), rate(0.1)


@pytest.mark.parametrize(
    ("sweep", "verdict", "summary"),
    [
        (study(0.15, LOW, STAR, rate(0.15, 3)), "unstable", "only 1.5x higher"),
        (study(0.4, LOW, STAR, rate(0.4, 3)), "unstable", "sits at the edge"),
        (study(0.5, LOW, STAR, rate(0.5, 3)), "stable", "unstable at 0.5, 5 times higher"),
        (study(0.5, LOW, STAR, rate(0.3), rate(0.5, 3)), "stable", "unstable at 0.5, 5 times higher"),
        (study(3.0, LOW, STAR, rate(1.0), rate(3.0, 3)), "stable", "30 times higher"),
        (study(None, LOW, STAR, rate(0.5), rate(1.0)), "stable", "up to 10 times the best"),
        (study(None, LOW, STAR, rate(0.3)), "inconclusive", "not all tried"),
    ],
)
def test_the_verdict_rests_on_the_margin(sweep: Study, verdict: str, summary: str) -> None:
    report = report_of_sweep(sweep, "sweep")
    assert report.verdict == verdict
    assert summary in report.summary


@pytest.mark.parametrize(
    ("sweep", "severity"),
    [
        (study(0.15, LOW, STAR, rate(0.15, 3)), "error"),
        (study(0.5, LOW, STAR, rate(0.3), rate(0.5, 3)), "warning"),
        (study(3.0, LOW, STAR, rate(1.0), rate(3.0, 3)), None),
    ],
)
def test_what_fail_on_looks_at(sweep: Study, severity: str | None) -> None:
    assert report_of_sweep(sweep, "sweep").worst_severity() == severity


def test_trials_that_are_meant_to_break_do_not_decide() -> None:
    """Far above lr* everything breaks; the study is stable all the same, and needs no fix."""
    wild = study(3.0, LOW, STAR, rate(1.0), rate(3.0, 3), runs=(run(0.1), run(3.0, loss=BLOWN_UP)))
    report = report_of_sweep(wild, "sweep")
    assert (report.verdict, report.worst_severity(), report.fixes) == ("stable", None, ())
    assert {f.code for f in report.findings} == {"LRD201", "LRD203"}


def test_fixes_answer_what_happens_up_to_ten_times_the_best_rate() -> None:
    near, far = run(0.15, loss=BLOWN_UP), run(5.0, loss=[*FALLING, math.nan])
    report = report_of_sweep(study(0.15, LOW, STAR, rate(0.15, 3), rate(5.0, 3), runs=(run(0.1), near, far)), "sweep")
    assert report.fixes[0].name == "warmup"
    assert report.fixes[0].because == ("LRD201", "LRD203")
    assert "LRD101" not in {code for fix in report.fixes for code in fix.because}
    assert report.fixes[-1].name == "lower_learning_rate"


@pytest.mark.parametrize(("at", "is_answered"), [(0.15, True), (0.8, True), (1.0, True), (1.1, False), (5.0, False)])
def test_a_rate_is_answered_up_to_ten_times_the_best(at: float, is_answered: bool) -> None:
    runs = (run(0.1), run(0.15, loss=BLOWN_UP), run(at, loss=[*FALLING, math.nan]))
    report = report_of_sweep(study(0.15, LOW, STAR, rate(0.15, 3), rate(at, 3), runs=runs), "sweep")
    assert ("LRD101" in {code for fix in report.fixes for code in fix.because}) is is_answered


@pytest.mark.parametrize(("n_seeds", "told"), [(1, "1 seed a rate"), (3, "3 seeds a rate"), (5, None)])
def test_few_seeds_are_told_of(n_seeds: int, told: str | None) -> None:
    runs = tuple(run(0.1, seed) for seed in range(n_seeds))
    steps = report_of_sweep(study(3.0, LOW, STAR, rate(1.0), rate(3.0, 3), runs=runs), "sweep").next_steps
    assert [step.endswith(told) for step in steps] == [True] if told else steps == ()


@pytest.mark.parametrize(
    ("one", "verdict", "feasible"),
    [
        (run(0.1), "stable", True),
        (run(0.1, loss=BLOWN_UP), "unstable", False),
        (run(0.1, status="failed", exit_reason="SIGKILL"), "inconclusive", None),
    ],
)
def test_the_line_of_a_run(one: Run, verdict: str, feasible: bool | None) -> None:
    report = report_of_sweep(study(3.0, LOW, STAR, rate(1.0), rate(3.0, 3), runs=(one,)), "sweep")
    (line,) = report.runs
    assert line == summary_of(one, report.findings)
    assert (line.verdict, line.feasible, line.best_val_loss, line.seed) == (verdict, feasible, 0.25, 0)
    assert (line.n_points, line.first_step, line.last_step) == (len(one.train_loss), 0, len(one.train_loss) - 1)


def test_a_failed_run_is_skipped_by_every_rule_with_its_reason() -> None:
    failed = run(0.1, status="failed", exit_reason="killed by SIGKILL")
    report = report_of_sweep(study(3.0, LOW, STAR, rate(1.0), rate(3.0, 3), runs=(failed,)), "sweep")
    assert {s.code for s in report.skipped} == {"LRD101", "LRD201", "LRD202", "LRD203", "LRD301"}
    assert all("killed by SIGKILL" in s.reason for s in report.skipped)
