"""Where a trial does worse than the untrained weights on the same batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lrdoctor.core.curve import Curve, Values
from lrdoctor.measures.control import pair
from lrdoctor.measures.untrained import BlowUp, blow_up

N, EARLY = 300, 30
T = np.arange(N)
FALLING = 0.3 + 2.0 * np.exp(-T / 60)


def found(loss: Values, untrained: Values, until: int | None = EARLY, constant: float | None = None) -> BlowUp | None:
    paired = pair(Curve.of(loss), Curve.of(untrained))
    assert paired is not None
    return blow_up(paired, until, constant)


def noisy(level: Values | float, sd: float = 0.1, seed: int = 0) -> Values:
    return np.asarray(level * np.exp(np.random.default_rng(seed).normal(0, sd, N)))


def times(factor: float, first: int, end: int) -> Values:
    return np.where((first <= T) & (end > T), factor, 1.0)


CALM = noisy(2.3, seed=1)
CASES: dict[str, tuple[Values, Values, tuple[int, int] | None]] = {
    "healthy": (noisy(FALLING), CALM, None),
    "one batch, four times the untrained loss": (noisy(FALLING) * times(4.6, 5, 6), CALM, (5, 5)),
    "one batch, less than twice": (noisy(FALLING) * times(1.9, 5, 6), CALM, None),
    "one batch beyond the early window": (noisy(FALLING) * times(40, 100, 101), CALM, None),
    "five batches, twice": (noisy(FALLING) * times(2.6, 4, 9), CALM, (4, 8)),
    "five batches, a third more": (noisy(FALLING, 0.02) * times(1.4, 4, 9), CALM, None),
    "it lasts to the end": (np.where(T < 3, 2.3, 9.0) * noisy(1.0), CALM, (3, N - 1)),
    "a tenth above all along": (noisy(2.53), CALM, None),
    "late and lasting": (noisy(FALLING) * times(40, 150, 170), CALM, (150, 169)),
    "high, but not above the untrained": (noisy(np.where(T < 20, 2.3, FALLING)), CALM, None),
    "a hard batch": (noisy(FALLING) * times(8, 5, 6), CALM * times(8, 5, 6), None),
    "a batch no harder than another one of the untrained weights": (
        noisy(FALLING) * times(4.6, 5, 6),
        CALM * times(6, 200, 201),
        None,
    ),
    "batches in a row that come by chance in the untrained weights too": (
        noisy(FALLING) * times(2.6, 4, 9),
        CALM * times(2.6, 200, 205),
        None,
    ),
    "a stretch of hard batches": (noisy(FALLING) * times(8, 5, 15), CALM * times(8, 5, 15), None),
    "an objective that rises by itself": (noisy(FALLING) * (1 + T / 20), CALM * (1 + T / 20), None),
    "a blow-up among hard batches": (
        noisy(FALLING) * times(40, 8, 12) * times(2, 5, 20),
        CALM * times(2, 5, 20),
        (8, 11),
    ),
}


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", CASES)
def test_blow_ups_of_positive_losses(name: str, scale: float) -> None:
    loss, untrained, stretch = CASES[name]
    seen = found(scale * loss, scale * untrained)
    if stretch is None:
        assert seen is None
        return
    assert seen is not None
    assert (seen.first_step, seen.last_step) == pytest.approx(stretch, abs=1)
    assert stretch[0] <= seen.peak_step <= stretch[1]
    assert seen.peak == pytest.approx(scale * loss[seen.peak_step])
    assert seen.untrained == pytest.approx(scale * 2.3, rel=1.2)
    assert seen.observed > seen.limit


def test_the_figures_are_ratios() -> None:
    seen = found(np.where(T == 5, 23.0, FALLING), np.full(N, 2.3))
    assert seen is not None
    assert (seen.n_points, seen.peak, seen.untrained) == (1, 23.0, 2.3)
    assert np.exp([seen.observed, seen.limit]) == pytest.approx([10, 2])


# Fine-tuning: the weights know much already, and what a loss is worth is told by the best constant prediction.


@pytest.mark.parametrize(
    ("peak", "constant", "is_seen"),
    [
        (0.2, 2.3, False),  # twenty times as little as nothing: it knew nearly all and knows nearly all
        (0.4, 2.3, False),
        (2.0, 2.3, True),  # thrown back to what needs no learning
        (0.2, None, True),  # nobody knows what a loss of 0.2 is worth
    ],
)
def test_weights_that_know_much_may_lose_a_little(peak: float, constant: float | None, is_seen: bool) -> None:
    loss = np.where((T >= 3) & (T < 12), peak, 0.05) * noisy(1.0)
    assert (found(loss, noisy(0.06, seed=1), constant=constant) is not None) is is_seen


def test_a_fine_tuning_that_is_healthy_is_none() -> None:
    assert found(noisy(0.06 * np.exp(-T / 100)), noisy(0.06, seed=1), constant=2.3) is None


@pytest.mark.parametrize(("peak", "is_seen"), [(0.72, False), (1.2, False), (1.6, True)])
def test_weights_that_begin_at_zero_show_no_noise(peak: float, is_seen: bool) -> None:
    """They lose log 2 on every batch, so that the limits stay as they are: twice, once."""
    loss = noisy(0.69 * np.exp(-T / 100), 0.2)
    loss[0], loss[4] = 0.69, peak
    assert (found(loss, np.full(N, 0.69)) is not None) is is_seen


NEGATIVE: dict[str, tuple[Values, bool]] = {
    "healthy": (-2 - T / 100, False),
    "up by less than half of the way": (-2 - T / 100 + np.where((T > 3) & (T < 9), 1.2, 0), False),
    "up by the whole way": (-2 - T / 100 + np.where((T > 3) & (T < 9), 3.5, 0), True),
    "one batch, by less than the whole way": (-2 - T / 100 + np.where(T == 5, 2.5, 0), False),
    "one batch, by twice the way": (-2 - T / 100 + np.where(T == 5, 6.0, 0), True),
    "it learns nothing": (np.full(N, -2.0), False),
}


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("name", NEGATIVE)
def test_losses_of_any_sign_are_measured_by_the_way_down(name: str, scale: float) -> None:
    loss, is_seen = NEGATIVE[name]
    rng = np.random.default_rng(0)
    untrained, own = (rng.normal(0, 0.05, N) for _ in range(2))
    assert (found(scale * (loss + own), scale * (-2 + untrained)) is not None) is is_seen


@pytest.mark.parametrize("loss", [[1.0, 2.0], [-1.0, 0.0, 0.0, 0.0], [0.0] * 50])
def test_what_gives_no_measure_is_none(loss: list[float]) -> None:
    paired = pair(Curve.of(loss), Curve.of([loss[0]] * len(loss)))
    assert paired is not None
    assert blow_up(paired, 25) is None


DRAWS: dict[str, Callable[[Any, int], Values]] = {
    "normal": lambda rng, n: 1 + 0.2 * rng.normal(size=n).clip(-4, 4),
    "log-normal": lambda rng, n: rng.lognormal(0, 0.8, n),
    "Student t": lambda rng, n: np.exp(0.2 * rng.standard_t(3, n)),
}


@pytest.mark.parametrize("learns", [True, False], ids=["it learns", "it learns nothing"])
@pytest.mark.parametrize("left", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("name", DRAWS)
def test_healthy_pairs_are_silent(name: str, left: float, learns: bool) -> None:
    """At most 1.5 % of 300. At first the batches that are hard for the untrained weights are hard for the trial; in the
    end all of that is left, half of it, or nothing, and what it finds hard instead is as wild."""
    share = left + (1 - left) * np.exp(-T / 60)
    n_flagged = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        hard, other = (np.log(DRAWS[name](rng, N)) for _ in range(2))
        level = FALLING if learns else np.full(N, 2.3)
        seen = found(level * np.exp(share * hard + (1 - share) * other), 2.3 * np.exp(hard))
        n_flagged += seen is not None and seen.first_step < EARLY
    assert n_flagged <= 4


@pytest.mark.parametrize("name", ["normal", "log-normal"])
def test_so_are_pairs_that_share_nothing_from_the_first_step_on(name: str) -> None:
    n_flagged = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        hard, other = (np.log(DRAWS[name](rng, N)) for _ in range(2))
        n_flagged += found(FALLING * np.exp(other), 2.3 * np.exp(hard)) is not None
    assert n_flagged <= 4
