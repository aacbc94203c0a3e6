from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fix_samples import found, log, ramp, study

from lrdoctor.core.report import Finding, Fix
from lrdoctor.core.run import Run
from lrdoctor.fixes import _log, recommend

NAN = float("nan")


def broken_off(n_points: int, **more: Any) -> Run:
    """A log that ends non-finite."""
    return log(n_points, losses=[*np.linspace(3, 1, n_points - 1), NAN], **more)


def fixes(run: Run, *findings: Finding) -> dict[str, Fix]:
    return {fix.name: fix for fix in recommend(study(run), findings)}


@pytest.mark.parametrize(
    ("rates", "how", "peak", "warmup_steps", "is_rising"),
    [
        (ramp(40, 0.1, 1000), {}, 0.1, 40, False),
        (ramp(40, 0.1, 1000), {"gap": 10}, 0.1, 400, False),
        (ramp(40, 0.1, 1000), {"first": 10}, 0.1, 50, False),
        (ramp(40, 0.1, 1000), {"first": 5000}, 0.1, 40, False),  # resumed, with a warmup of its own
        ([*ramp(40, 0.1, 41), *[0.1 * 0.99**t for t in range(500)]], {}, 0.1, 40, False),
        ([0.1] * 1000, {}, 0.1, None, False),
        ([0.0, *[0.1] * 999], {}, 0.1, None, False),  # a scheduler's first step, no warmup
        ([0.1 * 0.99**t for t in range(500)], {}, 0.1, None, False),
        ([0.06, 0.08, *[0.1] * 500], {}, 0.1, None, False),
        ([0.0, 0.05, 0.01, 0.08, 0.02, *[0.1] * 500], {}, 0.1, None, False),
        (ramp(40, 0.1, 30), {}, 0.1 * 29 / 40, 29, True),
        ([NAN, *ramp(40, 0.1, 999)], {}, 0.1, 41, False),
    ],
    ids=[
        "warmup",
        "sparse",
        "late",
        "resumed",
        "decay",
        "constant",
        "quirk",
        "falling",
        "high-start",
        "restless",
        "cut",
        "nan",
    ],
)
def test_what_the_learning_rates_show(
    rates: list[float], how: dict[str, Any], peak: float, warmup_steps: int | None, is_rising: bool
) -> None:
    seen = _log.rates_of(log(len(rates), rates=rates, **how))
    assert seen is not None
    assert seen.peak == pytest.approx(peak)
    assert (seen.warmup_steps, seen.is_rising) == (warmup_steps, is_rising)


@pytest.mark.parametrize("rates", [None, [0.0] * 10, [NAN] * 10])
def test_no_learning_rate_to_speak_of(rates: list[float] | None) -> None:
    assert _log.rates_of(log(10, rates=rates)) is None


