"""Which steps of a run are early: of one that went its way, of one that broke off, and of a trial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial
from lrdoctor.measures import early

NAN = float("nan")


def log(n: int, *, ramp: int = 0, last: float = 1.0, norm: float | None = None, **more: Any) -> Run:
    """A log of n steps whose loss ends so; its learning rate reaches its peak at step `ramp`, where there is one."""
    curves = {"train_loss": Curve.of([*np.linspace(3, 1, n - 1), last])}
    if ramp:
        curves["learning_rate"] = Curve.of(np.minimum(np.arange(1, n + 1) / (ramp + 1), 1.0))
    if norm is not None:
        curves["grad_norm"] = Curve.of([*np.ones(n - 1), norm])
    return Run("train", "train.csv", curves, **more)


TRIAL = Trial(base_learning_rate=0.1, seed=0, max_train_steps=1000, eval_every=100, optimizer='{"name":"sgd"}')


@pytest.mark.parametrize(
    ("run", "until"),
    [
        (log(100), 25),
        (log(1000), 100),
        (log(6000), 500),
        (log(20_000), 1000),
        (log(6000, ramp=200), 700),
        # what broke off was meant to go on
        (log(1000, last=NAN), 501),
        (log(1000, norm=float("inf")), 501),
        (log(20_000, last=NAN), 1001),
        (log(6000, ramp=1000, last=NAN), 3001),
        (log(1000, last=NAN, provenance={"x": "epoch"}), 51),
        # of a trial it is known how long it was meant to be
        (log(1000, last=NAN, trial=TRIAL), 100),
    ],
)
def test_the_first_step_that_is_not_early(run: Run, until: int) -> None:
    assert early.until(run) == until
