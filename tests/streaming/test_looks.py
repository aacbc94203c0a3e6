"""When a growing curve is looked at, and what each look may risk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest

from lrdoctor.streaming.looks import THRESHOLDS, Excess, Looks, spent


def lengths(losses: Sequence[float], norms: Sequence[float] | None = None) -> Iterator[int]:
    """The lengths at which a curve is looked at."""
    looks = Looks()
    for n, loss in enumerate(losses, start=1):
        if looks.due(loss, None if norms is None else norms[n - 1]):
            yield n


def falling(n: int) -> list[float]:
    return [2.0 / (1 + step / 50) for step in range(n)]


def test_lengths_grow_by_a_factor() -> None:
    found = list(lengths(falling(1000)))
    assert found[:5] == [20, 25, 31, 38, 47]
    assert all(later / earlier <= THRESHOLDS.factor for earlier, later in pairwise(found))


@pytest.mark.parametrize("n", [1000, 10_000, 100_000])
def test_all_looks_together_cost_a_fixed_number_of_reads_a_point(n: int) -> None:
    """However wild the values are: white noise that grows makes records all the time."""
    random = np.random.default_rng(0)
    wild = np.exp(random.normal(size=n) * np.linspace(0, 50, n)).tolist()
    once = THRESHOLDS.factor / (THRESHOLDS.factor - 1)
    assert sum(lengths(falling(n))) <= (once + 1) * n
    assert sum(lengths(wild)) <= (once + 1) * n * (1 + THRESHOLDS.between)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [0, 3, 500])
def test_the_first_loss_that_is_not_finite_is_looked_at_at_once(bad: float, at: int) -> None:
    losses = falling(600)
    losses[at:] = [bad] * (600 - at)
    found = set(lengths(losses))
    assert at + 1 in found
    assert at + 2 not in found - {20}, "and no further one is"


def test_so_is_the_first_such_gradient_norm() -> None:
    assert 151 in lengths(falling(200), [1.0] * 150 + [math.inf] * 50)


@pytest.mark.parametrize(("height", "within"), [(60.0, 1), (2.0, 8), (1.3, 14)])
def test_what_jumps_up_is_looked_at_soon(height: float, within: int) -> None:
    random = np.random.default_rng(1)
    losses = np.array(falling(3000)) * np.exp(0.02 * random.normal(size=3000))
    losses[2500:] *= height * (losses.max() / losses[2500] if height > 10 else 1)
    regular = set(lengths((losses[:2500]).tolist()))
    assert any(2500 < n <= 2500 + within for n in set(lengths(losses.tolist())) - regular)


def test_an_odd_batch_is_looked_at_when_it_has_another_side() -> None:
    """A look at the odd value itself would take it for a rise that stays."""
    losses = falling(3000)
    losses[2500] *= 4
    extra = [n for n in lengths(losses) if 2500 < n < 2520]
    assert extra == [2501 + THRESHOLDS.settles]


def test_a_slow_drift_is_seen_at_a_later_scale() -> None:
    excess = Excess()
    random = np.random.default_rng(2)
    quiet = [excess.add(value) for value in 1 + 0.1 * random.normal(size=2000)]
    drift = [excess.add(value) for value in 1 + 0.1 * random.normal(size=2000) + np.linspace(0, 0.4, 2000)]
    assert sum(quiet) < 10
    assert any(drift)


@pytest.mark.parametrize("values", [[0.0] * 100, [1e308, -1e308] * 50, [5.0], [-1.0, -2.0, -3.0] * 20])
def test_any_finite_values_are_taken(values: list[float]) -> None:
    excess = Excess()
    for value in values:
        excess.add(value)


def test_points_without_a_loss_do_not_count() -> None:
    looks = Looks()
    assert not any(looks.due(None, None) for _ in range(100))
    assert looks.n == 0


def test_the_risks_of_all_looks_add_up_to_alpha() -> None:
    risks = [spent(look, 0.01) for look in range(1, 10_000)]
    assert sum(risks) < 0.01
    assert sum(risks) == pytest.approx(0.01, rel=1e-3)
    assert risks == sorted(risks, reverse=True)


def test_an_enormous_rise_is_looked_at_however_short_the_log_is() -> None:
    """When it has another side: a log of a dozen points would have ended before the first look of its own."""
    losses = [0.6, 0.6, 0.58, *[15.0] * 9]
    assert list(lengths(losses)) == [4 + THRESHOLDS.settles]
