from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.sections import Peak
from lrdoctor.core.trial import Trial
from lrdoctor.procedures.probe import Settings, probe_trial, probed_rate, reading

BASELINE = Trial(
    base_learning_rate=0.2, seed=3, max_train_steps=1000, eval_every=50, optimizer='{"name":"sgd"}', warmup_steps=10
)
SETTINGS = Settings()
QUIET = [2.0 * 0.99**t for t in range(100)]
BLOWN_UP = [2.0, 3.0, 9.0, 30.0, 5.0, *QUIET[5:]]


def run(train: list[float], val: list[float] | None = None, **changes: Any) -> Run:
    trial = replace(BASELINE, warmup_steps=0, stop_after=len(train), **changes.pop("trial", {}))
    curves = {"train_loss": Curve.of(train)} | ({} if val is None else {"val_loss": Curve.of(val)})
    return Run("one", "one/steps.csv", curves, trial=trial, **changes)


@pytest.mark.parametrize(
    ("steps", "stop_after", "n_steps"), [(500, 510, 510), (999, 1009, 1009), (1000, None, 1010), (5000, None, 1010)]
)
def test_the_trial_is_the_first_part_of_the_training(steps: int, stop_after: int | None, n_steps: int) -> None:
    trial = probe_trial(BASELINE, Settings(steps=steps))
    unchanged = {"procedure": "sweep", "eval_every": 50, "eval_examples": None, "stop_after": None}
    assert replace(trial, **unchanged) == BASELINE
    assert (trial.stop_after, trial.n_steps, trial.eval_every) == (stop_after, n_steps, 1)
    assert trial.eval_examples == SETTINGS.eval_examples


@pytest.mark.parametrize(("best", "factor", "rate"), [(0.1, 2.0, 0.2), (0.0021544, 2.0, 0.004309), (0.3, 1.0, 0.3)])
def test_the_rate_is_a_rounded_multiple_of_the_best(best: float, factor: float, rate: float) -> None:
    assert probed_rate(best, Settings(factor=factor)) == rate


@pytest.mark.parametrize(
    ("one", "eval_every", "peaks", "blew_up", "shown"),
    [
        (run(QUIET, QUIET), 50, (0, 0, 49, 49), False, False),
        (run(BLOWN_UP, BLOWN_UP), 50, (3, 3, 49, 49), True, False),
        (run(BLOWN_UP, BLOWN_UP), 4, (3, 3, 3, 3), True, True),
        (run(QUIET, BLOWN_UP), 50, (0, 3, 49, 49), True, False),
        (run(QUIET, QUIET), 200, (0, 0, None, None), False, False),
        (run(BLOWN_UP, BLOWN_UP, status="truncated"), 50, (3, 3, 49, 49), True, True),
        (run([2.0, 1.9, math.nan], [1.9, 1.8], status="diverged"), 50, (2, 0, None, None), True, True),
        (run([-2.0, -1.0, -0.5]), 3, (2, None, 2, None), False, False),
        (run([-2.0, 1.0, -0.5]), 3, (1, None, 2, None), True, False),
        (run(QUIET, QUIET, trial={"max_train_steps": 100}), 30, (0, 0, 29, 29), False, False),
    ],
)
def test_what_every_step_shows_and_what_the_schedule_does(
    one: Run, eval_every: int, peaks: tuple[int | None, ...], blew_up: bool, shown: bool
) -> None:
    read = reading(one, eval_every, SETTINGS)
    found = (read.train_peak, read.val_peak, read.train_seen, read.val_seen)
    assert tuple(None if peak is None else peak.step for peak in found) == peaks
    assert (read.blew_up, read.shown, read.is_hidden) == (blew_up, shown, blew_up and not shown)


def test_the_last_step_of_the_schedule_is_evaluated() -> None:
    last = {"max_train_steps": 100}
    assert reading(run(QUIET[::-1], trial=last), 30, SETTINGS).train_seen == Peak(99, 2.0)
    assert reading(run(QUIET[::-1]), 30, SETTINGS).train_seen == Peak(89, QUIET[10])


def test_without_validation_the_training_loss_is_read() -> None:
    read = reading(run(BLOWN_UP), 50, SETTINGS)
    assert (read.peak, read.seen) == (Peak(3, 30.0), Peak(49, QUIET[49]))
