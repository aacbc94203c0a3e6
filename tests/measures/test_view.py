"""Everything that the rules ask of one log."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_curves import falling, raised, view

from lrdoctor.core.curve import Curve, Values
from lrdoctor.core.run import Run
from lrdoctor.measures.restarts import Restart
from lrdoctor.measures.view import View

ASKED = (
    "found", "at_resumes", "at_restarts", "rolled_back", "doubtful", "swing", "outliers", "explosion", "early_unseen",
    "is_blind", "is_blurred", "gap", "correlation_time", "warmup_until", "early_until",
)  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "first", "end", "kind"),
    [
        (raised(1000, 500, 600, 3.0), 500, 600, "spike"),
        (raised(1000, 600, 1000, 3.0), 600, 1000, "divergence"),
        (raised(1000, 600, 1000, 1.2, noise=0.01), 600, 1000, "level_shift"),
        (raised(3000, 50, 90, 3.0), 50, 90, "early"),
        (raised(1000, 500, 501, 1.8, noise=0.02), 500, 501, "outlier"),
        (raised(1000, 500, 501, 8.0), 500, 501, "spike"),
    ],
)
def test_an_event_is_found_once(loss: Values, first: int, end: int, kind: str) -> None:
    (event,) = view(loss).found
    assert event.kind == kind
    assert abs(event.first_step - first) <= 5
    assert abs(event.last_step + 1 - end) <= 10


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [25, 200, 3000])
def test_a_healthy_run_shows_nothing(n: int, seed: int) -> None:
    healthy = view(falling(n, 0.1, seed))
    assert healthy.found == ()
    assert healthy.is_blind is None
    assert healthy.is_blurred is None
    assert healthy.swing is None
    assert not healthy.doubtful


def test_the_last_points_count() -> None:
    loss = falling(1004)
    loss[1000:] = 1e6
    (event,) = view(loss).found
    assert (event.first_step, event.last_step) == (1000, 1003)


def test_the_very_last_point_counts() -> None:
    loss = falling(1001)
    loss[1000] = 1e6
    (event,) = view(loss).found
    assert (event.first_step, event.last_step) == (1000, 1000)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 19, 20])
def test_few_points(n: int) -> None:
    asked = view(np.linspace(3, 1, n))
    assert (asked.is_blind is None) is (n >= 20)
    assert (asked.found, asked.swing) == ((), None)


@pytest.mark.parametrize(
    ("steps", "gap"), [([], 1), ([5], 1), ([5, 6], 1), ([0, 10, 20, 21], 10), ([0, 100, 200, 300], 100)]
)
def test_gap(steps: list[int], gap: int) -> None:
    curve = Curve(np.array(steps, dtype=np.int64), np.ones(len(steps)))
    assert View(Run("r", "f", {"train_loss": curve}), 0.01).gap == gap


@pytest.mark.parametrize(
    ("rates", "until"),
    [
        ([0.1] * 10, 0),
        ([*np.linspace(0, 0.3, 12), *[0.3] * 20], 11),
        ([*np.linspace(0, 0.3, 12), *[0.2] * 20], 11),
        ([*np.linspace(0, 0.3, 12), 0.3], 11),  # killed soon after it
        ([0.0, 0.1, 0.2, 0.3] + [0.3] * 10, 0),  # how schedulers start
        ([0.2, 0.25, 0.3] + [0.2] * 10, 0),  # from more than half
        ([0.0, 0.2, 0.1, 0.3] + [0.3] * 10, 0),  # no ramp
        (list(np.linspace(0, 1, 14)), 13),  # killed in it
        ([0.0] * 14, 0),
        ([1.0, 2.0], 0),
    ],
)
def test_warmup(rates: list[float], until: int) -> None:
    assert view(np.ones(len(rates)), rate=np.array(rates)).warmup_until == until


@pytest.mark.parametrize(
    ("n", "warmup", "until"),
    [(100, 0, 25), (1000, 0, 100), (5000, 0, 500), (9000, 0, 500), (20_000, 0, 1000), (5000, 50, 550)],
)
def test_early(n: int, warmup: int, until: int) -> None:
    rate = np.minimum(np.arange(n) / max(warmup, 1), 1.0) if warmup else None
    assert view(np.ones(n), rate=rate).early_until == until


@pytest.mark.parametrize("kind", ["reinforcement", "adversarial"])
def test_where_a_rise_is_no_failure_only_an_explosion_is(kind: str) -> None:
    reason = {"objective": kind, "objective_reason": "said so"}
    spike, explosion = raised(1000, 500, 600, 3.0), raised(1000, 500, 1000, 1e4)
    assert view(spike).found
    assert view(spike, **reason).found == ()
    assert "said so" in (view(spike, **reason).is_blind or "")
    assert [event.kind for event in view(explosion, **reason).found] == ["divergence"]


@pytest.mark.parametrize(
    ("loss", "given_objective", "is_blind"),
    [
        (np.linspace(5, -5, 100), None, False),
        (np.full(100, -2.0), None, True),
        (np.full(100, 0.0), None, True),
        (np.full(100, 2.0), None, False),
        (np.full(100, 0.0), "minimized", False),
    ],
)
def test_a_loss_that_is_not_positive_has_to_make_progress(
    loss: Values, given_objective: str | None, is_blind: bool
) -> None:
    assert (view(loss, objective=given_objective).is_blind is not None) is is_blind


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("loss", "learns"),
    [
        (falling(600, 0.3), True),
        (falling(19, 0.05), True),
        (raised(600, 200, 600, 30.0), True),  # it did before it diverged
        (np.concatenate([falling(60), np.full(3000, 1.0)]), True),  # all of it at the start
        (falling(600, 0.3)[::-1], False),
        (np.full(300, 2.0), False),
        (falling(4), False),
    ],
)
def test_whether_a_run_learns(loss: Values, learns: bool, seed: int) -> None:
    noise = np.exp(0.05 * np.random.default_rng(seed).normal(size=len(loss)))
    assert view(loss * noise).learns is learns


def test_a_run_that_never_moves_has_hard_data_and_no_events() -> None:
    """Bursts that come as often at the start as later would be there without any training; one alone would not."""
    rng = np.random.default_rng(0)
    loss = 2 * np.exp(0.1 * rng.normal(size=3000))
    often, once = loss.copy(), loss.copy()
    for at in range(50, 3000, 300):
        often[at : at + 20] *= 30
    once[1500:1520] *= 30
    assert view(often).found == ()
    alone, beyond = loss.copy(), loss.copy()
    alone[1500] *= 10
    beyond[[800, 1500]] = 1e-10, 1e10  # nor does a hole hide it
    assert view(alone, every=10).found == ()
    assert [event.first_step for event in view(beyond, every=10).found] == [15_000]
    assert [event.kind for event in view(once).found] == ["spike"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.7, 0.7, 20, 50, 10, 800, 2e3, 3, 5e3, 3e6, 2.7e24], "divergence"),
        ([12.0, 22.5, 12.5, 9.7, 8.4, 8.2, 8.2, 8.0, 8.0, 7.9, 7.8, 7.8, 7.9, 7.7, 7.5, 7.5, 7.6, 7.4, 7.4], "early"),
        ([3.0, 2.8, 2.7, 2.6, 2.5, 2.5, 2.4, 2.4, 2.6, 2.4, 2.3], None),
    ],
)
def test_magnitude_makes_up_for_few_points(values: list[float], kind: str | None) -> None:
    asked = view(np.array(values), every=10)
    assert asked.is_blind
    assert [event.kind for event in asked.found] == ([kind] if kind else [])


def test_a_loss_that_goes_back_to_its_start_is_no_restart_without_evidence() -> None:
    twice = np.concatenate([falling(500), falling(500, seed=1)])
    assert [event.kind for event in view(twice).found] == ["spike"]
    rate = np.concatenate([np.linspace(1, 0.01, 500), np.linspace(1, 0.01, 500)])
    asked = view(twice, rate=rate)
    assert asked.found == ()
    assert [restart for _, restart in asked.at_restarts] == [Restart(500)]


def test_after_a_restart_the_best_level_begins_anew() -> None:
    """A run from new weights that never reaches the old level is judged by its own; its own blow-up is one."""
    old, new = falling(500) / 50, falling(500, seed=1)
    rate = np.concatenate([np.linspace(1, 0.01, 500), np.linspace(1, 0.01, 500)])
    assert view(np.concatenate([old, new]), rate=rate).found == ()
    new[300:] *= 20
    (event,) = view(np.concatenate([old, new]), rate=rate).found
    assert event.kind == "divergence"
    assert abs(event.first_step - 800) <= 5


def test_a_warmup_that_begins_again_is_a_resume() -> None:
    rate = np.concatenate([np.full(500, 1.0), np.linspace(0, 1, 100), np.full(400, 1.0)])
    asked = view(raised(1000, 500, 600, 3.0), rate=rate)
    assert asked.found == ()
    assert len(asked.at_resumes) == 1


def smoothed(n: int, beta: float) -> Values:
    loss = falling(n, 0.3)
    for i in range(1, n):
        loss[i] = beta * loss[i - 1] + (1 - beta) * loss[i]
    return loss


@pytest.mark.parametrize(
    ("n", "beta", "is_blurred"),
    [(3000, 0.99, True), (500, 0.97, True), (500, 0.9, False), (5000, 0.9, False), (500, 0.0, False)],
)
def test_a_curve_whose_neighbours_are_alike_for_long_is_blurred(n: int, beta: float, is_blurred: bool) -> None:
    asked = view(smoothed(n, beta), smoothed=beta)
    assert (asked.is_blurred is not None) is is_blurred
    assert not is_blurred or f"moving average of {beta}" in str(asked.is_blurred)


def test_a_blurred_curve_shows_what_is_large() -> None:
    loss = smoothed(3000, 0.99)
    loss[1800:] *= 100
    asked = view(loss)
    assert asked.is_blurred
    assert [event.kind for event in asked.found] == ["divergence"]


def test_a_blurred_curve_hides_what_is_not() -> None:
    """A rise of a quarter that lasts, which is above the limit and less than 50 %."""
    loss = smoothed(6000, 0.97)
    loss[3600:] *= 1.25
    asked = view(loss, smoothed=0.98)
    assert asked.is_blurred
    assert asked.found == ()
    assert asked.doubtful


@pytest.mark.parametrize(("at", "is_resume"), [(500, True), (503, True), (497, True), (480, False), (530, False)])
def test_a_rise_at_a_resume_is_apart(at: int, is_resume: bool) -> None:
    asked = view(raised(1000, 500, 600, 3.0), resumed_at=(at,))
    assert len(asked.at_resumes) == is_resume
    assert len(asked.found) == (not is_resume)


def test_what_a_resume_does_not_bring_back_is_a_divergence() -> None:
    asked = view(raised(1000, 500, 1000, 3.0), resumed_at=(500,))
    assert asked.at_resumes == ()
    assert [event.kind for event in asked.found] == ["divergence"]


@pytest.mark.parametrize(("factor", "is_swing"), [(1.0, True), (3.0, False)])
def test_a_rise_says_better_what_a_swing_says(factor: float, is_swing: bool) -> None:
    calm, wild = (np.random.default_rng(seed).normal(size=2000) for seed in (1, 5))
    loss = 2 * np.exp(0.03 * calm + 0.1 * wild * (np.arange(2000) >= 1200))
    loss[1210:] *= factor
    asked = view(loss)
    assert (asked.swing is not None) is is_swing
    assert bool(asked.found) is not is_swing


def test_a_rise_at_a_restart_of_the_learning_rate_is_apart() -> None:
    rate = np.concatenate([np.linspace(1, 0.01, 500), np.linspace(1, 0.01, 500)])
    asked = view(raised(1000, 500, 600, 3.0), rate=rate)
    assert asked.found == ()
    assert [restart for _, restart in asked.at_restarts] == [Restart(500)]


def test_what_a_resume_threw_away_is_judged_too() -> None:
    loss = raised(1000, 400, 500, 20.0)
    kept = np.concatenate([loss[:400], falling(1000)[400:]])
    piece = Curve(np.arange(380, 500), loss[380:500])
    asked = view(kept, resumed_at=(380,), discarded=(piece,))
    assert asked.found == ()
    ((_, seen),) = asked.rolled_back
    assert len(seen) == 1
    healthy = view(kept, discarded=(Curve(np.arange(380, 500), falling(1000)[380:500]),))
    assert [seen for _, seen in healthy.rolled_back] == [()]


@pytest.mark.parametrize(
    ("every", "first", "provenance", "words"),
    [
        (1, 0, {}, None),
        (1, 1, {}, None),
        (5, 0, {}, None),
        (50, 50, {}, "first point at step 50, one point per 50 steps"),
        (1, 0, {"x": "epoch"}, "counts epochs"),
        (1, 0, {"x": "samples"}, "counts samples"),
        (1, 500, {}, "first point at step 500, one point per 1 step"),
        (10, 9, {"averaged": 10}, "each point is a mean over 10 steps; first point at step 9, one point per 10 steps"),
        (10, 9, {"averaged": "epoch"}, "each point is a mean over an epoch;"),
        (10, 9, {"averaged": "interval"}, "each point is a mean over some steps;"),
    ],
)
def test_whether_the_early_window_can_be_seen(
    every: int, first: int, provenance: dict[str, Any], words: str | None
) -> None:
    why = view(falling(1000), every=every, first=first, **provenance).early_unseen
    assert why is None if words is None else words in str(why)


@pytest.mark.parametrize(
    ("every", "factor", "provenance", "kind"),
    [
        (1, 1.8, {}, "outlier"),
        (1, 2.5, {}, "outlier"),
        (1, 9.0, {}, "spike"),  # worse than an untrained model
        (10, 1.8, {}, "spike"),
        (1, 1.8, {"x": "samples"}, "spike"),
    ],
)
def test_one_logged_point_is_an_odd_batch_only_where_every_step_is_logged(
    every: int, factor: float, provenance: dict[str, Any], kind: str
) -> None:
    asked = view(raised(1000, 500, 501, factor, noise=0.02), every=every, **provenance)
    assert [event.kind for event in asked.found] == [kind]


@pytest.mark.parametrize("constant", [1e-100, 7.0, 1e100])
def test_a_constant_factor_changes_no_event(constant: float) -> None:
    loss = raised(1000, 500, 600, 3.0)
    loss[800] *= 9
    was, now = view(loss).found, view(constant * loss).found
    assert [(e.kind, e.first_step, e.last_step, e.peak_step) for e in now] == [
        (e.kind, e.first_step, e.last_step, e.peak_step) for e in was
    ]
    assert len(was) == 2


def test_non_finite_values_are_left_out() -> None:
    loss = raised(1000, 500, 600, 3.0)
    holes = loss.copy()
    holes[[100, 700]] = np.nan, np.inf
    assert len(view(holes).loss) == 998
    assert [event.kind for event in view(holes).found] == ["spike"]


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("n", [1, 2, 3, 25])
def test_anything_may_be_asked_of_a_short_log(name: str, n: int) -> None:
    getattr(view(np.full(n, 2.0)), name)


@pytest.mark.parametrize("name", ASKED)
def test_anything_may_be_asked_of_a_log_without_a_finite_loss(name: str) -> None:
    getattr(view(np.full(30, np.nan)), name)


@settings(max_examples=60)
@given(
    st.lists(st.floats(-1e100, 1e100) | st.sampled_from([0.0, 1.0, 1e300, 1e-300, np.nan, np.inf]), max_size=130),
    st.sampled_from([None, 3]),
)
def test_whatever_is_asked_of_wild_losses(loss: list[float], quantised: int | None) -> None:
    asked = view(np.array(loss, dtype=float), quantised=quantised)
    if not len(asked.loss):
        return
    for name in ASKED:
        getattr(asked, name)
    steps = asked.loss.step
    assert all(steps[0] <= e.first_step <= e.last_step <= steps[-1] for e in asked.found)


@pytest.mark.parametrize("n", [24, 42, 60])
def test_a_short_log_that_falls_learns(n: int) -> None:
    """Five first losses and the best quarter, all in order: no more can be asked of a short log."""
    assert view(np.linspace(4.0, 2.0, n)).learns


def test_a_level_that_holds_to_the_end_is_no_hard_data() -> None:
    """All was learned in the first points and lost again, so that the first losses are no higher than the best later
    ones; a few losses of the start are as high, for a few points each."""
    loss = 1.75 * np.exp(0.005 * np.random.default_rng(0).normal(size=200))
    loss[:18] = [2.6, 1.9, 1.3, 1.25, 1.6, 1.65, 1.3, 1.2, 1.2, 1.25, 1.2, 1.2, 1.25, 1.2, 1.2, 1.25, 1.2, 1.2]
    seen = view(loss)
    assert not seen.learns
    assert [event.kind for event in seen.found] == ["divergence"]


@pytest.mark.parametrize(("evaluated_at", "kind"), [(119, "spike"), (109, None)])
def test_an_evaluation_after_the_worst_says_little_of_a_rise(evaluated_at: int, kind: str | None) -> None:
    loss = falling(400)
    loss[105:125] *= np.concatenate([np.full(8, 5.0), np.full(12, 1.6)])
    curves = {
        "train_loss": Curve(np.arange(400), loss),
        "val_loss": Curve(np.array([50, evaluated_at, 300]), np.ones(3)),
    }
    events = View(Run("run", "log.csv", curves), 0.01).found
    assert [event.kind for event in events] == ([] if kind is None else [kind])
