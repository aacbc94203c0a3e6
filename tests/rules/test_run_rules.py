"""Made-up training losses of trials, and what the rules for single trials say of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from synthetic_studies import codes, decay, found, rule, run_of, study_of

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run
from lrdoctor.rules import early_blow_up

N = 400
T = np.arange(N)
NAN = math.nan


def bump(start: int, length: int, height: float) -> np.ndarray:
    """A rise that comes back: `height` at `start`, gone after `length` steps."""
    inside = (start <= T) & (start + length > T)
    return np.where(inside, height * (1 - (T - start) / length), 0.0)


def step_up(start: int, height: float) -> np.ndarray:
    return np.where(start <= T, height, 0.0)


def with_value(at: int, value: float) -> np.ndarray:
    loss = decay(N)
    loss[at] = value
    return loss


CURVES: list[tuple[str, np.ndarray, list[str]]] = [
    ("healthy", decay(N), []),
    ("early blow-up that recovers", decay(N) + bump(3, 12, 20.0), ["LRD201", "LRD203"]),
    ("one early step far above", with_value(5, 9.0), ["LRD201"]),
    ("early, but not above twice the first loss", with_value(5, 4.0), []),
    ("one odd point later", with_value(200, 50.0), []),
    ("two odd points later", np.maximum(with_value(200, 50.0), with_value(201, 50.0)), []),
    ("a rise in the middle that comes back", decay(N) + bump(200, 60, 3.0), ["LRD203"]),
    ("a shift to a worse level", decay(N) + step_up(250, 1.5), ["LRD202"]),
    ("divergence", decay(N) * np.exp(np.maximum(T - 250, 0) / 30), ["LRD202"]),
    ("a rise lower than a quarter of the progress", decay(N) + step_up(250, 0.25), []),
    ("it blows up at once and stays up", np.where(T < 2, 2.3, 40.0 + decay(N)), ["LRD201", "LRD202"]),
    ("nan in the middle", with_value(200, NAN), ["LRD101"]),
    ("inf early", with_value(4, math.inf), ["LRD101", "LRD201"]),
    ("a shift of a loss that is negative", decay(N) - 5.0 + step_up(250, 1.5), ["LRD202"]),
    ("a healthy loss that is negative", decay(N) - 5.0, []),
    ("it learns nothing", 2.3 * np.exp(np.random.default_rng(0).normal(0, 0.05, N)), []),
    ("it learns nothing, without noise", np.full(N, 2.3), []),
]


@pytest.mark.parametrize(("loss", "expected"), [c[1:] for c in CURVES], ids=[c[0] for c in CURVES])
def test_verdict_on_a_single_trial(loss: np.ndarray, expected: list[str]) -> None:
    assert codes(run_of(loss)) == expected


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(("loss", "expected"), [c[1:] for c in CURVES], ids=[c[0] for c in CURVES])
def test_verdicts_do_not_depend_on_the_unit(loss: np.ndarray, expected: list[str], scale: float) -> None:
    assert codes(run_of(scale * loss)) == expected


def test_a_stretch_of_blocks_is_told_from_noise_sooner_than_a_single_one() -> None:
    """The last half lies higher by less than the single highest block may by chance."""
    noise = np.random.default_rng(1).normal(0, 0.5, N)
    assert codes(run_of(4 * np.exp(-T / 20) + 5 + noise + step_up(200, 1.2))) == ["LRD202"]


def test_an_easy_first_batch_is_no_blow_up() -> None:
    """Where batches differ much, twice the first loss is ordinary: the noise between batches counts too."""
    n_above = n_flagged = 0
    for seed in range(100):
        loss = np.random.default_rng(seed).normal(2.0, 0.6, N)
        n_above += max(loss[:25]) > 2 * loss[0]
        n_flagged += "LRD201" in codes(run_of(loss))
    assert n_above > 20
    assert n_flagged <= 3


def finding(run: Run, code: str) -> Finding:
    (only,) = [f for f in found(run) if isinstance(f, Finding) and f.code == code]
    return only


def test_figures_of_an_early_blow_up() -> None:
    loss = np.array([2.0, 3.0, 9.0, 30.0, 5.0, 3.0, *[1.5] * 94])
    seen = finding(run_of(loss), "LRD201")
    assert (seen.observed, seen.first_step, seen.last_step) == (30.0, 2, 4)
    assert seen.threshold == pytest.approx(4.0, abs=0.1)
    assert seen.message == "training loss rose from 2 to 30 at step 3"


def test_figures_of_a_rise() -> None:
    shift = finding(run_of(np.where(T < 200, 3 - 0.01 * T, 2.5)), "LRD202")
    assert (shift.first_step, shift.last_step) == (200, N - 1)
    assert shift.observed == pytest.approx(1.48 / 1.98, rel=0.02)  # 1.02 -> 2.5 loses that much of 3 -> 1.02
    back = finding(run_of(3 - 0.005 * T + bump(200, 50, 1.5)), "LRD203")
    assert (back.first_step, back.threshold) == (200, 0.25)
    assert 200 < back.last_step < 250
    assert back.message.endswith("and came back")
    late = finding(run_of(3 - 0.005 * T + step_up(385, 1.5)), "LRD203")
    assert late.message.endswith("and the run ended before it came back")


@pytest.mark.parametrize(
    ("n_steps", "warmup_steps", "window"),
    [(100, 0, 25), (500, 0, 25), (1000, 0, 50), (10_000, 0, 500), (10**6, 0, 500), (1000, 200, 250)],
)
def test_what_counts_as_early(n_steps: int, warmup_steps: int, window: int) -> None:
    assert early_blow_up.window(n_steps, warmup_steps) == window


def test_swings_of_its_own_hide_no_blow_up() -> None:
    """A run that is thrown about is measured by the noise of the same batches at the lowest rate."""
    thrown = run_of([2.3, *[9.0, 1.2] * 12, *[2.0] * 40], rate=5.0)
    calm = run_of(decay(N, noise=0.1), "calm", rate=0.001)
    noisy = run_of(decay(N, noise=2.0), "noisy", rate=0.001)
    other_seed = run_of(decay(N, noise=0.1), "other", rate=0.001, seed=1)
    assert "LRD201" not in codes(thrown, study_of(thrown))
    assert "LRD201" in codes(thrown, study_of(calm, thrown))
    assert "LRD201" not in codes(thrown, study_of(noisy, thrown))
    assert "LRD201" not in codes(thrown, study_of(other_seed, thrown))


@pytest.mark.parametrize("every", [1, 5, 20])
def test_a_sampled_trial_is_early_in_steps_not_in_points(every: int) -> None:
    """A blow-up at step 300 of 10 000 is early, however few of the steps were logged."""
    step = np.arange(0, 10_000, every)
    loss = decay(10_000)[step] + np.where((step >= 280) & (step < 320), 9.0, 0.0)
    run = run_of([], max_train_steps=10_000, curves={"train_loss": Curve(step, loss)})
    assert [f.code for f in rule("LRD201").check_trial(run, study_of(run))] == ["LRD201"]


@pytest.mark.parametrize(
    ("loss", "first_step", "skipped"),
    [
        ([2.0, 1.0], 0, {"LRD201", "LRD202", "LRD203", "LRD301"}),
        (decay(14), 0, {"LRD202", "LRD203", "LRD301"}),
        (decay(N), 5000, {"LRD201", "LRD301"}),
        ([0.0, *decay(N)], 0, {"LRD201", "LRD301"}),
        ([NAN, *decay(N)], 0, {"LRD201", "LRD203", "LRD301"}),
        ([2.0, 1.0, NAN], 0, {"LRD202", "LRD203", "LRD301"}),
        (decay(N), 0, {"LRD301"}),
    ],
)
def test_what_cannot_be_judged_is_skipped(loss: Any, first_step: int, skipped: set[str]) -> None:
    run = run_of(loss, first_step=first_step)
    assert {s.code for s in found(run) if isinstance(s, Skip)} == skipped


@pytest.mark.parametrize(
    ("curves", "where"),
    [
        ({"grad_norm": Curve.of([1.0, math.inf, 1.0])}, "grad_norm is inf at step 1"),
        ({"val_loss": Curve(np.array([9, 19]), np.array([1.0, NAN]))}, "val_loss is nan at step 19"),
        ({"val_loss": Curve(np.array([9, 19]), np.array([NAN, 1.0]))}, None),
        ({"learning_rate": Curve.of([0.1, NAN])}, None),
        ({}, None),
    ],
)
def test_non_finite_outside_the_training_loss(curves: dict[str, Curve], where: str | None) -> None:
    run = run_of(decay(N), curves=curves)
    messages = [f.message for f in rule("LRD101").check_trial(run, study_of(run))]
    assert messages == ([] if where is None else [where])


STUCK = 2.3 * np.exp(np.random.default_rng(7).normal(0, 0.02, N))


def stuck(loss: np.ndarray, *others: Run, rate: float = 0.1, seed: int = 0) -> list[Finding | Skip]:
    run = run_of(loss, "judged", rate=rate, seed=seed)
    return list(rule("LRD301").check_trial(run, study_of(*others, run)))


def test_stuck_where_a_lower_rate_trains() -> None:
    (seen,) = stuck(STUCK, run_of(decay(N), "lower", rate=0.01))
    assert isinstance(seen, Finding)
    assert seen.observed == pytest.approx(1.0, abs=0.1)
    assert (seen.first_step, seen.last_step) == (N // 2, N - 1)
    assert "a learning rate of 0.01 reaches" in seen.message


@pytest.mark.parametrize(
    ("loss", "others"),
    [
        (decay(N), [run_of(decay(N, 1), "lower", rate=0.01)]),
        (decay(N, last=0.4), [run_of(decay(N, 1), "lower", rate=0.01)]),
        # slow, not stuck: it still comes down in its second half
        (2.3 - 1.0 * T / N, [run_of(decay(N, 1), "lower", rate=0.01)]),
        # a low rate may be slow as it likes: only lower ones are compared
        (STUCK, [run_of(STUCK + 0.01, "lower", rate=0.01), run_of(decay(N), "higher", rate=1.0)]),
    ],
    ids=["healthy", "a little worse", "slow", "higher rates do not count"],
)
def test_not_stuck(loss: np.ndarray, others: list[Run]) -> None:
    assert not [f for f in stuck(loss, *others) if isinstance(f, Finding)]


@pytest.mark.parametrize(
    ("loss", "others", "reason"),
    [
        (STUCK, [], "no trial at a lower learning rate to compare with"),
        (STUCK, [run_of(decay(N), "log", rate=None)], "no trial at a lower learning rate to compare with"),
        (STUCK, [run_of(decay(N), "lower", rate=0.01, status="failed")], "no trial at a lower learning rate to"),
        (STUCK, [run_of(decay(20), "lower", rate=0.01)], "no trial at a lower learning rate to compare with"),
        (STUCK, [run_of(STUCK + 1.0, "lower", rate=0.01)], "came below the loss at initialization"),
        (STUCK[:20], [run_of(decay(N), "lower", rate=0.01)], "too few points"),
        (with_value(300, NAN), [run_of(decay(N), "lower", rate=0.01)], "too few points"),
    ],
)
def test_what_cannot_be_compared_is_skipped(loss: np.ndarray, others: list[Run], reason: str) -> None:
    (seen,) = stuck(loss, *others)
    assert isinstance(seen, Skip)
    assert reason in seen.reason


def test_the_same_seed_is_compared_first() -> None:
    """Seed 1 is unlucky at every rate, so its plateau is no rate's fault."""
    lower = [run_of(decay(N), "lower-0", rate=0.01), run_of(STUCK + 0.01, "lower-1", rate=0.01, seed=1)]
    assert not [f for f in stuck(STUCK, *lower, seed=1) if isinstance(f, Finding)]
    assert [f for f in stuck(STUCK, *lower, seed=2) if isinstance(f, Finding)]
