"""Rises that somebody made on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.measures.events import Event, Kind
from lrdoctor.measures.restarts import Restart, find_restart

LOSS = Curve.of(np.linspace(1, 0.99, 1000))


def event(first: int, peak: int, kind: Kind = "spike") -> Event:
    return Event(
        kind=kind, first_step=first, last_step=peak + 50, peak_step=peak, height=1.0, limit=0.3, base=1.0, peak=3.0,
        n_points=50,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("jump", "kind", "is_restart"),
    [
        (500, "spike", True),
        (500, "early", True),
        (500, "level_shift", True),  # the best level begins anew, and the rest is judged by that
        (500, "divergence", True),
        (500, "outlier", False),
        (490, "spike", True),  # the 2 % of the run before it
        (470, "spike", False),
        (520, "spike", True),  # between its beginning and its peak
        (521, "spike", False),
    ],
)
def test_a_rise_after_a_jump_of_the_learning_rate(jump: int, kind: Kind, is_restart: bool) -> None:
    found = find_restart(event(500, 520, kind), LOSS, np.array([jump]), 1)
    assert found == (Restart(jump) if is_restart else None)


def test_the_nearest_jump_is_named() -> None:
    assert find_restart(event(500, 520), LOSS, np.array([10, 490, 500, 800]), 1) == Restart(500)


def test_without_a_jump_there_is_no_restart() -> None:
    """Not even where the loss is back where it began: a blow-up looks the same."""
    assert find_restart(event(500, 500, "level_shift"), LOSS, np.zeros(0, dtype=np.int64), 1) is None
