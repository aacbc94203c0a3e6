"""Rises that somebody made on purpose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from log_curves import falling

from lrdoctor.core.curve import EMPTY, Curve
from lrdoctor.measures.events import Event, Kind
from lrdoctor.measures.restarts import Restart, find_restart, rate_jumps
from lrdoctor.measures.units import measure

N = 1000
NO_JUMPS = np.zeros(0, dtype=np.int64)


def event(first: int, peak: int, kind: Kind = "spike") -> Event:
    return Event(
        kind=kind, first_step=first, last_step=peak + 50, peak_step=peak, height=1.0, limit=0.3, base=1.0, peak=3.0,
        n_points=50,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([], []),
        ([0.1], []),
        ([0.1, 0.2], []),
        ([0.0, 0.1, 0.2, 0.3], []),  # a warmup
        ([0.001, 0.01, 0.1, 0.1], []),  # a steep one
        ([0.3, 0.2, 0.1, 0.3, 0.2], [3]),
        ([0.3, 0.1, 0.3, 0.1, 0.3], [2, 4]),
        ([0.3, 0.1, 0.9], [2]),
        ([0.3, 0.2, 0.29], []),  # by less than half
        ([0.3, 0.0, 0.3], []),  # a rate of 0 is a pause
        ([0.3, np.nan, 0.1, 0.3], [3]),
        ([0.1] * 50, []),
        ([1e300, 1e-300, 1e300], [2]),
    ],
)
def test_jumps_of_the_learning_rate(rates: list[float], expected: list[int]) -> None:
    assert rate_jumps(Curve.of(rates)).tolist() == expected


def test_no_rates_at_all() -> None:
    assert rate_jumps(EMPTY).tolist() == []


@pytest.mark.parametrize(
    ("jump", "kind", "is_restart"),
    [
        (500, "spike", True),
        (500, "early", True),
        (490, "spike", True),  # the 2 % of the run before it
        (470, "spike", False),
        (520, "spike", True),  # between its beginning and its peak
        (521, "spike", False),
        (500, "level_shift", False),
        (500, "divergence", False),
        (500, "outlier", False),
    ],
)
def test_a_rise_after_a_jump(jump: int, kind: Kind, is_restart: bool) -> None:
    loss = Curve.of(np.linspace(1, 0.99, N))
    found = find_restart(event(500, 520, kind), loss, measure(loss.value), np.array([jump]), 1)
    assert found == (Restart("learning rate", jump) if is_restart else None)


def test_the_nearest_jump_is_named() -> None:
    loss = Curve.of(np.linspace(1, 0.99, N))
    found = find_restart(event(500, 520), loss, measure(loss.value), np.array([10, 490, 500, 800]), 1)
    assert found == Restart("learning rate", 500)


def again(at: int = 500, factor: float = 1.0, noise: float = 0.02) -> Curve:
    """A run of which everything begins again at a step."""
    start = falling(2 * N, noise)[:at]
    return Curve.of(np.concatenate([start, factor * falling(2 * N, noise, seed=1)[: N - at]]))


@pytest.mark.parametrize("at", [100, 500, 900])
@pytest.mark.parametrize("kind", ["spike", "early", "level_shift"])
def test_a_training_that_starts_again(at: int, kind: Kind) -> None:
    loss = again(at)
    found = find_restart(event(at, at, kind), loss, measure(loss.value), NO_JUMPS, 1)
    assert found == Restart("training", at)


@pytest.mark.parametrize(
    ("loss", "what"),
    [
        (again(500, factor=0.5), "half as high"),
        (again(500, factor=2.0), "twice as high"),
        (again(10), "few points before"),
        (again(990), "few points after"),
        (Curve.of(np.full(N, 2.0)), "constant"),
        (Curve.of(np.repeat([1.0, 3.0], N // 2)), "a step"),
        (Curve.of([1.0]), "one point"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_restart(loss: Curve, what: str) -> None:
    at = {"few points before": 10, "few points after": 990, "one point": 0}.get(what, 500)
    assert find_restart(event(at, at), loss, measure(loss.value), NO_JUMPS, 1) is None


@pytest.mark.parametrize("end", [520, 600, 700])
def test_a_loss_that_jumps_to_where_it_began_stays_and_comes_back_at_once_is_no_restart(end: int) -> None:
    value = falling(N)
    value[500:end] = 5.0
    loss = Curve.of(value)
    assert find_restart(event(500, 500), loss, measure(value), NO_JUMPS, 1) is None


@pytest.mark.parametrize("kind", ["divergence", "outlier"])
def test_a_rise_that_did_not_come_back_is_no_restart(kind: Kind) -> None:
    loss = again(500)
    assert find_restart(event(500, 500, kind), loss, measure(loss.value), NO_JUMPS, 1) is None


@pytest.mark.parametrize("every", [1, 10])
def test_steps_are_the_log_s_own(every: int) -> None:
    loss = again(500)
    sparse = Curve(every * loss.step + 3, loss.value)
    one = replace(event(0, 0), first_step=500 * every + 3, peak_step=500 * every + 3)
    assert find_restart(one, sparse, measure(loss.value), NO_JUMPS, every) == Restart("training", 500 * every + 3)
