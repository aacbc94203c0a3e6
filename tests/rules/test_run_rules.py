"""Made-up training losses of trials, and what the rules for single trials say of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from synthetic_studies import codes, decay, found, run_of

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run

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
    ("one early step far above", with_value(5, 9.0), ["LRD201", "LRD203"]),
    ("early, but not above twice the first loss", with_value(5, 4.0), []),
    ("one batch later, half as high again", with_value(200, 0.8), []),
    ("one batch later, a hundred times as high", with_value(200, 50.0), ["LRD203"]),
    ("two batches later", np.maximum(with_value(200, 50.0), with_value(201, 50.0)), ["LRD203"]),
    ("a rise in the middle that comes back", decay(N) + bump(200, 60, 3.0), ["LRD203"]),
    ("a shift to a worse level", decay(N) + step_up(250, 1.5), ["LRD202"]),
    ("divergence", decay(N) * np.exp(np.maximum(T - 250, 0) / 30), ["LRD202"]),
    ("a rise that stands out of the points", decay(N) + step_up(250, 0.25), ["LRD202"]),
    ("a rise that costs a twentieth", decay(N) + step_up(250, 0.1), []),
    ("it blows up at once and stays up", np.where(T < 2, 2.3, 40.0 + decay(N)), ["LRD201", "LRD202"]),
    ("nan in the middle", with_value(200, NAN), ["LRD101"]),
    ("inf early", with_value(4, math.inf), ["LRD101"]),
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


def finding(run: Run, code: str) -> Finding:
    (only,) = [f for f in found(run) if isinstance(f, Finding) and f.code == code]
    return only


def test_figures_of_an_early_blow_up() -> None:
    loss = np.array([2.0, 3.0, 9.0, 30.0, 5.0, 3.0, *[1.5] * 94])
    seen = finding(run_of(loss, control=Curve.of([2.0] * 100)), "LRD201")
    assert (seen.first_step, seen.last_step) == (1, 5)
    assert seen.observed == pytest.approx(15)
    assert seen.threshold == pytest.approx(2)
    assert seen.message == (
        "training loss rose to 30 at step 3, 15 times what the untrained weights lose on the same batches (2)"
    )


def test_a_blow_up_of_a_negative_loss_is_told_in_loss_units() -> None:
    loss = np.concatenate([[-2.0, -2.1, 5.0, 6.0, 5.0], -2.0 - 0.02 * np.arange(95)])
    seen = finding(run_of(loss, control=Curve.of([-2.0] * 100)), "LRD201")
    assert seen.message == (
        "training loss rose to 6 at step 3, 8 above what the untrained weights lose on the same batches (-2)"
    )
    assert seen.observed == pytest.approx(7)  # the median over three batches is the furthest beyond its limit


def test_figures_of_a_rise() -> None:
    shift = finding(run_of(np.where(T < 200, 3 - 0.01 * T, 2.5)), "LRD202")
    assert abs(shift.first_step - 200) <= 1
    assert shift.last_step == N - 1
    assert shift.observed == pytest.approx(2.5 / 1.02, rel=0.1)
    assert shift.message.startswith("training loss rose 2.")
    assert shift.message.endswith("to 399 and did not come back")
    back = finding(run_of(3 - 0.005 * T + bump(200, 50, 1.5)), "LRD203")
    assert 190 < back.first_step < 205
    assert 200 < back.last_step < 250
    assert back.message.endswith("and came back")


@pytest.mark.parametrize(("n_steps", "window"), [(100, 25), (500, 50), (1000, 100), (10_000, 500), (20_000, 1000)])
def test_what_counts_as_early(n_steps: int, window: int) -> None:
    """A blow-up over the last three steps of the window is early, three steps later it is not."""
    for first, is_early in ((window - 3, True), (window, False)):
        loss = decay(n_steps)
        loss[first : first + 3] = 9.0
        assert ("LRD201" in codes(run_of(loss))) is is_early


def test_swings_of_its_own_hide_no_blow_up() -> None:
    """A run that is thrown about is measured by the noise of its control."""
    thrown = [2.3, *[9.0, 1.2] * 12, *[2.0] * 40]
    calm, wild = (2.3 * np.exp(np.random.default_rng(0).normal(0, sd, len(thrown))) for sd in (0.1, 2.0))
    assert "LRD201" in codes(run_of(thrown, control=Curve.of(calm)))
    assert "LRD201" not in codes(run_of(thrown, control=Curve.of(wild)))


@pytest.mark.parametrize("every", [1, 5, 20])
def test_a_sampled_trial_is_early_in_steps_not_in_points(every: int) -> None:
    """A blow-up at step 300 of 10 000 is early, however few of the steps were logged."""
    step = np.arange(0, 10_000, every)
    loss = decay(10_000)[step] + np.where((step >= 280) & (step < 340), 9.0, 0.0)
    run = run_of([], max_train_steps=10_000, curves={"train_loss": Curve(step, loss)})
    assert "LRD201" in codes(run)


@pytest.mark.parametrize(
    ("loss", "first_step", "skipped"),
    [
        ([2.0, 1.0], 0, {"LRD201", "LRD202", "LRD203", "LRD301"}),
        (decay(14), 0, {"LRD202", "LRD203", "LRD301"}),
        (decay(N), 5000, {"LRD201", "LRD301"}),
        ([0.0, *decay(N)], 0, {"LRD301"}),
        ([NAN, *decay(N)], 0, {"LRD203", "LRD301"}),
        ([2.0, 1.0, NAN], 0, {"LRD201", "LRD202", "LRD203", "LRD301"}),
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
    messages = [f.message for f in found(run) if isinstance(f, Finding) and f.code == "LRD101"]
    assert messages == ([] if where is None else [where])


def test_a_training_that_ended_itself_as_diverged_is_non_finite_without_such_a_value() -> None:
    ended = run_of(decay(100), status="diverged", exit_reason="the command said 'Loss is nan' and ended")
    told = finding(ended, "LRD101")
    assert told.message == "the training ended itself after step 99: the command said 'Loss is nan' and ended"
    assert (told.severity, told.first_step) == ("error", 99)
    assert "LRD101" not in codes(run_of(decay(100), status="truncated", exit_reason="hopeless"))
