from __future__ import annotations

import math
from typing import Any

import pytest
from report_schema import SCHEMA, faults, parse

from lrdoctor.assess import report_of_probe
from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Report
from lrdoctor.core.run import Run
from lrdoctor.core.study import Rate, Study
from lrdoctor.core.trial import Trial
from lrdoctor.procedures.probe import Probed, Settings
from lrdoctor.reports.json import render

QUIET = [2.0 * 0.98**t for t in range(100)]
BLOWN_UP = [2.0, 3.0, 9.0, 30.0, 5.0, *QUIET[5:]]
EVALUATED = [2.0, 40.0, 155.0, 30.0, 5.0, *QUIET[5:]]


def run(seed: int, train: list[float] = QUIET, val: list[float] | None = None, **changes: Any) -> Run:
    trial = Trial(
        base_learning_rate=0.2,
        seed=seed,
        max_train_steps=1000,
        eval_every=1,
        optimizer='{"name":"sgd"}',
        procedure="probe",
        stop_after=100,
        eval_examples=256,
    )
    curves = {"train_loss": Curve.of(train)} | ({} if val is None else {"val_loss": Curve.of(val)})
    return Run(f"seed={seed}", f"{seed}/steps.csv", curves, trial=trial, provenance={"evaluated": 256}, **changes)


def blown(seed: int) -> Run:
    return run(seed, BLOWN_UP, EVALUATED)


def steady(seed: int) -> Run:
    return run(seed, QUIET, QUIET)


SPEC = {"warmup": {"factor": 10, "steps": [10, 100]}, "max_train_steps": 1000, "clip": {"percentile": 90}}


def report(*runs: Run, eval_every: int = 50, study: Study | None = None) -> Report:
    given = Study(name="made up", runs=(), best_learning_rate=0.1, spec=SPEC)
    rate = 0.2 if (study or given).best_learning_rate else None
    probed = Probed(
        study=study or given, base_learning_rate=rate, settings=Settings(), eval_every=eval_every, runs=runs
    )
    made = report_of_probe(probed, "probe")
    assert faults(parse(render(made)), SCHEMA) == []
    return made


@pytest.mark.parametrize(
    ("runs", "verdict", "summary", "severity"),
    [
        ((steady(0), steady(1), steady(2)), "stable", "3 of 3 seeds train steadily over 100 steps", None),
        (
            (blown(0), steady(1), steady(2)),
            "stable",
            "at 0.2, 2 x lr*: 1 of 3 seeds unstable",
            None,
        ),
        ((blown(0), blown(1), steady(2)), "unstable", "unstable in 2 of 3 seeds within 100 steps", "error"),
        ((blown(0), steady(1)), "stable", "1 of 2 seeds unstable within 100 steps", None),
        ((blown(0),), "unstable", "0.2, 2 x lr*, is unstable in 1 of 1 seed", "error"),
        ((blown(0), run(1, [], status="failed", exit_reason="out of memory")), "unstable", "1 of 1 seed", "error"),
        ((run(1, [], status="failed", exit_reason="out of memory"),), "inconclusive", "out of memory", None),
    ],
)
def test_the_verdict_is_the_majoritys(runs: tuple[Run, ...], verdict: str, summary: str, severity: str | None) -> None:
    made = report(*runs)
    assert (made.verdict, made.probe.verdict, made.worst_severity()) == (verdict, verdict, severity)
    assert made.is_incomplete is (verdict == "inconclusive")
    assert summary in made.summary
    assert len(made.runs) == made.probe.n_seeds == len(runs)


