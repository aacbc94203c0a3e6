"""Rises of trials: what the control explains, and what evaluations confirm or veto."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from synthetic_studies import decay, found, run_of

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run

N, EVERY = 400, 25
T = np.arange(N)
AT = np.arange(EVERY - 1, N, EVERY)
LEVEL = 0.3 + 2.0 * (1 + T / 20) ** -0.9


def untrained(seed: int = 5) -> np.ndarray:
    return np.asarray(2.3 * np.exp(np.random.default_rng(seed).normal(0, 0.1, N)))


def trial(factor: np.ndarray | float, evaluated: np.ndarray | None = None, **more: Any) -> Run:
    """A trial whose loss is that many times a healthy one, evaluated as the second array says, a loss for each step."""
    curves = {} if evaluated is None else {"val_loss": Curve(AT, evaluated[AT])}
    return run_of(decay(N) * factor, curves=curves, **{"control": Curve.of(untrained()), **more})


def rises(run: Run) -> list[tuple[str, str]]:
    return [(f.code, f.severity) for f in found(run) if isinstance(f, Finding) and f.code in ("LRD202", "LRD203")]


def times(factor: float, first: int, end: int = N) -> np.ndarray:
    return np.where((first <= T) & (end > T), factor, 1.0)


STAYED, BACK = ("LRD202", "error"), ("LRD203", "warning")
CASES: dict[str, tuple[Run, list[tuple[str, str]]]] = {
    "healthy": (trial(1.0), []),
    "it stays up": (trial(times(4, 250)), [STAYED]),
    "it comes back": (trial(times(4, 200, 260)), [BACK]),
    # of 30 batches half are above the untrained weights' loss: too restless for a rise, and too long for chance
    "worse than untrained for long": (trial(np.where((T >= 200) & (T < 240) & (T % 3 > 0), 20.0, 1.0)), [BACK]),
    "an overshoot of the first update": (trial(np.where(T == 1, 2.3 * 1.8 / decay(N), 1.0)), []),
    # the control
    "hard batches": (trial(times(4, 200, 260), control=Curve.of(untrained() * times(4, 200, 260))), []),
    "an objective that rises": (trial(times(4, 250), control=Curve.of(untrained() * times(4, 250))), []),
    "four times, where the control rises by a half": (
        trial(times(4, 250), control=Curve.of(untrained() * times(1.5, 250))), [STAYED],
    ),
    "a control that ends before": (trial(times(4, 250), control=Curve.of(untrained()[:100])), [STAYED]),
    "no control": (trial(times(4, 250), control=None), [STAYED]),
    # evaluations within the rise
    "evaluations show it": (trial(times(2, 200, 260), LEVEL * times(2, 200, 260)), [BACK]),
    "evaluations show nothing of it": (trial(times(2, 200, 260), LEVEL), []),
    "evaluations show a tenth of it": (trial(times(2, 200, 260), LEVEL * times(1.1, 200, 260)), []),
    "none was made in it": (trial(times(4, 201, 222), LEVEL), [BACK]),
    "what never came back needs no evaluation": (trial(np.exp(np.maximum(T - 250, 0) / 30), LEVEL), [STAYED]),
    # evaluations alone
    "overfitting": (trial(1.0, LEVEL + np.maximum(T - 200, 0) / 100), []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_rises_of_a_trial(name: str) -> None:
    run, expected = CASES[name]
    assert rises(run) == expected


def wild(first: int, end: int, every: int, seed: int = 0) -> Run:
    """A rise that is lost in wild training losses, with an evaluation every so many updates that shows it."""
    loss = LEVEL * times(1.9, first, end) * np.exp(np.random.default_rng(seed).normal(0, 0.5, N))
    at = np.arange(every - 1, N, every)
    control = Curve.of(2.3 * np.exp(np.random.default_rng(seed + 1).normal(0, 0.1, N)))
    return run_of(loss, curves={"val_loss": Curve(at, (LEVEL * times(1.9, first, end))[at])}, control=control)


@pytest.mark.parametrize(
    ("first", "end", "every", "code", "last", "words"),
    [(240, N, 50, "LRD202", 399, "did not come back"), (190, 230, 40, "LRD203", 199, "came back")],
)
def test_what_evaluations_show_and_the_training_loss_confirms(
    first: int, end: int, every: int, code: str, last: int, words: str
) -> None:
    (seen,) = [f for f in found(wild(first, end, every)) if isinstance(f, Finding) and f.code in ("LRD202", "LRD203")]
    before = first // every * every - 1
    low, high = LEVEL[before], 1.9 * LEVEL[before + every]
    assert seen.code == code
    assert seen.message == (
        f"validation loss rose from {low:.4g} to {high:.4g} at step {before + every}, with the training loss: "
        f"{100 * seen.observed:.0f} % of what had been learned was lost, and {words}"
    )
    assert seen.observed == pytest.approx((high - low) / (2.3 - LEVEL[N - 1]), rel=0.1)
    assert seen.threshold == 0.15
    assert (seen.first_step, seen.last_step) == (before + every, last)
    assert seen.instability == "mid_training"


def test_what_the_training_loss_shows_as_well_is_told_once() -> None:
    both = trial(times(4, 240), LEVEL * times(4, 240))
    assert rises(both) == [STAYED]
