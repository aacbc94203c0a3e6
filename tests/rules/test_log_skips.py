"""What the rules for logs cannot judge, and the reason that they give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from synthetic_logs import N, from_step, judged, language_model, log, severities, spike, wobble

RISES = {"LRD204", "LRD205", "LRD206", "LRD207", "LRD208"}
"""Codes of the rules that cannot do without a loss whose rise is a failure."""
LOSS = language_model()
SPIKED = LOSS * spike()
NO_NORM = {"LRD501", "LRD502"}
REWARD = wobble(N, 3, 1.0)
NOISE = np.random.default_rng(0).normal(0, 0.05, N)

REINFORCEMENT = "in reinforcement learning the data change with the policy, so a rise of the loss is no failure"
ADVERSARIAL = "two networks play against each other, so a rise of either loss is no failure"
HINT = "; --objective minimized judges it all the same"


@pytest.mark.parametrize(
    ("curves", "known", "reason"),
    [
        ({}, {"columns": {"train_loss": "train/policy_gradient_loss"}}, f"{REINFORCEMENT} (column 'train/policy_"),
        (
            {},
            {"columns": {"train_loss": "loss", "val_loss": "rollout/epRewMean"}},
            f"{REINFORCEMENT} (column 'rollout/",
        ),
        ({"reward": REWARD}, {}, f"{REINFORCEMENT} (column 'reward')"),
        (
            {},
            {"columns": {"train_loss": "loss_D", "val_loss": "loss_G"}},
            f"{ADVERSARIAL} (columns 'loss_G' and 'loss_D')",
        ),
        ({}, {"columns": {"train_loss": "discriminator_loss", "step": None}}, f"{ADVERSARIAL} (column 'discriminator_"),
        ({}, {"objective": "adversarial"}, f"{ADVERSARIAL} (given by the user)"),
        ({}, {"objective": "adversarial", "objective_reason": "--objective"}, f"{ADVERSARIAL} (--objective)"),
    ],
)
def test_losses_whose_rise_is_no_failure(curves: dict[str, Any], known: dict[str, Any], reason: str) -> None:
    findings, skips = judged(log(SPIKED, curves=curves, **known))
    assert findings == {}
    assert set(skips) == RISES | NO_NORM
    for code in RISES:
        assert skips[code].startswith(reason)
        assert skips[code].endswith(HINT)


@pytest.mark.parametrize(
    ("curves", "known"),
    [
        ({}, {"columns": {"train_loss": "loss_D", "val_loss": "loss_G"}, "objective": "minimized"}),
        ({}, {"columns": {"train_loss": "loss_D"}}),  # alone it may be anything's
        ({"reward": REWARD}, {"objective": "minimized"}),
        # preference optimization has rewards, and a loss to be minimized
        ({"rewards/chosen": REWARD, "rewards/margins": REWARD}, {}),
        ({}, {"columns": {"train_loss": "loss", "val_loss": "rewards/accuracies"}}),
        ({}, {"columns": {"train_loss": "cross_entropy_loss"}}),
    ],
)
def test_losses_that_are_judged_all_the_same(curves: dict[str, Any], known: dict[str, Any]) -> None:
    findings, skips = judged(log(SPIKED, curves=curves, **known))
    assert list(findings) == ["LRD206"]
    assert set(skips) == NO_NORM


def test_a_hundred_times_the_first_loss_is_a_divergence_whatever_the_loss_means() -> None:
    columns = {"train_loss": "policy_loss"}
    assert severities(log(LOSS * from_step(1500, 30.0), columns=columns)) == {}
    assert severities(log(LOSS * from_step(1500, 1e4), columns=columns)) == {"LRD204": "error"}


@pytest.mark.parametrize(
    ("n", "skipped"),
    [
        (0, RISES | NO_NORM | {"LRD102", "LRD302"}),
        (19, RISES | NO_NORM | {"LRD302"}),
        (20, NO_NORM | {"LRD207"}),
        (119, NO_NORM | {"LRD207"}),
        (120, NO_NORM),
    ],
)
def test_short_logs(n: int, skipped: set[str]) -> None:
    findings, skips = judged(log(language_model(n)))
    assert (findings, set(skips)) == ({}, skipped)
    if n == 19:
        assert skips["LRD206"] == "19 finite points of the training loss, 20 are needed to see a rise"


@pytest.mark.parametrize("loss", [[], [np.nan] * 30], ids=["no point", "nan"])
def test_without_any_finite_loss_there_is_one_reason(loss: list[float]) -> None:
    skips = judged(log(np.array(loss, dtype=float)))[1]
    assert {skips[code] for code in RISES | {"LRD102", "LRD302"}} == {"no finite training loss"}


@pytest.mark.parametrize(
    ("every", "first_step", "known", "reason"),
    [
        (50, 500, {}, "early window not observable: first point at step 500, one point per 50 steps"),
        (1, 500, {}, "early window not observable: first point at step 500, one point per 1 step"),
        (1, 0, {"averaged": "interval"}, "early window not observable: each point is a mean over some steps; first"),
        (10, 9, {"averaged": 10}, "early window not observable: each point is a mean over 10 steps; first point at"),
        (1, 0, {"x": "epoch"}, "early window not observable: the log counts epochs, not updates"),
        (1, 0, {"x": "samples"}, "early window not observable: the log counts samples, not updates"),
        (1, 0, {}, None),
        (2, 0, {}, None),
    ],
)
def test_what_a_log_does_not_show_of_its_start(
    every: int, first_step: int, known: dict[str, Any], reason: str | None
) -> None:
    said = judged(log(language_model(1000), every=every, first_step=first_step, **known))[1].get("LRD208")
    assert said is None if reason is None else said.startswith(reason)


@pytest.mark.parametrize(
    ("every", "known", "reason"),
    [
        (1, {}, None),
        (50, {}, "the log has one point in 50 steps, so that what lasted for less may be missing from it"),
        (1, {"x": "row"}, None),
    ],
)
def test_single_steps_may_not_be_in_the_log(every: int, known: dict[str, Any], reason: str | None) -> None:
    assert judged(log(LOSS, every=every, **known))[1].get("LRD209") == reason


def smoothed(loss: np.ndarray, beta: float = 0.99) -> np.ndarray:
    """Its moving average, the start not drawn to 0."""
    weights = beta ** np.arange(len(loss))
    return np.convolve(loss, weights)[: len(loss)] / np.cumsum(weights)


def test_small_rises_of_a_smoothed_curve_are_doubtful() -> None:
    rising = 2 * wobble(6000, 5, 0.2) * from_step(3600, 1.4, 6000)
    findings, skips = judged(log(smoothed(rising, 0.97), smoothed=0.97))
    assert "LRD206" not in findings
    assert skips["LRD206"] == skips["LRD205"]
    assert skips["LRD206"].startswith("the loss is smoothed with a moving average of 0.97")
    large = smoothed(2 * wobble(3000, 5, 0.2) * from_step(1800, 8.0, 3000))
    assert "LRD204" in severities(log(large, smoothed=0.99))


def test_a_loss_at_or_below_zero_without_progress_is_not_judged_unless_told() -> None:
    loss = NOISE + np.where((np.arange(N) > 1200) & (np.arange(N) < 1260), 1.0, 0.0)
    findings, skips = judged(log(loss))
    assert "LRD206" not in findings
    assert skips["LRD206"].startswith("the loss is 0 or below and makes no progress")
    assert "LRD206" in judged(log(loss, objective="minimized"))[0]
