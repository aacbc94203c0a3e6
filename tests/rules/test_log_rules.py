"""Made-up logs of a training loss, and what the rules say of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic_logs import (
    HEALTHY,
    N,
    climbing,
    cosine,
    from_step,
    judged,
    language_model,
    log,
    severities,
    spike,
    warm_restarts,
    with_values,
    wobble,
)

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.measures.events import Event
from lrdoctor.rules import judge_run
from lrdoctor.rules._events import with_tails

T = np.arange(N)
LOSS = language_model()
FLAT = 2.0 * wobble(N, 1, 0.03)
NEGATIVE = 4 * np.exp(-T / 200) - 3 + np.random.default_rng(0).normal(0, 0.05, N)
ERROR, WARNING, INFO = "error", "warning", "info"
NAN = math.nan
FILTERED = "logging_nan_inf_filter, on by default, leaves losses out"

HEALTHY_LOGS = {
    **{name: log(made()) for name, made in HEALTHY.items()},
    "every 50th step": log(language_model(400), every=50),
    "means over epochs": log(language_model(60), x="epoch", averaged="epoch"),
    "from step 100 000 on": log(LOSS[1000:], first_step=100_000),
    "printed with two digits": log(np.round(LOSS, 2), quantised=2),
    "negative": log(NEGATIVE),
    "falling through zero": log(NEGATIVE + 2.0),
}

DIVERGED = LOSS * from_step(1200, 3.0)
SHIFTED = LOSS * spike() * from_step(1200, 1.25)
SPIKED = LOSS * spike()
ODD_POINT = with_values(language_model(400), 300, 7.0)
TWICE = np.concatenate([language_model(1000), language_model(1000, 1)])

FOUND: dict[str, tuple[Run, dict[str, str]]] = {
    "diverges": (log(DIVERGED), {"LRD204": ERROR}),
    "climbs to the end": (log(LOSS * climbing(1700, 60)), {"LRD204": ERROR}),
    "goes up from the start": (log(LOSS * climbing(0, 400)), {"LRD204": ERROR}),
    "jumps and comes back half the way": (log(SHIFTED), {"LRD205": ERROR}),
    "spike that recovers": (log(SPIKED), {"LRD206": ERROR}),
    "single point, one per 50 steps": (log(ODD_POINT, every=50), {"LRD206": ERROR}),
    "single point, one per step": (log(ODD_POINT), {"LRD209": INFO}),
    "twice as high, one per step": (log(with_values(language_model(400), 300, 9.0)), {"LRD209": INFO}),
    "worse than untrained, one per step": (log(with_values(language_model(400), 300, 19.0)), {"LRD206": ERROR}),
    "single point, steps are samples": (log(ODD_POINT, x="samples"), {"LRD206": ERROR}),
    "begins to swing": (log(FLAT * np.where(T < 1200, 1.0, wobble(N, 5, 0.1))), {"LRD207": ERROR}),
    "early blow-up that recovers": (log(LOSS * spike(factor=3.0, start=20)), {"LRD208": ERROR}),
    "the same after the early steps": (log(LOSS * spike(factor=3.0, start=260)), {"LRD206": ERROR}),
    "the same during a warmup": (
        log(LOSS * spike(factor=3.0, start=260), curves={"learning_rate": 0.1 * np.minimum(T / 150, 1)}),
        {"LRD208": ERROR},
    ),
    "always 0": (log(np.zeros(100)), {"LRD102": WARNING}),
    "always the same": (log(np.full(100, 0.693)), {"LRD102": WARNING}),
    "0 from a point on": (log(np.where(T < 800, LOSS, 0.0)), {"LRD102": WARNING}),
    "0 where the logger hides nan": (log(np.where(T < 800, LOSS, 0.0), notes=(FILTERED,)), {"LRD102": ERROR}),
    "0 where another logger leaves nan out": (log(np.where(T < 800, LOSS, 0.0), nan_filter=True), {"LRD102": WARNING}),
    "a learning rate of 0": (
        log(2.3 * wobble(400, 1, 0.05), curves={"learning_rate": np.zeros(400)}),
        {"LRD102": WARNING, "LRD302": WARNING},
    ),
    "0 at the end only": (log(np.where(T < 1500, NEGATIVE + 3, 0.0)), {}),
    "ends at a rounded level": (log(np.where(T < 800, np.round(LOSS, 2), 2.5), quantised=2), {}),
    "does not fall": (log(2.3 * wobble(400, 1, 0.05)), {"LRD302": WARNING}),
    "jump at a resume": (log(SPIKED, resumed_at=(1198,)), {"LRD601": WARNING}),
    "jump far from the resume": (log(SPIKED, resumed_at=(1100,)), {"LRD206": ERROR}),
    "jump at a resume that never comes back": (log(DIVERGED, resumed_at=(1198,)), {"LRD204": ERROR}),
    "stopped as it blows up": (log(np.append(LOSS, [60.0, 400.0, 900.0])), {"LRD205": ERROR}),
    "trained twice, and nothing shows it": (log(TWICE), {"LRD206": ERROR}),
    "trained twice": (log(TWICE, curves={"learning_rate": cosine(N, 1000)}), {"LRD602": INFO}),
    "learning rate restarts": (
        log(warm_restarts(noise=0.15), curves={"learning_rate": cosine()}),
        {"LRD602": INFO},
    ),
    "learning rate restarts unseen": (log(warm_restarts(noise=0.15)), {"LRD206": ERROR}),
    "spike that a resume took back": (
        log(LOSS, resumed_at=(1200,), discarded=(Curve.of(DIVERGED[1200:1300], 1200),)),
        {"LRD206": ERROR},
    ),
    "healthy piece that a resume took back": (
        log(LOSS, resumed_at=(1200,), discarded=(Curve.of(language_model(seed=2)[1200:1300], 1200),)),
        {},
    ),
    "nan": (log(with_values(LOSS, 1500, NAN)), {"LRD101": ERROR}),
    "nan to the end": (log(np.where(T < 1500, LOSS, NAN)), {"LRD101": ERROR}),
    "negative, shifted": (log(NEGATIVE + np.where(T < 1200, 0, 1.5)), {"LRD204": ERROR}),
    "negative, climbs": (log(NEGATIVE + np.maximum(T - 1200, 0) / 100), {"LRD204": ERROR}),
    "through zero, spike": (log(NEGATIVE + 2 + np.where((T < 1200) | (T > 1290), 0, 2.0)), {"LRD206": ERROR}),
}


@pytest.mark.parametrize("name", HEALTHY_LOGS)
def test_healthy_logs_are_silent(name: str) -> None:
    assert severities(HEALTHY_LOGS[name]) == {}


@pytest.mark.parametrize("name", FOUND)
def test_verdict_on_a_log(name: str) -> None:
    run, expected = FOUND[name]
    assert severities(run) == expected


def test_healthy_logs_of_many_seeds() -> None:
    """One in a hundred may be flagged by the budget; far fewer are."""
    flagged = [
        (name, seed)
        for name, made in HEALTHY.items()
        for seed in range(60)
        if ERROR in severities(log(made(400, seed))).values()
    ]
    assert len(flagged) <= 1


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("name", ["diverges", "jumps and comes back half the way", "spike that recovers", "nan"])
def test_verdicts_do_not_depend_on_the_unit(name: str, scale: float) -> None:
    run, expected = FOUND[name]
    assert severities(log(scale * run.train_loss.value)) == expected


BORDERLINE = log(LOSS * spike(factor=1.1, length=30))


@pytest.mark.parametrize(("alpha", "expected"), [(0.0001, {}), (0.01, {}), (0.2, {"LRD206": ERROR})])
def test_the_false_alarm_budget_decides_on_a_borderline_spike(alpha: float, expected: dict[str, str]) -> None:
    assert severities(BORDERLINE, alpha) == expected


@pytest.mark.parametrize(
    ("name", "code", "first_step", "last_step"),
    [
        ("diverges", "LRD204", 1200, 1999),
        ("climbs to the end", "LRD204", 1715, 1999),
        ("jumps and comes back half the way", "LRD205", 1200, 1999),
        ("spike that recovers", "LRD206", 1200, 1259),
        ("single point, one per 50 steps", "LRD206", 15_000, 15_000),
        ("single point, one per step", "LRD209", 300, 300),
        ("early blow-up that recovers", "LRD208", 20, 79),
        ("0 from a point on", "LRD102", 800, 1999),
        ("jump at a resume", "LRD601", 1200, 1259),
        ("spike that a resume took back", "LRD206", 1200, 1299),
        ("nan", "LRD101", 1500, 1500),
    ],
)
def test_where_it_was(name: str, code: str, first_step: int, last_step: int) -> None:
    seen = judged(FOUND[name][0])[0][code]
    assert seen.first_step == pytest.approx(first_step, abs=5)
    assert first_step <= seen.last_step <= last_step


@pytest.mark.parametrize(
    ("name", "code", "observed", "above"),
    [
        ("diverges", "LRD204", 3.15, 1.05),
        ("spike that recovers", "LRD206", 1.98, 1.05),
        ("early blow-up that recovers", "LRD208", 2.3, 1.05),
        ("single point, one per 50 steps", "LRD206", 1.73, 1.4),
        ("jump at a resume", "LRD601", 1.98, 1.05),
        ("trained twice", "LRD602", 3.2, 1.05),
        ("negative, climbs", "LRD204", 2.0, 0.0488),  # shares of the progress
        ("begins to swing", "LRD207", 4.0, 2.0),
    ],
)
def test_evidence_is_the_rise_and_its_limit(name: str, code: str, observed: float, above: float) -> None:
    seen = judged(FOUND[name][0])[0][code]
    assert seen.observed == pytest.approx(observed, rel=0.1)
    assert above <= seen.threshold < seen.observed


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("diverges", "LRD204", "training loss rose 3.2-fold, from 3.101 to 10.03, in steps 1200 to 1999 and never"),
        ("jumps and comes back half the way", "LRD205", "and ended above where it had been"),
        ("spike that recovers", "LRD206", "in steps 1200 to 1259 and came back"),
        ("early blow-up that recovers", "LRD208", "and recovered"),
        ("single point, one per step", "LRD209", "at step 300 for a single step"),
        ("0 where the logger hides nan", "LRD102", "the logger writes 0 for a loss that is not finite"),
        ("does not fall", "LRD302", "training loss fell by only 0.14 from 2.34 in 400 points"),
        ("jump at a resume", "LRD601", ", where the run was resumed"),
        ("trained twice", "LRD602", ": the learning rate starts again at step 1000"),
        ("learning rate restarts", "LRD602", ": the learning rate starts again at step 500"),
        ("spike that a resume took back", "LRD206", "in a part that a resume took back"),
        ("nan to the end", "LRD101", "train_loss is nan at step 1500 and non-finite from there to the end"),
    ],
)
def test_what_is_said(name: str, code: str, message: str) -> None:
    assert message in judged(FOUND[name][0])[0][code].message


def test_swings_are_seen_within_two_blocks() -> None:
    seen = judged(FOUND["begins to swing"][0])[0]["LRD207"]
    assert 1200 <= seen.first_step <= 1200 + 2 * N // 50


def test_events_are_early_or_mid_training_by_when_they_happen() -> None:
    early = judged(log(LOSS * from_step(20, 4.0)))[0]["LRD204"]
    late = judged(FOUND["diverges"][0])[0]["LRD204"]
    assert (early.instability, late.instability) == ("early", "mid_training")
    assert judged(FOUND["jump at a resume"][0])[0]["LRD601"].instability == "resume"


def test_a_noisy_fall_does_not_make_two_of_a_blow_up() -> None:
    """Twenty blow-ups that fall slowly and noisily, so that each goes below the limit and above it again."""
    noise = np.exp(np.random.default_rng(1).normal(0, 0.1, 200 * 21))
    step = np.arange(200 * 21)
    height = np.where(step < 200, 0.0, 3 * np.exp(-(step % 200) / 20))
    run = log((0.5 + 2 * np.exp(-step / 60)) * (1 + height) * noise)
    found = [r for r in judge_run(run, Study(name="log", runs=(run,))) if isinstance(r, Finding)]
    assert sorted(f.first_step or 0 for f in found if f.code in ("LRD206", "LRD208")) == list(range(200, 200 * 21, 200))


@pytest.mark.parametrize(
    ("events", "joined"),
    [
        # first and last step, and height; a tail is lower, and not further away than the event is long
        ([(10, 20, 5.0), (23, 24, 1.0)], [(10, 24)]),
        ([(10, 20, 5.0), (23, 24, 1.0), (27, 28, 1.0)], [(10, 28)]),
        ([(10, 20, 5.0), (31, 32, 1.0)], [(10, 20), (31, 32)]),
        ([(10, 20, 5.0), (23, 24, 6.0)], [(10, 20), (23, 24)]),
        # spikes of one point are each one of their own
        ([(10, 10, 5.0), (12, 12, 4.0)], [(10, 10), (12, 12)]),
        ([(23, 24, 1.0), (10, 20, 5.0)], [(10, 24)]),
        ([], []),
    ],
)
def test_the_tail_of_an_event_is_part_of_it(
    events: list[tuple[int, int, float]], joined: list[tuple[int, int]]
) -> None:
    made = [
        Event(
            kind="spike", first_step=first, last_step=last, peak_step=first, height=height, limit=0.5, base=1.0,
            peak=1.0 + height, n_points=last - first + 1,
        )
        for first, last, height in events
    ]  # fmt: skip
    assert [(event.first_step, event.last_step) for event in with_tails(made)] == joined


def test_of_many_spikes_the_costliest_are_listed() -> None:
    pieces = [3 * spike(1000, 3.0, 500, 30 + k) * wobble(1000, k, 0.03) for k in range(30)]
    loss = np.concatenate([language_model(3000), *pieces])
    run = log(loss)
    results = judge_run(run, Study(name="log", runs=(run,)))
    found = [r for r in results if isinstance(r, Finding) and r.code == "LRD206"]
    assert len(found) == 20
    assert found == sorted(found, key=lambda f: f.first_step)
    assert "(one of " in found[0].message
