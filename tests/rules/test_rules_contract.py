"""What every rule keeps to, whatever it looks for."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_studies import codes, decay, found, rate, run_of, study_of

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.rules import FAILED, RULES, judge_run, judge_study

NAN, INF = math.nan, math.inf
RUN_CODES = [r.code for r in RULES if r.check_run is not None]
STUDY_CODES = [r.code for r in RULES if r.check_study is not None]


def test_codes_and_names_are_unique() -> None:
    assert len({r.code for r in RULES}) == len({r.name for r in RULES}) == len(RULES)
    assert sorted(RUN_CODES + STUDY_CODES) == sorted(r.code for r in RULES), "each judges runs or studies"


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.code)
def test_every_rule_has_its_manual_page(rule: object) -> None:
    assert re.fullmatch(r"LRD[1-4]\d\d", rule.code)
    assert len(rule.manual.split()) > 60
    for heading in ("## What it sees", "## Why it matters", "## Odd "):
        assert heading in rule.manual
    assert rule.summary.endswith(".")


@pytest.mark.parametrize("n", [100, 400, 3000])
@pytest.mark.parametrize("noise", [0.02, 0.05, 0.1])
def test_healthy_curves_are_silent(n: int, noise: float) -> None:
    """At most 1 run in 50 is flagged, and no rule leaves one unchecked."""
    n_flagged = 0
    for seed in range(50):
        slower = run_of(decay(n, seed + 100, noise, last=0.5), "slower", rate=0.01)
        healthy = run_of(decay(n, seed, noise), "healthy", rate=0.1)
        results = found(healthy, study_of(slower, healthy))
        n_flagged += any(isinstance(result, Finding) for result in results)
        assert not any(isinstance(result, Skip) for result in results)
    assert n_flagged <= 1


ODD = {
    "empty": [],
    "one point": [2.0],
    "two points": [2.0, 1.0],
    "one nan": [NAN],
    "all nan": [NAN] * 100,
    "all inf": [INF] * 100,
    "all -inf": [-INF] * 100,
    "nan at the start": [NAN, *decay(99)],
    "nan in the middle": [*decay(50), NAN, *decay(50)],
    "inf at the end": [*decay(99), INF],
    "every other nan": [v if i % 2 else NAN for i, v in enumerate(decay(200))],
    "constant": [2.0] * 200,
    "all zero": [0.0] * 200,
    "zero first": [0.0, *decay(199)],
    "negative": list(-decay(200)),
    "falling through zero": list(decay(200) - 1.0),
    "almost zero first": [1e-313, *[1.0] * 40],
    "tiny": list(decay(200) * 1e-300),
    "huge": list(decay(200) * 1e300),
    "largest float32s": [3e38, -3e38] * 50,
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("rate_of_run", [None, 0.1])
def test_odd_curves_are_judged_or_skipped(name: str, rate_of_run: float | None) -> None:
    odd = run_of(ODD[name], "odd", rate=rate_of_run)
    keeps_to_the_contract(odd, study_of(odd))
    keeps_to_the_contract(odd, study_of(run_of(decay(), "lower", rate=0.01), odd))
    keeps_to_the_contract(run_of(decay(), "healthy", rate=0.2), study_of(odd, run_of(decay(), "healthy", rate=0.2)))


def keeps_to_the_contract(run: Run, study: Study) -> None:
    for rule in RULES:
        if rule.check_run is None:
            continue
        for result in rule.check_run(run, study):
            assert isinstance(result, (Finding, Skip))
            assert (result.code, result.run) == (rule.code, run.name)
            if isinstance(result, Skip):
                assert result.reason
                continue
            assert (result.name, result.severity, result.instability) == (rule.name, rule.severity, rule.instability)
            assert result.message
            assert result.observed is not None
            assert result.first_step is not None
            assert run.train_loss.step[0] <= result.first_step <= result.last_step <= run.train_loss.step[-1]


ANY_VALUES = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=80)
PIECES = st.lists(st.tuples(st.floats(-10, 10), st.integers(1, 60)), max_size=6)
"""Constant stretches: unlike single wild values they move medians."""


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    values=ANY_VALUES | PIECES.map(lambda pieces: [v for v, n in pieces for _ in range(n)]),
    other=ANY_VALUES,
    first_step=st.sampled_from([0, 7, 10**6]),
    warmup_steps=st.sampled_from([0, 20]),
)
def test_no_curve_raises(values: list[float], other: list[float], first_step: int, warmup_steps: int) -> None:
    run = run_of(values, first_step=first_step, warmup_steps=warmup_steps)
    below = run_of(np.concatenate([other, decay(40)]), "below", rate=0.01)
    keeps_to_the_contract(run, study_of(below, run))


def test_a_failed_run_is_skipped_by_every_rule() -> None:
    failed = run_of([1.0, NAN], status="failed", exit_reason="killed by signal 9")
    results = list(judge_run(failed, study_of(failed)))
    assert [(r.code, r.run) for r in results] == [(code, "run") for code in RUN_CODES]
    assert all(isinstance(r, Skip) and r.reason == f"{FAILED} (killed by signal 9)" for r in results)


def test_judging_asks_every_rule() -> None:
    empty = run_of([])
    assert {r.code for r in judge_run(empty, study_of(empty))} >= set(RUN_CODES) - {"LRD101"}
    assert [r.code for r in judge_study(study_of())] == ["LRD402"]


RATES = st.lists(
    st.tuples(st.floats(1e-6, 1e3), st.booleans(), st.integers(0, 3), st.sampled_from(["grid", "check", "extension"])),
    max_size=8,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    rates=RATES, best=st.none() | st.floats(1e-6, 1e3), unstable=st.none() | st.floats(1e-6, 1e3), chosen=st.booleans()
)
def test_no_study_raises(rates: list[tuple], best: float | None, unstable: float | None, chosen: bool) -> None:
    made = tuple(rate(r, unstable=u, n_judged=n, stage=s) for r, u, n, s in sorted(rates))
    if chosen and rates:
        best, unstable = rates[0][0], rates[-1][0]
    study = Study(name="s", runs=(), rates=made, best_learning_rate=best, unstable_base_learning_rate=unstable)
    for result in judge_study(study):
        assert result.code in STUDY_CODES
        assert result.run is None


def test_a_missing_curve_is_no_finding() -> None:
    only_validation = Run("run", "log.csv", {"val_loss": Curve.of(decay(100))})
    assert codes(only_validation) == []
