"""The level at which a trial ends, and whether it learned anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lrdoctor.core.curve import EMPTY, Curve, Values
from lrdoctor.core.run import Run
from lrdoctor.measures import level

N = 400
T = np.arange(N)


def noise(sd: float = 0.1, seed: int = 0, n: int = N) -> Values:
    return np.random.default_rng(seed).normal(0, sd, n)


def test_figures_of_a_level() -> None:
    ends = level.measure(Curve.of(10 - 0.01 * T))
    assert ends is not None
    assert ends.mean == pytest.approx(10 - 0.01 * 379.5)
    assert ends.fallen == pytest.approx(1.0)  # from one quarter to the next
    flat = level.measure(Curve.of(2 + noise()))
    assert flat is not None
    assert flat.mean == pytest.approx(2, abs=0.05)
    assert flat.error == pytest.approx(0.1 / np.sqrt(40), rel=0.3)
    assert abs(flat.fallen) < 4 * flat.fallen_error


def test_odd_points_do_not_make_a_slope() -> None:
    loss = 2 + noise()
    loss[150:155] = 50.0  # an odd stretch in the third quarter
    loss[210:215] = 50.0
    ends = level.measure(Curve.of(loss))
    assert ends is not None
    assert abs(ends.fallen) < 0.05


@pytest.mark.parametrize(
    ("loss", "is_known"),
    [([], False), ([1.0] * 11, False), ([1.0] * 12, True), ([np.nan] * 9 + [1.0] * 11, False), ([1e308] * 40, True)],
)
def test_a_level_takes_twelve_finite_points(loss: list[float], is_known: bool) -> None:
    ends = level.measure(Curve.of(loss))
    assert (ends is not None) is is_known
    assert ends is None or np.isfinite(ends.mean)


def trial(loss: Values, untrained: Values | None, status: Any = "completed", **known: Any) -> Run:
    curve = None if untrained is None else Curve.of(untrained)
    return Run("run", "steps.csv", {"train_loss": Curve.of(loss)}, status=status, control=curve, provenance=known)


CONTROL = 2.3 + noise(0.1, seed=1)
WILD = np.random.default_rng(3).lognormal(0, 1.5, N)
"""Losses of batches with heavy tails: the highest is hundreds of times the middle one."""
AT = [int(step) for step in range(360, N, 4)]

LEARNED: dict[str, tuple[Run, bool | None]] = {
    "it learns": (trial(2.3 * np.exp(-T / 200) + noise(), CONTROL), True),
    "a tenth less": (trial(2.07 + noise(), CONTROL), True),
    "noise alone": (trial(2.3 + noise(), CONTROL), False),
    "certain, but a trifle": (trial(CONTROL - 0.005, CONTROL), False),
    "higher": (trial(2.6 + noise(), CONTROL), False),
    "it learned and forgot": (trial(np.where(T < 300, 0.5, 2.4) + noise(), CONTROL), False),
    "heavy tails, a third less on every batch": (trial(WILD * np.exp(-0.4 * (T > 100)), WILD), True),
    "heavy tails, nothing": (trial(WILD * np.exp(noise(0.3)), WILD), False),
    "fine-tuning": (trial(0.05 * np.exp(noise()), 0.06 * np.exp(noise(seed=1))), True),
    "negative": (trial(-3 + noise(), -1 + noise(seed=1)), True),
    "negative, nothing": (trial(-1 + noise(), -1 + noise(seed=1)), False),
    # what a constant prediction loses on the same batches, at steps of the end
    "below the untrained weights, no lower than a constant": (
        trial(1.0 + noise(), CONTROL, constant_losses=[[step, 1.0] for step in AT]), False,
    ),
    "below both": (
        trial(0.5 + noise(), CONTROL, constant_losses=[[step, 1.0] for step in AT]), True,
    ),
    "two batches of the constant are too few to tell": (
        trial(1.5 + noise(), CONTROL, constant_losses=[[398, 1.0], [399, 1.0]]), True,
    ),
    # unknown, and not ended
    "no control": (trial(0.5 + noise(), None), None),
    "a control of other steps": (trial(0.5 + noise(), CONTROL[:8]), None),
    "eleven steps": (trial(np.full(11, 0.5), CONTROL), None),
    "nan": (trial(np.full(N, np.nan), CONTROL), None),
    "diverged": (trial(0.5 + noise(), CONTROL, "diverged"), False),
    "stopped": (trial(0.5 + noise(), CONTROL, "truncated"), False),
}  # fmt: skip


@pytest.mark.parametrize("name", LEARNED)
def test_whether_a_trial_learned(name: str) -> None:
    run, expected = LEARNED[name]
    assert level.learned(run) is expected


def test_a_run_without_a_loss_is_unknown() -> None:
    assert level.learned(Run("run", "x", {"train_loss": EMPTY}, control=Curve.of(CONTROL))) is None


def test_noise_is_taken_for_learning_in_few_cases() -> None:
    """Three standard errors, in the mean or in the ratios: at most 1 of 100."""
    n_learned = sum(level.is_below(2 + noise(0.2, seed, 40), 2 + noise(0.2, seed + 1000, 40)) for seed in range(300))
    assert n_learned <= 3


@pytest.mark.parametrize(
    ("losses", "others", "expected"),
    [
        ([0.9, 0.9, 0.9], [1.0, 1.0, 1.0], True),
        ([0.995, 0.995, 0.995], [1.0, 1.0, 1.0], False),  # half a per cent
        ([0.9], [1.0], False),  # a single batch has no spread
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], False),
        ([0.0, 0.0, 0.0], [1.0, 2.0, 1.5], True),
    ],
)
def test_below(losses: list[float], others: list[float], expected: bool) -> None:
    assert level.is_below(np.array(losses), np.array(others)) is expected
