"""A rise counts only where lower rates do not show it as well; a loss that ends above the untrained weights' always."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_studies import Values, codes, decay, run_of, study_of

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run

N = 400
STEP = np.arange(N)


def trial(loss: Values, rate: float, seed: int = 0) -> Run:
    """A trial whose control is flat but for the noise of its batches, 2.3."""
    control = 2.3 * np.exp(np.random.default_rng(99).normal(0, 0.05, N))
    return replace(run_of(loss, f"lr={rate} seed={seed}", rate, seed=seed), control=Curve.of(control))


def with_hump(loss: Values, factor: float, first: int = 200, length: int = 60) -> Values:
    """The loss times a factor over some steps."""
    return np.where((first <= STEP) & (first + length > STEP), factor, 1.0) * loss


def ramped(fast: float, level: float = 20.0) -> Values:
    """A loss whose objective takes it back up to a level over the second half, however low it had come."""
    came_down = 2.3 * np.exp(-fast * STEP)
    share = np.clip((STEP - 150) / 150, 0, 1)
    return np.asarray((came_down + 0.3 + share * level) * np.exp(np.random.default_rng(1).normal(0, 0.03, N)))


@pytest.mark.parametrize(
    ("lower", "expected"),
    [
        ([], ["LRD203"]),
        ([trial(decay(seed=1), 0.01)], ["LRD203"]),
        ([trial(with_hump(decay(seed=1), 5.0), 0.01)], []),
        ([trial(with_hump(decay(seed=1), 1.2), 0.01)], ["LRD203"]),
        ([trial(with_hump(decay(seed=1), 5.0, first=300), 0.01)], ["LRD203"]),
        ([trial(with_hump(decay(seed=1), 5.0), 0.08)], ["LRD203"]),
        ([trial(with_hump(decay(seed=1), 5.0), 0.01, seed=7)], ["LRD203"]),
    ],
    ids=["alone", "calm", "the same", "far less", "elsewhere", "hardly a lower rate", "another seed"],
)
def test_a_rise_that_half_the_rate_shows_in_the_same_steps_is_the_datas(lower: list[Run], expected: list[str]) -> None:
    run = trial(with_hump(decay(), 5.0), 0.1)
    assert codes(run, study_of(*lower, run)) == expected


@pytest.mark.parametrize(
    ("lower", "is_found"),
    [
        ([], True),
        ([trial(ramped(0.002), 0.01)], False),
        ([trial(ramped(0.002, level=0.0), 0.01)], True),
        ([trial(ramped(0.002), 0.01), trial(ramped(0.01, level=0.0), 0.02)], True),
    ],
    ids=["alone", "ends there too", "does not rise", "one of two does not rise"],
)
def test_a_rise_to_where_lower_rates_end_is_the_objectives(lower: list[Run], is_found: bool) -> None:
    run = trial(ramped(0.05), 0.1)
    # untrained weights lose as much from the beginning: the term that grows costs them nothing
    run = replace(run, control=Curve.of(25 * np.exp(np.random.default_rng(2).normal(0, 0.03, N))))
    assert ("LRD202" in codes(run, study_of(*lower, run))) == is_found


@pytest.mark.parametrize(
    ("end", "is_found"), [(0.3, False), (3.0, False), (5.5, True), (1e4, True)], ids=["below", "close", "twice", "far"]
)
def test_a_loss_that_ends_above_the_untrained_weights_is_never_stable(end: float, is_found: bool) -> None:
    noise = np.exp(np.random.default_rng(3).normal(0, 1.5, N))  # so wild that no rise can be told from it
    run = trial(np.linspace(2.3, end, N) * noise / np.median(noise), 0.1)
    found = [code for code in codes(run) if code == "LRD202"]
    assert bool(found) == is_found
