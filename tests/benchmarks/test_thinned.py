"""Logs of which every k-th point is left."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.indexed_logs import Log
from benchmarks.thinned import points_left, thinned
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run


def test_every_curve_keeps_the_points_that_the_loss_keeps() -> None:
    steps = 10 * np.arange(100)
    curves = {
        "train_loss": Curve(steps, np.linspace(3, 2, 100)),
        "grad_norm": Curve(steps, np.ones(100)),
        "val_loss": Curve(np.array([5, 455]), np.array([3.0, 2.5])),
    }
    left = thinned(Run("run", "log.csv", curves, provenance={"x": "step", "step_gap": 10}), 5, 2)
    assert left.train_loss.step.tolist() == left.grad_norm.step.tolist() == list(range(20, 1000, 50))
    assert left.val_loss.step.tolist() == [5, 455]
    assert (left.provenance["x"], left.provenance["step_gap"]) == ("step", 50)


def _with_spike(points: int) -> Log:
    values = np.linspace(4.0, 2.0, 400)
    values[210 : 210 + points] += 20.0  # from the start of a block
    return Log("log", "spike", (), runs=(Run("run", "log.csv", {"train_loss": Curve(np.arange(400), values)}),))


@pytest.mark.parametrize(
    ("points", "factor", "begin", "left"),
    [(40, 2, 0, 20), (40, 5, 3, 8), (40, 20, 15, 2), (12, 20, 5, 0), (12, 20, 15, 1)],
)
def test_the_points_left_of_a_spike_are_counted(points: int, factor: int, begin: int, left: int) -> None:
    assert points_left(_with_spike(points), factor, begin) == left
