from __future__ import annotations

from typing import Any

import pytest

from lrdoctor.assess import judge_against, judge_each
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial


def run(rate: float, loss: list[float], n_steps: int | None = None, **changes: Any) -> Run:
    trial = Trial(
        base_learning_rate=rate,
        seed=0,
        max_train_steps=n_steps or len(loss),
        eval_every=10,
        optimizer='{"name":"sgd"}',
    )
    untrained = Curve.of([2.5] * len(loss))
    return Run(f"lr={rate:g}", "x", {"train_loss": Curve.of(loss)}, trial=trial, control=untrained, **changes)


STUCK = [2.5, 2.4, *[2.0] * 98]
LATE = [2.5] * 120 + [2.5 - 0.03 * t for t in range(80)]
"""Begins to learn only after a hundred steps."""


@pytest.mark.parametrize(
    ("reference", "codes"),
    [
        ([2.5 - 0.02 * t for t in range(100)], {"LRD301"}),
        (LATE, set()),  # within as many steps it was no better
    ],
)
def test_a_short_trial_is_compared_with_the_beginning_of_a_long_one(reference: list[float], codes: set[str]) -> None:
    findings, _ = judge_against([run(0.5, STUCK)], [run(0.1, reference)])
    assert {f.code for f in findings} == codes


def test_the_trials_are_not_compared_with_each_other() -> None:
    findings, skipped = judge_against([run(0.1, [2.5 - 0.02 * t for t in range(100)]), run(0.5, STUCK)], [])
    assert findings == ()
    assert {s.run for s in skipped if s.code == "LRD301"} == {"lr=0.1", "lr=0.5"}


FALLING = [2.5 - 0.02 * t for t in range(100)]


@pytest.mark.parametrize("n", [10, 20])
def test_a_reference_is_cut_once_for_all_trials_of_a_length(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that is counted: with as many trials as references it is their number, not its square."""
    cut: list[int] = []
    whole = Curve.before

    def counted(curve: Curve, step: int) -> Curve:
        cut.append(step)
        return whole(curve, step)

    monkeypatch.setattr(Curve, "before", counted)
    references = [run(0.1 / (i + 1), LATE) for i in range(n)]
    judged = judge_each([run(0.5 * (i + 1), STUCK) for i in range(n)], references)
    assert (len(judged), cut) == (n, [100] * n)


def test_a_trial_may_be_one_of_its_references() -> None:
    same = run(0.5, STUCK)
    beside = judge_each([same], [same, run(0.1, FALLING)], beside_itself=False)
    assert beside == judge_each([same], [run(0.1, FALLING)])
    assert {f.code for f in beside[same.name][0]} == {"LRD301"}
