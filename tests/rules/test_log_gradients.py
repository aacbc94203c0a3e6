"""Made-up gradient norms of logs, and what the rules say of them."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from synthetic_logs import N, from_step, judged, language_model, log, severities, spike, with_values, wobble

from lrdoctor.core.curve import Curve
from lrdoctor.core.study import Study
from lrdoctor.rules import judge_run

LOSS = language_model()
NORM = 1.5 * wobble(N, 3, 0.3)
INF, NAN = math.inf, math.nan
ERROR, INFO = "error", "info"

NORMS: dict[str, tuple[Any, dict[str, str]]] = {
    "healthy": (NORM, {}),
    "heavy tails": (1.5 * wobble(N, 3, 0.8), {}),
    "falls a hundredfold": (NORM * np.exp(-np.arange(N) / 400), {}),
    "grows tenfold": (NORM * np.exp(np.arange(N) / 870), {}),
    "large at the start": (with_values(NORM, slice(0, 5), 90.0), {}),
    "nothing but 0": (np.zeros(N), {}),
    "an outlier": (with_values(NORM, 1300, 60.0), {"LRD501": INFO}),
    "many outliers": (with_values(NORM, slice(300, None, 100), 60.0), {"LRD501": INFO}),
    "grows a hundredfold and stays": (NORM * from_step(900, 300.0), {"LRD501": INFO, "LRD502": ERROR}),
    "grows a hundredfold slowly": (NORM * np.exp(np.arange(N) / 350), {}),
    "vanishes and grows again": (
        NORM * np.where(np.arange(N) < 1200, np.exp(-np.arange(N) / 150), 0.5),
        {"LRD501": INFO},
    ),
    "grows a hundredfold for a while": (NORM * (1 + 300 * (spike(length=200) > 1)), {"LRD501": INFO, "LRD502": ERROR}),
    # a loss scaler that tries a larger scale
    "inf now and then": (with_values(NORM, [500, 900, 1400], INF), {"LRD101": INFO}),
    "inf at the last point": (with_values(NORM, -1, INF), {"LRD101": INFO}),
    "inf while the scaler finds its scale": (with_values(NORM, slice(0, 19), INF), {"LRD101": INFO}),
    "inf 7 in a row": (with_values(NORM, slice(500, 507), INF), {"LRD101": INFO}),
    "inf 8 in a row": (with_values(NORM, slice(500, 508), INF), {"LRD101": ERROR}),
    "inf in 4.9 %": (with_values(NORM, slice(40, None, 20), INF), {"LRD101": INFO}),
    "inf in 5 %": (with_values(NORM, slice(0, None, 20), INF), {"LRD101": ERROR}),
    "nan in 5 %": (with_values(NORM, slice(0, None, 20), NAN), {"LRD101": ERROR}),
    "inf to the end": (with_values(NORM, slice(1000, None), INF), {"LRD101": ERROR}),
}


@pytest.mark.parametrize("name", NORMS)
def test_verdict_on_gradient_norms(name: str) -> None:
    norm, expected = NORMS[name]
    assert severities(log(LOSS, curves={"grad_norm": norm})) == expected


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("an outlier", "LRD501", r"gradient norm of 60 at step 1300 where 1\.\d+ is usual$"),
        ("many outliers", "LRD501", r"; also far outside at steps 400, 500, 600, 700, 800 and 11 more$"),
        (
            "grows a hundredfold and stays",
            "LRD502",
            r"gradient norm grew from 1\.\d+ to \d+\.?\d* in steps 900 to 1999$",
        ),
        ("inf now and then", "LRD101", "at step 500, the first of 3 non-finite ones among 2000 points; a loss scaler"),
        ("inf at the last point", "LRD101", "at step 1999, the last of the log; a loss scaler skips single updates$"),
        ("inf in 5 %", "LRD101", "at step 0, the first of 100 non-finite ones among 2000 points$"),
        ("inf to the end", "LRD101", "grad_norm is inf at step 1000 and non-finite from there to the end$"),
    ],
)
def test_what_is_said_of_gradient_norms(name: str, code: str, message: str) -> None:
    seen = judged(log(LOSS, curves={"grad_norm": NORMS[name][0]}))[0][code]
    assert re.search(message, seen.message), seen.message


def test_evidence_is_the_norm_and_what_it_had_to_exceed() -> None:
    outlier = judged(log(LOSS, curves={"grad_norm": NORMS["an outlier"][0]}))[0]["LRD501"]
    assert outlier.observed == 60.0
    assert 10 < outlier.threshold < 60
    explosion = judged(log(LOSS, curves={"grad_norm": NORMS["grows a hundredfold and stays"][0]}))[0]["LRD502"]
    assert (explosion.threshold, explosion.first_step, explosion.last_step) == (100.0, 900, N - 1)
    assert 200 < explosion.observed < 500


@pytest.mark.parametrize(
    ("norm", "reason"),
    [
        ([], "the log holds no gradient norm"),
        ([1.0] * 29, "29 finite gradient norms above 0, 30 are needed"),
        ([0.0, INF, NAN] * 20, "0 finite gradient norms above 0, 30 are needed"),
        ([1.0] * 30, None),
    ],
)
def test_few_norms_are_skipped(norm: list[float], reason: str | None) -> None:
    skips = judged(log(LOSS, curves={"grad_norm": Curve.of(norm)}))[1]
    assert (skips.get("LRD501"), skips.get("LRD502")) == (reason, reason)


@pytest.mark.parametrize(
    ("loss", "curves", "message"),
    [
        (with_values(LOSS, 1500, NAN), {}, "train_loss is nan at step 1500, the only one of 2000 points"),
        (with_values(LOSS, [1500, 1700], -INF), {}, "train_loss is -inf at step 1500, the first of 2 non-finite ones"),
        # the norms that follow from a loss that is not finite are not told again
        (
            with_values(LOSS, slice(1500, None), NAN),
            {"grad_norm": with_values(NORM, slice(1500, None), NAN)},
            "train_loss is nan at step 1500 and non-finite from there to the end",
        ),
        (
            LOSS,
            {"val_loss": Curve(np.array([999, 1999]), np.array([1.0, NAN]))},
            "val_loss is nan at step 1999, its last",
        ),
        (
            LOSS,
            {"val_loss": Curve(np.array([499, 999, 1499, 1999]), np.array([NAN, 1.0, NAN, INF]))},
            "val_loss is nan at step 1499 and at every evaluation after it",
        ),
        (LOSS, {"val_loss": Curve(np.array([999, 1999]), np.array([NAN, 1.0]))}, None),
        (LOSS, {"learning_rate": with_values(NORM, 7, NAN)}, None),
    ],
)
def test_non_finite_losses(loss: Any, curves: dict[str, Any], message: str | None) -> None:
    seen = judged(log(loss, curves=curves))[0]
    assert list(seen) == ([] if message is None else ["LRD101"])
    assert message is None or seen["LRD101"].message.startswith(message)


def test_norms_before_a_non_finite_loss_are_told() -> None:
    bad = with_values(LOSS, slice(1500, None), NAN)
    norm = with_values(NORM, slice(1480, None), INF)
    run = log(bad, curves={"grad_norm": norm})
    told = [f.message for f in judge_run(run, Study(name="log", runs=(run,))) if f.code == "LRD101"]
    assert told == [
        "train_loss is nan at step 1500 and non-finite from there to the end",
        "grad_norm is inf at step 1480 and non-finite from there to the end",
    ]
