"""Logs of which every k-th point is left."""

from __future__ import annotations

import numpy as np

from benchmarks.thinned import thinned
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
