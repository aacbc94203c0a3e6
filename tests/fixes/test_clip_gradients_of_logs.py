from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fix_samples import found, log, study

from lrdoctor.core.report import Finding, Fix
from lrdoctor.core.run import Run
from lrdoctor.fixes import _norms, recommend

NORMS = [1 + 0.01 * (t % 100) for t in range(1000)]
"""From 1 to 1.99 over and over: the 90th percentile of whole rounds is 1.891."""
MID = found("mid_training", 500, 999)


def clipping(run: Run, *findings: Finding) -> Fix:
    (fix,) = (fix for fix in recommend(study(run), findings or (MID,)) if fix.name == "clip_gradients")
    return fix


@pytest.mark.parametrize(
    ("norms", "finding", "threshold", "share", "where"),
    [
        (NORMS, MID, 1.891, 0.1, "the 500 norms before the instability at step 500, steps 0 to 499"),
        # what comes after the onset counts only among what would be clipped
        (NORMS[:500] + [50.0] * 500, MID, 1.891, 0.55, "steps 0 to 499"),
        (NORMS, found("gradient", 300, severity="warning"), 1.891, 0.1, "the 1000 finite norms of the log, steps 0 to"),
        (NORMS[:500] + [1e9] * 500, found("gradient", 500), 1.891, 0.55, "before the instability at step 500"),
        # an early event that the run survived: the norms after it
        (
            [90.0] * 100 + NORMS[100:],
            found("early", 5, 99),
            1.891,
            0.19,
            "the 900 norms after the instability that ends",
        ),
        # falling by decades: the first half would decide alone
        (
            [500.0] * 100 + NORMS[100:],
            MID,
            1.891,
            0.19,
            "less their first half, which would decide alone (the norms fell",
        ),
        # fell to nothing at all: no drift to speak of
        (
            NORMS[:400] + [0.0] * 600,
            MID,
            1.87,
            0.052,
            "the 500 norms before the instability at step 500, steps 0 to 499",
        ),
        (
            NORMS[:300] + [40 * n for n in NORMS[300:]],
            MID,
            1.891,
            0.73,
            "less their second half, which would decide alone (the norms grew",
        ),
    ],
    ids=["mid", "diverged", "outlier only", "explosion", "early, recovered", "falling", "vanished", "growing"],
)
def test_the_threshold_comes_from_the_norms_of_a_quiet_time(
    norms: list[float], finding: Finding, threshold: float, share: float, where: str
) -> None:
    fix = clipping(log(norms=norms), finding)
    assert fix.settings == {
        "clip_norm": pytest.approx(threshold, rel=0.02),
        "percentile": 90.0,
        "clipped_share": pytest.approx(share, abs=0.011),
    }
    assert where in fix.why
    assert f"it would clip {100 * fix.settings['clipped_share']:.3g} % of all logged steps" in fix.why
    assert ("way of lowering the learning rate: lower that" in fix.why) is (share > 0.5)
    assert "if the optimizer is Adam-like" in fix.why


@pytest.mark.parametrize(
    ("norms", "finding", "reason"),
    [
        (None, MID, "the log has no gradient norm, so no threshold can be given: log the unclipped norm"),
        ([float("nan")] * 1000, MID, "none of the 1000 logged gradient norms is finite"),
        (NORMS, found("mid_training", 12, 999), "too few finite norms (12) precede the instability at step 12"),
        # never after a run that was lost
        (NORMS, found("non_finite", 12), "too few finite norms (12) precede"),
        (NORMS, found("early", None, None), "it is not known when the loss went wrong"),
        ([0.0] * 1000, MID, "their 90th percentile is no threshold"),
        ([1.797693e308, *NORMS[1:400:200]] * 400, MID, "no threshold"),
        ([-1.0, *NORMS[1:]], MID, "holds -1, and a norm is never negative"),
        (np.minimum(NORMS, 1.5), MID, "already clipped at 1.5, and a percentile of those means nothing"),
        ([1.0] * 1000, MID, "already clipped at 1"),
        ([1 - 1e-6 * (t % 3) for t in range(1000)], MID, "already clipped at 1"),
    ],
    ids=[
        "none",
        "all nan",
        "too few",
        "after nan",
        "unknown onset",
        "zero",
        "huge",
        "negative",
        "clipped",
        "always clipped",
        "rounding",
    ],
)
def test_no_threshold_without_its_reason(norms: Any, finding: Finding, reason: str) -> None:
    fix = clipping(log(norms=norms), finding)
    assert fix.settings == {}
    assert reason in fix.why
    assert "get_total_norm([p.grad for p" in fix.snippet  # max_norm=inf makes nan of norms that overflow


@pytest.mark.parametrize(
    ("norms", "is_clipped"),
    [
        (NORMS, False),
        (np.round(NORMS, 1), False),  # coarse rounding repeats every value
        (np.minimum(NORMS, 1.95), False),  # the 90th percentile is still that of the unclipped norms
        (np.minimum(NORMS, 1.85), True),
        (np.round(np.minimum(NORMS, 1.5), 2), True),
        ([0.0] * 50, False),
        ([2.0], False),
    ],
    ids=["raw", "rounded", "rarely clipped", "clipped", "clipped and rounded", "zero", "one point"],
)
def test_clipped_norms_are_told_from_rounded_ones(norms: Any, is_clipped: bool) -> None:
    assert _norms.is_clipped(np.asarray(norms, dtype=float)) is is_clipped


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, None),
        ({"averaged": "epoch"}, "one norm an epoch, and a mean hides the outliers"),
        ({"x": "epoch"}, "one norm an epoch, and a mean hides the outliers"),
        ({"averaged": 20}, "one norm in 20 steps"),
        ({"gap": 50}, "one norm in 50 steps"),
        ({"x": "samples", "gap": 50}, None),
    ],
)
def test_what_the_logging_hides_is_said(how: dict[str, Any], words: str | None) -> None:
    why = clipping(log(norms=NORMS, **how), found("mid_training", 500 * how.get("gap", 1))).why
    assert words is None or words in why
    assert ("hides" in why) is (words is not None)


def test_norms_that_are_not_finite_are_left_out_and_named() -> None:
    norms = [*NORMS[:990], *[float("inf")] * 5, *[float("nan")] * 5]
    fix = clipping(log(norms=norms))
    assert fix.settings["clip_norm"] == pytest.approx(1.891, rel=2e-3)
    assert f"it would clip {100 * fix.settings['clipped_share']:.3g} % of all steps with a finite norm" in fix.why
    assert "10 logged norms are not finite, and clipping repairs no such update" in fix.why


def test_a_single_norm_that_is_not_finite() -> None:
    why = clipping(log(norms=[*NORMS[:999], float("inf")])).why
    assert "1 logged norm is not finite, and clipping repairs no such update" in why


@pytest.mark.parametrize(("outlier_at", "is_said"), [(450, True), (500, False), (700, False)])
def test_outliers_that_come_first_are_named(outlier_at: int, is_said: bool) -> None:
    why = clipping(log(norms=NORMS), MID, found("gradient", outlier_at, severity="warning")).why
    assert ("an outlier at step 450, before the loss went wrong at step 500" in why) is is_said
