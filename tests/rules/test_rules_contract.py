"""What every rule keeps to, whatever it looks for."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_studies import codes, decay, found, rate, run_of, study_of

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Instability, Severity, Skip
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.rules import FAILED, RULES, judge_run, judge_study

NAN, INF = math.nan, math.inf
TRIAL_CODES = [r.code for r in RULES if r.check_trial is not None]
LOG_CODES = [r.code for r in RULES if r.check_log is not None]
MODEL_CODES = [r.code for r in RULES if r.check_model is not None]
STUDY_CODES = [r.code for r in RULES if r.check_study is not None]


def test_codes_and_names_are_unique() -> None:
    assert len({r.code for r in RULES}) == len({r.name for r in RULES}) == len(RULES)


JUDGES = {
    "trials": ["LRD201", "LRD202", "LRD203", "LRD301"],
    "logs": [
        *("LRD102", "LRD103", "LRD204", "LRD205", "LRD206", "LRD207", "LRD208", "LRD209", "LRD302"),
        *("LRD501", "LRD502", "LRD601", "LRD602"),
    ],
    "runs": ["LRD101"],
    "sweeps": ["LRD401", "LRD402", "LRD403", "LRD404"],
    "models": ["LRD701", "LRD702", "LRD703", "LRD704", "LRD705", "LRD706"],
}


@pytest.mark.parametrize("what", JUDGES)
def test_what_every_rule_judges(what: str) -> None:
    assert sorted(r.code for r in RULES if r.judges == what) == JUDGES[what]


def test_every_rule_judges_runs_or_sweeps_or_models_and_not_two_of_them() -> None:
    assert sorted({*TRIAL_CODES, *LOG_CODES, *STUDY_CODES, *MODEL_CODES}) == sorted(r.code for r in RULES)
    assert not {*TRIAL_CODES, *LOG_CODES} & {*STUDY_CODES, *MODEL_CODES}
    assert not set(STUDY_CODES) & set(MODEL_CODES)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.code)
def test_every_rule_has_its_manual_page(rule: object) -> None:
    assert re.fullmatch(r"LRD[1-7]\d\d", rule.code)
    assert len(rule.manual.split()) > 60
    for heading in ("## What it sees", "## Why it matters", "## Odd "):
        assert heading in rule.manual
    assert rule.summary.endswith(".")


@pytest.mark.parametrize("n", [100, 400, 3000])
@pytest.mark.parametrize("noise", [0.02, 0.05, 0.1])
def test_healthy_trials_are_silent(n: int, noise: float) -> None:
    """At most 1 trial in 50 is flagged, and no rule leaves one unchecked."""
    n_flagged = 0
    for seed in range(50):
        untrained = Curve.of(2.3 * np.exp(np.random.default_rng(seed + 200).normal(0, noise, n)))
        slower = run_of(decay(n, seed + 100, noise, last=0.5), "slower", rate=0.01, control=untrained)
        healthy = run_of(decay(n, seed, noise), "healthy", rate=0.1, control=untrained)
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
@pytest.mark.parametrize("rate_of_run", [None, 0.1], ids=["log", "trial"])
def test_odd_curves_are_judged_or_skipped(name: str, rate_of_run: float | None) -> None:
    odd = run_of(ODD[name], "odd", rate=rate_of_run)
    keeps_to_the_contract(odd, study_of(odd))
    keeps_to_the_contract(odd, study_of(run_of(decay(), "lower", rate=0.01), odd))
    healthy = run_of(decay(), "healthy", rate=0.2 if rate_of_run else None)
    keeps_to_the_contract(healthy, study_of(odd, healthy))
    for curve in ("grad_norm", "learning_rate", "val_loss"):
        other = run_of(decay(), rate=rate_of_run, curves={curve: Curve.of(ODD[name])})
        keeps_to_the_contract(other, study_of(other))


EVENT = {("error", "early"), ("error", "mid_training")}
MAY_DIFFER = {
    "LRD101": {("error", "non_finite"), ("info", "non_finite")},
    "LRD102": {("warning", "dead"), ("error", "non_finite")},
    **dict.fromkeys(["LRD202", "LRD204", "LRD205", "LRD206", "LRD207"], EVENT),
    "LRD203": {("warning", "early"), ("warning", "mid_training")},
    "LRD209": {("info", "early"), ("info", "mid_training")},
}
"""Rules whose findings may be of another severity or instability than the rule's own."""


def test_what_may_differ_has_words_of_the_report() -> None:
    for severity, instability in set().union(*MAY_DIFFER.values()):
        assert severity in get_args(Severity)
        assert instability in get_args(Instability)


