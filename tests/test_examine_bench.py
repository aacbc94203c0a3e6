"""What `treat` takes from the findings of a sweep's runs before it compares a fix with the plain training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Severity
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.examine.bench import measured

SAID: dict[str, Any] = {"name": "", "message": "", "observed": None, "threshold": None}


def run(seed: int) -> Run:
    loss = [2.0 - 0.01 * t for t in range(100)]
    trial = Trial(base_learning_rate=0.1, seed=seed, max_train_steps=100, eval_every=100, optimizer='{"name":"sgd"}')
    curves = {"train_loss": Curve.of(loss), "val_loss": Curve(np.array([99]), np.array([0.25]))}
    return Run(f"seed={seed}", "", curves, trial=trial)


@pytest.mark.parametrize(
    ("severity", "objective", "is_unstable"),
    [("error", math.inf, True), ("warning", 0.25, True), ("info", 0.25, False)],
)
def test_a_seed_with_a_warning_counts_against_a_rate(severity: Severity, objective: float, is_unstable: bool) -> None:
    """A rise that ended leaves the seed's loss as it is, and is an instability all the same."""
    of_a_seed = Finding(code="LRD203", severity=severity, instability="mid_training", run="seed=1", **SAID)
    of_the_study = Finding(code="LRD401", severity="error", instability="edge", **SAID)
    found = measured(Study(name="made up", runs=(run(0), run(1)), objective="best_val_loss"), [of_a_seed, of_the_study])
    assert found.objectives == {0.1: {0: 0.25, 1: objective}}
    assert found.unstable == {0.1: frozenset({1} if is_unstable else ())}