@pytest.mark.parametrize(
    ("run", "settings", "words"),
    [
        (
            log(20_000),
            {"warmup_steps": [10, 100, 1000, 2000]},
            "try 10, 100, 1000, 2000 steps, the shortest first (2000 is a tenth of the 20000",
        ),
        (log(1000, gap=20), {"warmup_steps": [10, 100, 1000, 1998]}, "1998 is a tenth of the 19981 logged steps"),
        (
            log(20_000, rates=[0.3] * 20_000),
            {"base_learning_rate": 0.3, "warmup_steps": [10, 100, 1000, 2000]},
            "the log shows no warmup: try 10, 100, 1000, 2000 steps",
        ),
        (
            log(20_000, rates=ramp(50, 0.3, 20_000)),
            {"base_learning_rate": 0.3, "warmup_steps": [500]},
            "this run warmed up over 50 steps: try 10 times that, to the same peak",
        ),
        (
            log(20_000, rates=ramp(150, 0.3, 20_000)),
            {"base_learning_rate": 0.3, "warmup_steps": [1500]},
            "try 10 times that, to the same peak, and train longer by it, since it is more than 5 % of the run",
        ),
        (
            log(20_000, rates=ramp(500, 0.3, 20_000)),
            {"base_learning_rate": 0.3, "warmup_steps": [2000]},
            "this run warmed up over 500 steps: try 2000 to the same peak, a tenth of the 20000 logged steps, and",
        ),
        (
            log(20_000, rates=ramp(4000, 0.3, 20_000)),
            {"base_learning_rate": 0.3},
            "warmed up over 4000 steps, and a tenth of the 20000 logged steps is the most: more only in a longer run",
        ),
        (
            log(20_000, rates=ramp(1001, 0.3, 20_000)),
            {"base_learning_rate": 0.3},
            "warmed up over 1001 steps, and a tenth of the 20000 logged steps is the most: more only in a longer run",
        ),
        (log(100, rates=ramp(4000, 0.3, 100)), {}, "still rises where the log ends: take 10 times as many steps"),
        (log(100, x="epoch"), {}, "the steps of this log are no updates"),
        (log(100, x="samples", rates=[0.3] * 100), {"base_learning_rate": 0.3}, "the steps of this log are no updates"),
    ],
    ids=["bare", "sparse", "constant", "short", "medium", "capped", "long", "no room", "cut", "epochs", "samples"],
)
def test_warmup_goes_on_from_what_the_run_did(run: Run, settings: dict[str, Any], words: str) -> None:
    fix = fixes(run, found("early", 20))["warmup"]
    assert fix.settings == settings
    assert words in fix.why


def test_warmup_says_at_which_rate_the_loss_went_wrong() -> None:
    fix = fixes(log(2000, rates=ramp(100, 0.3, 2000)), found("early", 20))["warmup"]
    assert "at step 20, where the loss went wrong, the learning rate was 0.06 (peak 0.3)" in fix.why


@pytest.mark.parametrize(
    ("run", "step", "is_early"),
    [
        (broken_off(20_000), 20, True),
        (broken_off(20_000), 1000, True),
        (broken_off(20_000), 1001, False),
        (broken_off(1000), 500, True),
        (broken_off(1000), 501, False),
        (broken_off(20_000, rates=ramp(1000, 0.3, 20_000)), 3000, True),
        (broken_off(20_000, rates=ramp(1000, 0.3, 20_000)), 3001, False),
        (broken_off(200, x="epoch"), 10, True),
        (broken_off(200, x="epoch"), 11, False),
        # one that went on shows how long it was
        (log(1000), 99, True),
        (log(1000), 100, False),
    ],
)
def test_warmup_is_for_a_loss_that_became_non_finite_early(run: Run, step: int, is_early: bool) -> None:
    assert ("warmup" in fixes(run, found("non_finite", step))) is is_early


@pytest.mark.parametrize(
    ("run", "finding", "settings", "words"),
    [
        (log(), found("mid_training"), {}, "the log does not tell the learning rate: halve it"),
        (
            log(rates=ramp(500, 0.3, 1000)),
            found("mid_training"),
            {"base_learning_rate": 0.15},
            "0.15 is half of this run's peak",
        ),
        # after the loss is lost, the rates are those of nothing
        (
            log(rates=ramp(500, 0.3, 1000)),
            found("non_finite"),
            {"base_learning_rate": 0.03},
            "0.03 is half of this run's peak",
        ),
        (log(rates=ramp(500, 0.3, 1000)), found("non_finite", 0), {}, "does not tell the learning rate"),
        (log(rates=[0.0] * 1000), found("mid_training"), {}, "does not tell the learning rate"),
    ],
)
def test_a_lower_learning_rate_is_half_of_the_runs_own(
    run: Run, finding: Finding, settings: dict[str, Any], words: str
) -> None:
    *_, fix = recommend(study(run), [finding])
    assert fix.name == "lower_learning_rate"
    assert fix.settings == settings
    assert words in fix.why