@pytest.mark.parametrize(
    ("runs", "eval_every", "missed"),
    [
        (
            (blown(0), blown(1), steady(2)),
            50,
            "The evaluation every 50 steps shows at most 0.743; every step shows up to 155 at step 2 (seed 0); it "
            "hides the blow-up in 2 of 3 seeds.",
        ),
        (
            (blown(0), blown(1), steady(2)),
            3,
            "The evaluation every 3 steps shows at most 155; every step shows up to 155 at step 2 (seed 0); it "
            "hides none.",
        ),
        (
            (run(0, BLOWN_UP), steady(1)),
            500,
            "The training loss every 500 steps has no point within these 100 steps; every step shows up to 30 at step "
            "3 (seed 0).",
        ),
        ((steady(0),), 50, "Evaluation every 50 steps would have told the same."),
    ],
)
def test_what_the_schedule_would_have_missed(runs: tuple[Run, ...], eval_every: int, missed: str) -> None:
    assert report(*runs, eval_every=eval_every).probe.missed == missed


def test_a_run_that_ends_in_nan_is_not_hidden() -> None:
    made = report(run(0, [2.0, 3.0, 9.0, 30.0, math.nan], [3.0, 9.0], status="diverged"))
    (row,) = made.probe.seeds
    assert (row.verdict, row.hidden) == ("unstable", False)
    assert row.found[:2] == ("non-finite", "early blow-up")
    assert "a non-finite loss" not in made.summary


def test_an_evaluation_that_peaks_alone_is_explained_and_decides_nothing() -> None:
    made = report(run(0, QUIET, EVALUATED), steady(1))
    assert made.verdict == "stable"
    assert made.probe.note.startswith("In seed 0 the evaluation loss alone rose")
    assert report(steady(0)).probe.note == ""


def test_an_early_instability_asks_for_warmup_first() -> None:
    made = report(blown(0), blown(1))
    assert made.fixes[0].name == "warmup"
    assert made.fixes[0].because == ("LRD201", "LRD203")
    assert [step[:17] for step in made.next_steps] == ["--seeds 5: the ve", "`lrdoctor warmup`"]
    assert report(steady(0), steady(1)).fixes == ()


def rate(at: float, n_unstable: int = 0, stage: Any = "grid") -> Rate:
    numbers = {"objective": 1.0, "objective_low": 1.0, "objective_high": 1.0, "final_loss": 1.0}
    return Rate(
        base_learning_rate=at, stage=stage, n_judged=3, n_feasible=3 - n_unstable, n_unstable=n_unstable, **numbers
    )


def swept(unstable: float | None, *rates: Rate, best: float | None = 0.1) -> Study:
    return Study(
        name="made up",
        runs=(steady(9),),
        rates=rates,
        best_learning_rate=best,
        unstable_base_learning_rate=unstable,
        spec=SPEC,
    )


HEALTHY = swept(3.0, rate(0.01), rate(0.1), rate(1.0), rate(3.0, 3))
EDGE = swept(0.15, rate(0.01), rate(0.1), rate(0.15, 3))


@pytest.mark.parametrize(
    ("study", "runs", "verdict", "summary"),
    [
        (HEALTHY, (steady(0),), "stable", "no early instability at 0.2"),
        (HEALTHY, (blown(0),), "unstable", "training at 0.2, 2 x lr*, is unstable"),
        (EDGE, (steady(0),), "unstable", "no early instability at 0.2, 2 x lr*: 1 of 1 seed train steadily"),
        (EDGE, (steady(0),), "unstable", "; but the sweep shows: the best learning rate 0.1 sits at the edge"),
    ],
)
def test_the_sweep_that_found_the_rate_stays_in_the_report(
    study: Study, runs: tuple[Run, ...], verdict: str, summary: str
) -> None:
    made = report(*runs, study=study)
    assert (made.verdict, made.worst_severity() == "error") == (verdict, verdict == "unstable")
    assert summary in made.summary
    assert made.sweep.rates
    assert [line.name for line in made.runs] == ["seed=9", "seed=0"]
    assert made.stability_margin == study.stability_margin


def test_without_a_best_rate_there_is_nothing_to_probe() -> None:
    made = report(study=swept(0.01, rate(0.01, 3), rate(0.1, 3), best=None))
    assert made.probe is None
    assert "there is no best learning rate to probe above" in made.summary
    assert "--lr" in made.next_steps[0]
