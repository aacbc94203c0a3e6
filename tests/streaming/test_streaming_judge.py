"""A growing run is judged like the log that it becomes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import lrdoctor
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.streaming import StreamEvent, StreamingJudge
from lrdoctor.streaming.judging import GrowingRun, until

Losses = list[float]


def healthy(n: int = 600, noise: float = 0.05) -> Losses:
    random = np.random.default_rng(3)
    return (2.5 * np.exp(-np.arange(n) / 150) * np.exp(noise * random.normal(size=n)) + 0.3).tolist()


def nan_at(at: int) -> Losses:
    return [*healthy()[:at], *[math.nan] * 20]


def spike(at: int, length: int, height: float) -> Losses:
    losses = healthy()
    return [loss * height if at <= step < at + length else loss for step, loss in enumerate(losses)]


def diverges() -> Losses:
    losses = healthy()
    return [*losses[:400], *(losses[400] * math.exp(0.02 * step) for step in range(200))]


RUNS: dict[str, tuple[Losses, str]] = {
    "healthy": (healthy(), "stable"),
    "short": (healthy()[:12], "inconclusive"),
    "nothing learned": (healthy(noise=0.0)[:1] * 300, "inconclusive"),
    "nan": (nan_at(333), "unstable"),
    "nan at once": ([math.nan] * 30, "unstable"),
    "spike that comes back": (spike(300, 40, 4.0), "unstable"),
    "divergence": (diverges(), "unstable"),
    "from below zero": ([loss - 3 for loss in healthy()], "stable"),
}


def fed(losses: Losses, **settings: Any) -> tuple[StreamingJudge, list[StreamEvent]]:
    judge = StreamingJudge("run", **settings)
    events = [event for step, loss in enumerate(losses) for event in judge.add(step, loss)]
    return judge, events


@pytest.mark.parametrize("name", RUNS)
def test_the_last_verdict_is_that_of_diagnose(name: str) -> None:
    losses, verdict = RUNS[name]
    judge, events = fed(losses)
    report = judge.finish()
    whole = lrdoctor.diagnose({"step": range(len(losses)), "train_loss": losses})
    assert report.verdict == whole.verdict == judge.verdict == verdict
    # by their texts: nan equals nothing
    assert [repr(replace(found, run=None)) for found in report.findings] == [
        repr(replace(found, run=None)) for found in whole.findings
    ]
    assert judge.finish() is report
    if verdict == "unstable":
        assert [event.kind for event in events if event.verdict == "unstable"] == ["alarm"]


@pytest.mark.parametrize(
    ("name", "rule", "first_step", "until_step"),
    [("nan", "LRD101", 333, 333), ("spike that comes back", None, 300, 360), ("divergence", None, 400, 490)],
)
def test_an_alarm_says_what_where_and_how_large(name: str, rule: str | None, first_step: int, until_step: int) -> None:
    _, events = fed(RUNS[name][0])
    alarm = next(event for event in events if event.kind == "alarm")
    assert first_step <= alarm.step <= until_step
    assert alarm.first_step == pytest.approx(first_step, abs=25)
    if rule is not None:
        assert alarm.rule == rule
        assert alarm.baseline is None
    else:
        before = float(np.median(RUNS[name][0][first_step - 30 : first_step]))
        assert alarm.baseline == pytest.approx(before, rel=0.2)
        assert isinstance(alarm.size, float)
        assert alarm.size > 1.05
    assert alarm.text.startswith(f"run: UNSTABLE at step {alarm.step}: ")


def test_confirmed_at_the_end() -> None:
    heard: list[StreamEvent] = []
    judge, _ = fed(RUNS["nan"][0], on_event=heard.append)
    judge.finish()
    assert [(event.kind, event.is_final) for event in heard][-2:] == [("alarm", False), ("confirmed", True)]


def test_retracted_when_the_whole_says_otherwise() -> None:
    """As where the log was written anew without the rise."""
    growing = GrowingRun("run", 0.01)
    rise = Run("run", "run", {"train_loss": Curve.of(diverges())}, provenance={"x": "step"})
    calm = Run("run", "run", {"train_loss": Curve.of(healthy())}, provenance={"x": "step"})
    assert [event.kind for event in growing.grow(rise)][-1] == "alarm"
    (event,) = growing.finish(calm)
    assert (event.kind, event.before, event.verdict) == ("retracted", "unstable", "stable")
    assert "alarm retracted, stable at the end" in event.text


@pytest.mark.parametrize("batch", [1, 7, 100, 10_000])
def test_how_many_points_come_at_a_time_decides_nothing(batch: int) -> None:
    def events_of(size: int) -> list[StreamEvent]:
        losses = RUNS["spike that comes back"][0]
        growing = GrowingRun("run", 0.01)
        found = []
        for end in [*range(size, len(losses), size), len(losses)]:
            run = Run("run", "run", {"train_loss": Curve.of(losses[:end])}, provenance={"x": "step"})
            found += growing.grow(run)
        return found

    assert events_of(batch) == events_of(1)


@pytest.mark.parametrize(
    "add",
    [
        lambda judge: judge.add(0, "a word"),
        lambda judge: judge.add(None, 1.0),
        lambda judge: judge.add(0, object(), gradient_norm=1.0),
    ],
)
def test_nothing_is_raised_into_the_training(add: Callable[[Any], object], capsys: pytest.CaptureFixture[str]) -> None:
    judge = StreamingJudge("run")
    assert add(judge) == []
    assert judge.add(1, 1.0) == []
    assert judge.verdict == "inconclusive"
    assert judge.failure
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "the training goes on" in said


def test_nor_what_on_event_raises(capsys: pytest.CaptureFixture[str]) -> None:
    def angry(event: StreamEvent) -> None:
        raise RuntimeError("no")

    judge, events = fed(RUNS["nan"][0], on_event=angry)
    assert [event.kind for event in events] == ["verdict", "alarm"]
    assert judge.failure is None
    assert capsys.readouterr().err == "lrdoctor: on_event of run raised RuntimeError: no\n"


@pytest.mark.parametrize("settings", [{"alpha": 0.0}, {"alpha": 0.5}, {"objective": "maximized"}])
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        StreamingJudge("run", **settings)


def test_a_run_without_a_loss_is_inconclusive() -> None:
    judge = StreamingJudge("run")
    for step in range(30):
        judge.add(step, None, gradient_norm=1.0)
    assert judge.finish().verdict == "inconclusive"


def test_an_objective_whose_rise_is_no_failure() -> None:
    judge, events = fed(diverges(), objective="reinforcement")
    assert judge.finish().verdict == "inconclusive"
    assert events == []


def test_steps_that_come_again_are_a_resume() -> None:
    judge = StreamingJudge("run")
    losses = healthy()
    for step in [*range(300), *range(200, 500)]:
        judge.add(step, losses[step], learning_rate=0.1, val_loss=losses[step] if step % 50 == 0 else None)
    assert judge.finish().verdict == "stable"


def test_the_run_as_its_log_was() -> None:
    run = Run(
        "run",
        "run",
        {"train_loss": Curve.of(healthy()), "val_loss": Curve(np.array([500]), np.array([1.0]))},
        provenance={"said": (("died", 40, "a"), ("died", 90, "b"), ("died", None, "c")), "resumed_at": (30, 70)},
    )
    part = until(run, 50)
    assert list(part.curves) == ["train_loss"]
    assert len(part.train_loss) == 51
    assert part.provenance["said"] == (("died", 40, "a"),)
    assert part.provenance["resumed_at"] == (30,)
    assert part.provenance["last_step"] == 50
