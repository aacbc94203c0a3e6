"""Healthy logs with noise of several tails, as the benchmark makes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.long_healthy import NOISES, is_flagged, log_of
from lrdoctor.core.curve import Curve


@pytest.mark.parametrize("is_added", [False, True])
@pytest.mark.parametrize("noise", NOISES)
def test_a_log_is_made_of_its_seed_and_is_not_flagged(noise: str, is_added: bool) -> None:
    made = [log_of(seed, 1000, noise, is_added=is_added) for seed in (0, 0, 1, 2, 3)]
    assert made[0].train_loss == made[1].train_loss != made[2].train_loss
    assert all(len(run.train_loss.finite) == 1000 for run in made)
    assert not any(map(is_flagged, made))


@pytest.mark.parametrize("noise", NOISES)
def test_the_noises_have_deviation_one(noise: str) -> None:
    values = NOISES[noise](np.random.default_rng(0), 200_000)
    assert values.std() == pytest.approx(1.0, rel=0.1)


def test_a_log_that_blows_up_is_flagged() -> None:
    run = log_of(0, 1000, "t3", is_added=False)
    loss = run.train_loss.value.copy()
    loss[700:] *= 5
    assert is_flagged(replace(run, curves={"train_loss": Curve(run.train_loss.step, loss)}))