def keeps_to_the_contract(run: Run, study: Study) -> None:
    asked = TRIAL_CODES if run.trial else LOG_CODES
    # what a resume threw away may lie beyond the end of the log
    seen = [*run.curves.values(), *run.provenance.get("discarded", ())]
    steps = np.concatenate([curve.step for curve in seen])
    for result in judge_run(run, study):
        assert isinstance(result, (Finding, Skip))
        assert result.code in asked
        assert result.run == run.name
        if isinstance(result, Skip):
            assert result.reason
            continue
        rule = next(r for r in RULES if r.code == result.code)
        assert result.name == rule.name
        allowed = MAY_DIFFER.get(rule.code, {(rule.severity, rule.instability)})
        assert (result.severity, result.instability) in allowed
        assert result.message
        assert result.observed is not None
        assert result.first_step is not None
        assert steps.min() <= result.first_step <= result.last_step <= steps.max()


ANY_VALUES = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=80)
PIECES = st.lists(st.tuples(st.floats(-10, 10), st.integers(1, 60)), max_size=6)
"""Constant stretches: unlike single wild values they move medians."""
ANY_CURVE = ANY_VALUES | PIECES.map(lambda pieces: [v for v, n in pieces for _ in range(n)])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    values=ANY_CURVE,
    other=ANY_VALUES,
    grad_norm=ANY_CURVE,
    first_step=st.sampled_from([0, 7, 10**6]),
    warmup_steps=st.sampled_from([0, 20]),
)
def test_no_trial_raises(
    values: list[float], other: list[float], grad_norm: list[float], first_step: int, warmup_steps: int
) -> None:
    curves = {"grad_norm": Curve.of(grad_norm, first_step)}
    run = run_of(values, first_step=first_step, warmup_steps=warmup_steps, curves=curves)
    below = run_of(np.concatenate([other, decay(40)]), "below", rate=0.01)
    keeps_to_the_contract(run, study_of(below, run))
    controlled = replace(run, control=Curve.of(other, first_step), provenance={"constant_loss": 1.0})
    keeps_to_the_contract(controlled, study_of(below, controlled))


PROVENANCE = st.fixed_dictionaries(
    {},
    optional={
        "x": st.sampled_from(["step", "samples", "epoch", "row"]),
        "averaged": st.sampled_from(["epoch", "interval", 10]),
        "smoothed": st.floats(0.5, 0.995),
        "quantised": st.integers(0, 6),
        "sampled": st.just("a TensorBoard download: at most 1000 points"),
        "nan_filter": st.booleans(),
        "nan_is_empty": st.booleans(),
        "filtered": st.integers(1, 9),
        "resumed_at": st.lists(st.integers(0, 120), max_size=3).map(tuple),
        "discarded": st.lists(ANY_CURVE.map(lambda values: Curve.of(values, 30)), max_size=2).map(tuple),
        "columns": st.sampled_from(
            [{}, {"train_loss": "loss", "step": None}, {"train_loss": "policy_loss"}, {"train_loss": "d_loss"}]
        ),
        "objective": st.sampled_from(["minimized", "reinforcement", "adversarial"]),
        "part": st.just((1, 2)),
    },
)
"""What readers say of a log's values."""


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    values=ANY_CURVE,
    curves=st.dictionaries(st.sampled_from(["grad_norm", "learning_rate", "val_loss", "reward"]), ANY_CURVE),
    provenance=PROVENANCE,
    first_step=st.sampled_from([0, 7, 10**6]),
    gap=st.sampled_from([1, 50]),
    before=st.sampled_from([0, 60]),
    alpha=st.sampled_from([0.001, 0.01, 0.2]),
)
def test_no_log_raises(
    values: list[float],
    curves: dict[str, list[float]],
    provenance: dict[str, object],
    first_step: int,
    gap: int,
    before: int,
    alpha: float,
) -> None:
    loss = np.concatenate([decay(before), values])
    made = {"train_loss": loss, **curves}
    of_steps = {name: Curve(first_step + gap * np.arange(len(value)), value) for name, value in made.items()}
    run = run_of([], rate=None, provenance=provenance, curves=of_steps)
    keeps_to_the_contract(run, study_of(run, alpha=alpha))


@pytest.mark.parametrize(("rate_of_run", "asked"), [(None, LOG_CODES), (0.1, TRIAL_CODES)], ids=["log", "trial"])
def test_a_failed_run_is_skipped_by_every_rule(rate_of_run: float | None, asked: list[str]) -> None:
    failed = run_of([1.0, NAN], rate=rate_of_run, status="failed", exit_reason="killed by signal 9")
    results = list(judge_run(failed, study_of(failed)))
    assert [(r.code, r.run) for r in results] == [(code, "run") for code in asked]
    assert all(isinstance(r, Skip) and r.reason == f"{FAILED} (killed by signal 9)" for r in results)


def test_judging_asks_every_rule() -> None:
    trial, log = run_of([]), run_of([], rate=None)
    assert {r.code for r in judge_run(trial, study_of(trial))} == set(TRIAL_CODES) - {"LRD101"}
    silent = {"LRD101", "LRD103", "LRD209", "LRD601", "LRD602"}  # nothing to see, or another rule says why
    assert {r.code for r in judge_run(log, study_of(log))} == set(LOG_CODES) - silent
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
