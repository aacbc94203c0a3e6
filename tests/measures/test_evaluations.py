"""What evaluations show: forgetting that the training loss confirms, and what they say of a rise."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.core.curve import EMPTY, Curve, Values
from lrdoctor.measures.evaluations import Forgotten, forgotten, rise_seen

N, EVERY = 1000, 50
T = np.arange(N)
FALLING = 0.3 + 2.0 * np.exp(-T / 150)


def curves(level: Values, evaluated: Values | None = None, sd: float = 0.1, val_sd: float = 0.0) -> tuple[Curve, Curve]:
    """The training loss, noisy, and an evaluation every 50 updates."""
    rng = np.random.default_rng(0)
    at = np.arange(EVERY - 1, N, EVERY)
    val = (level if evaluated is None else evaluated)[at]
    return Curve.of(level * np.exp(rng.normal(0, sd, N))), Curve(at, val * np.exp(rng.normal(0, val_sd, len(at))))


def bump(first: int, end: int, height: float) -> Values:
    return np.where((first <= T) & (end > T), height, 0.0)


CASES: dict[str, tuple[Curve, Curve, bool | None]] = {
    "healthy": (*curves(FALLING), None),
    "forgotten, and back": (*curves(FALLING + bump(500, 700, 1.0)), True),
    "forgotten for good": (*curves(FALLING + bump(500, N, 1.0)), False),
    "forgotten at the last evaluation": (*curves(FALLING + bump(955, N, 1.0)), False),
    "a tenth of what was learned": (*curves(FALLING + bump(500, 700, 0.2)), None),
    "overfitting": (*curves(FALLING, FALLING + np.maximum(0, T - 400) / 300), None),
    "a few odd evaluations": (*curves(FALLING, FALLING + bump(500, 600, 1.0)), None),
    "the training loss by a fifth of it": (*curves(FALLING + bump(500, 700, 0.2), FALLING + bump(500, 700, 1)), None),
    "the training loss alone": (*curves(FALLING + bump(500, 700, 1.0), FALLING), None),
    "a small validation set": (*curves(FALLING, val_sd=0.3), None),
    "a small validation set, and forgotten": (*curves(FALLING + bump(500, N, 2.5), val_sd=0.1), False),
    "wild training losses": (*curves(FALLING, FALLING + bump(500, 600, 0.5), sd=1.0), None),
    "nothing learned": (*curves(np.full(N, 2.3) + bump(500, 700, 1.0)), None),
    "negative": (*(Curve(c.step, c.value - 5) for c in curves(FALLING + bump(500, 700, 1.0))), True),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_forgetting(name: str) -> None:
    loss, evaluated, came_back = CASES[name]
    seen = forgotten(loss, evaluated, unlearned=2.3 if evaluated.value.min() > 0 else -2.7)
    assert (seen is None) is (came_back is None)
    assert seen is None or seen.came_back is came_back


def test_figures_of_what_was_forgotten() -> None:
    loss, evaluated = curves(FALLING + bump(500, 700, 1.0))
    seen = forgotten(loss, evaluated, unlearned=2.3)
    low, high = evaluated.value[evaluated.step == 499][0], evaluated.value[evaluated.step == 549][0]
    assert seen == Forgotten(
        first_step=549, last_step=699, peak_step=549, base=pytest.approx(low), peak=pytest.approx(high),
        share=pytest.approx((high - low) / (2.3 - evaluated.value.min())), came_back=True,
    )  # fmt: skip


def test_the_costliest_of_two_is_told() -> None:
    seen = forgotten(*curves(FALLING + bump(400, 500, 0.6) + bump(700, 800, 1.2)), unlearned=2.3)
    assert seen is not None
    assert (seen.first_step, seen.last_step) == (749, 799)


@pytest.mark.parametrize(
    "evaluated",
    [EMPTY, Curve([49, 99, 149], [2.0, 1.0, 2.0]), Curve(np.arange(49, N, 50), np.full(20, np.nan))],
    ids=["none", "three", "not finite"],
)
def test_too_few_evaluations_show_nothing(evaluated: Curve) -> None:
    assert forgotten(Curve.of(FALLING), evaluated, unlearned=2.3) is None


def test_what_is_not_finite_is_left_out() -> None:
    loss, evaluated = curves(FALLING + bump(500, 700, 1.0))
    value = np.where(evaluated.step == 249, np.inf, evaluated.value)
    seen = forgotten(loss, Curve(evaluated.step, value), unlearned=2.3)
    assert seen is not None
    assert seen.first_step == 549


EVALUATED = Curve([99, 199, 299, 399], [1.3, 0.8, 1.3, 0.3])


@pytest.mark.parametrize(
    ("first", "last", "untrained", "rise"),
    [
        (250, 350, None, 0.5),  # 0.8 -> 1.3
        (300, 350, None, 0.5),  # an evaluation follows its update, so that of step 299 belongs to the rise from 300 on
        (150, 320, None, 0.0),  # back at the lowest before it, and no further
        (350, 450, None, -0.5),  # lower than all before
        (310, 390, None, None),  # none was made in it
        (0, 120, None, None),  # none was made before it
        (0, 120, 1.0, 0.3),  # but the untrained weights were evaluated
        (250, 350, 0.2, 1.1),
    ],
)
def test_what_evaluations_show_of_a_rise(first: int, last: int, untrained: float | None, rise: float | None) -> None:
    seen = rise_seen(EVALUATED, first, last, untrained)
    assert seen == (None if rise is None else pytest.approx(rise))


def test_without_evaluations_no_rise_is_known() -> None:
    assert rise_seen(EMPTY, 250, 350, untrained=2.3) is None
