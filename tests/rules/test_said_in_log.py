from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.measures.view import View
from lrdoctor.rules.said_in_log import check

STEP = np.arange(0, 2000, 10)
LOSS = Curve(STEP, np.linspace(2.0, 1.0, len(STEP)))


def found(*said: tuple[str, int | None, str], **curves: Curve) -> list[tuple[int | None, str]]:
    run = Run("a", "a.log", {"train_loss": LOSS, **curves}, provenance={"said": said})
    return [(finding.first_step, finding.severity) for finding in check(View(run, 0.01))]


FATAL = {
    "died at the end": ([("died", 1993, "Loss is nan, stopping")], [(1993, "error")]),
    "died at no known step": ([("died", None, "Loss is nan, stopping")], [(None, "error")]),
    "died, and went on": ([("died", 500, "Loss is nan, stopping")], []),
    "the loss scale": ([("loss_scale", 1990, "Minimum loss scale reached")], [(1990, "error")]),
    "not finite at the end": ([("non_finite", 1990, "found NaN in")], [(1990, "error")]),
    "not finite once, and went on": ([("non_finite", 500, "found NaN in")], []),
    "out of memory": ([("out_of_memory", 1990, "CUDA out of memory")], []),
    "nothing": ([], []),
}


@pytest.mark.parametrize("name", FATAL)
def test_what_ends_a_training(name: str) -> None:
    said, expected = FATAL[name]
    assert found(*said) == expected


def skipped(steps: np.ndarray) -> list[tuple[str, int | None, str]]:  # type: ignore[type-arg]
    return [("skipped", int(step), "Gradient overflow. Skipping step") for step in steps]


SKIPPED = {
    "every step from 1200 on": (np.arange(1200, 2000), [(1200, "error")]),
    "one sentence a point": (np.arange(1200, 2000, 10), [(1200, "error")]),
    "many behind the last point": (np.full(60, 1990), [(1990, "error")]),
    "a scaler that finds its scale": (np.arange(16), []),
    "now and then": (np.arange(0, 2000, 100), []),
}


@pytest.mark.parametrize("name", SKIPPED)
def test_updates_that_are_skipped(name: str) -> None:
    steps, expected = SKIPPED[name]
    assert found(*skipped(steps)) == expected


def test_a_point_every_two_thousand_steps_and_a_scaler_at_work() -> None:
    step = np.arange(0, 400_000, 2000)
    run = Run("a", "a", {"train_loss": Curve(step, LOSS.value)}, provenance={"said": skipped(step)})
    assert list(check(View(run, 0.01))) == []


@pytest.mark.parametrize("total", [False, True])
@pytest.mark.parametrize(("each", "expected"), [(8.0, [(1000, "error")]), (0.1, [])])
def test_a_column_that_counts_skipped_iterations(total: bool, each: float, expected: list[tuple[int, str]]) -> None:
    value = np.where(STEP >= 1000, each, 0.0)
    curve = Curve(STEP, np.cumsum(value) if total else value)
    assert found(**{"number of skipped iterations": curve}) == expected
