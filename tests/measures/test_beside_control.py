"""A trial's loss beside that of the untrained weights on the same batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lrdoctor.core.curve import EMPTY, Curve, Values
from lrdoctor.measures import control, noise

N = 600
T = np.arange(N)
FALLING = 0.3 + 2.0 * np.exp(-T / 100)

Noise = Callable[[np.random.Generator, int], Values]
NOISES: dict[str, Noise] = {
    "normal": lambda rng, n: rng.normal(0, 0.2, n),
    "log-normal": lambda rng, n: rng.lognormal(0, 0.6, n) - 1,
    "Student t": lambda rng, n: 0.2 * rng.standard_t(3, n),
    "small": lambda rng, n: rng.normal(0, 0.01, n),
}


def pair_of(of_batches: Noise, left: float, seed: int, own: float = 0.05) -> tuple[Curve, Curve]:
    """A trial and its control: that share of a batch's difficulty, in logarithms, is left for the trained weights."""
    rng = np.random.default_rng(seed)
    hard = of_batches(rng, N)
    return Curve.of(FALLING * np.exp(left * hard + rng.normal(0, own, N))), Curve.of(2.3 * np.exp(hard))


@pytest.mark.parametrize("left", [0.0, 0.3, 1.0, 1.5])
@pytest.mark.parametrize("name", NOISES)
def test_without_its_batches_a_loss_is_never_noisier(name: str, left: float) -> None:
    for seed in range(10):
        loss, untrained = pair_of(NOISES[name], left, seed)
        before, after = (noise.points(np.log(c.value)) for c in (loss, control.without_batches(loss, untrained)))
        assert after <= 1.05 * before


@pytest.mark.parametrize("name", ["normal", "log-normal", "Student t"])
def test_where_all_of_a_batch_is_left_only_the_trials_own_noise_remains(name: str) -> None:
    loss, untrained = pair_of(NOISES[name], 1.0, seed=1)
    rest = noise.points(np.log(control.without_batches(loss, untrained).value))
    assert rest == pytest.approx(0.05, rel=0.2)
    assert rest < noise.points(np.log(loss.value)) / 2


def test_no_trend_is_taken_off() -> None:
    loss, untrained = pair_of(NOISES["normal"], 1.0, seed=2)
    rest = control.without_batches(loss, untrained).value
    for part in np.array_split(T, 6):
        assert np.median(rest[part]) == pytest.approx(np.median(FALLING[part]), rel=0.1)


@pytest.mark.parametrize(
    ("left", "share"), [(0.0, (0.0, 0.1)), (0.5, (0.4, 0.6)), (1.0, (0.95, 1.0)), (3.0, (1.0, 1.0)), (-2.0, (0.0, 0.0))]
)
def test_the_share_that_is_left_lies_between_none_and_all(left: float, share: tuple[float, float]) -> None:
    """Read off the correction itself, which is that share of the control's swing."""
    loss, untrained = pair_of(NOISES["normal"], left, seed=3, own=0.02)
    rest = control.without_batches(loss, untrained)
    swing = np.log(untrained.value) - np.median(np.log(untrained.value))
    wide = np.abs(swing) > 0.1
    of = ((np.log(loss.value) - np.log(rest.value)) / swing)[wide]
    assert share[0] - 1e-9 <= np.median(of) <= share[1] + 1e-9
    assert of.min() >= -1e-9
    assert of.max() <= 1 + 1e-9


def test_the_share_may_fall_while_the_model_learns() -> None:
    rng = np.random.default_rng(4)
    hard = rng.normal(0, 0.3, N)
    loss = Curve.of(FALLING * np.exp(np.where(N / 2 > T, 1.0, 0.0) * hard + rng.normal(0, 0.03, N)))
    rest = np.log(control.without_batches(loss, Curve.of(2.3 * np.exp(hard))).value)
    assert noise.points(rest[: N // 3]) < 0.05
    assert noise.points(rest[2 * N // 3 :]) < 0.05


def test_a_rise_of_the_trials_own_stays_as_high_as_it_was() -> None:
    loss, untrained = pair_of(NOISES["normal"], 1.0, seed=5)
    risen = Curve(loss.step, np.where((T >= 300) & (T < 330), 3.0, 1.0) * loss.value)
    rest = [np.log(control.without_batches(curve, untrained).value[300:330]) for curve in (loss, risen)]
    assert np.median(rest[1] - rest[0]) == pytest.approx(np.log(3), abs=0.1)


def test_beyond_the_end_of_the_control_the_loss_is_as_it_was() -> None:
    loss, untrained = pair_of(NOISES["normal"], 1.0, seed=6)
    rest = control.without_batches(loss, untrained.before(200))
    assert rest.step.tolist() == loss.step.tolist()
    assert rest.value[200:].tolist() == loss.value[200:].tolist()
    assert noise.points(np.log(rest.value[:200])) < noise.points(np.log(loss.value[:200])) / 2


@pytest.mark.parametrize(
    "untrained",
    [None, EMPTY, Curve.of([2.0, 2.1]), Curve.of([2.0] * 9, first_step=N), Curve.of([np.nan] * N), Curve.of([2.3] * N)],
    ids=["none", "empty", "two points", "other steps", "nothing finite", "the same on every batch"],
)
def test_a_control_that_tells_nothing_changes_nothing(untrained: Curve | None) -> None:
    loss, _ = pair_of(NOISES["normal"], 1.0, seed=7)
    assert control.without_batches(loss, untrained) == loss


def test_points_that_are_not_finite_are_left_out() -> None:
    loss, untrained = pair_of(NOISES["normal"], 1.0, seed=8)
    value, other = np.array(loss.value), np.array(untrained.value)
    value[[10, 20]], other[[20, 30]] = np.nan, np.inf
    rest = control.without_batches(Curve(T, value), Curve(T, other))
    assert rest.step.tolist() == [t for t in T if t not in (10, 20)]
    assert rest.value[rest.step == 30] == value[30]


def test_losses_of_any_sign_are_compared_by_differences() -> None:
    rng = np.random.default_rng(9)
    hard = rng.normal(0, 0.5, N)
    loss = Curve.of(FALLING - 5 + hard + rng.normal(0, 0.05, N))
    rest = control.without_batches(loss, Curve.of(-1 + hard)).value
    assert noise.points(rest) == pytest.approx(0.05, rel=0.2)
    assert np.median(rest[-100:] - (FALLING - 5)[-100:]) == pytest.approx(0, abs=0.05)
    paired = control.pair(loss, Curve.of(-1 + hard))
    assert paired is not None
    assert not paired.is_log
    assert paired.excess.tolist() == (loss.value - (-1 + hard)).tolist()


def test_pairs_are_of_the_steps_that_both_have() -> None:
    paired = control.pair(Curve([0, 2, 4, 6], [4.0, 2.0, np.nan, 1.0]), Curve([0, 1, 2, 4, 6], [2.0, 9, 2, 2, np.inf]))
    assert paired is not None
    assert paired.loss == Curve([0, 2], [4.0, 2.0])
    assert paired.control.tolist() == [2.0, 2.0]
    assert paired.excess.tolist() == pytest.approx([np.log(2), 0])
    assert control.pair(Curve.of([1.0]), None) is None
    assert control.pair(Curve.of([1.0]), Curve.of([1.0], first_step=1)) is None


def test_what_stands_in_for_a_control_is_the_first_finite_loss() -> None:
    assert control.like_first(Curve.of([np.nan, 3.0, 1.0])) == Curve([1, 2], [3.0, 3.0])
    assert control.like_first(EMPTY) == EMPTY


def calm(level: Values, seed: int = 0, sd: float = 0.05) -> Curve:
    return Curve.of(level * np.exp(np.random.default_rng(seed).normal(0, sd, len(level))))


@pytest.mark.parametrize(
    ("level", "stretch", "rise"),
    [
        (np.where(T < 300, 2.0, 6.0), (300, 599), np.log(3)),  # a term of the loss is turned on
        (2.0 + 4.0 * T / N, (500, 599), np.log(5.67 / 2.17)),  # and by degrees
        (np.where(T < 300, 6.0, 2.0), (300, 599), 0.0),  # it falls
        (np.full(N, 2.0), (300, 599), 0.0),  # noise
        (np.full(N, 2.0), (300, 302), 0.0),
        (np.where(T < 300, 2.0, 6.0), (0, 299), 0.0),  # nothing before it
        (np.where(T < 300, 2.0, 6.0), (700, 800), 0.0),  # beyond the control
    ],
)
def test_how_far_the_control_rises_itself(level: Values, stretch: tuple[int, int], rise: float) -> None:
    assert control.own_rise(calm(level), *stretch) == pytest.approx(rise, abs=0.15)


def test_a_control_of_any_sign_rises_in_loss_units() -> None:
    rng = np.random.default_rng(0)
    assert control.own_rise(Curve.of(np.where(T < 300, -2.0, 4.0) + rng.normal(0, 0.1, N)), 300, 599) == pytest.approx(
        6.0, abs=0.2
    )


def test_noise_alone_makes_a_control_rise_in_few_cases() -> None:
    risen = sum(control.own_rise(calm(np.full(N, 2.0), seed, 0.3), 400, 420) > 0 for seed in range(200))
    assert risen <= 4


def rare_class(seed: int, n: int = N, rise: float = 0.0) -> tuple[Curve, Curve]:
    """Few batches hold a class that is hard for trained weights, twice as much as for untrained ones; the rest is
    known. `rise` is added to the logarithm of the trial's loss over the steps 300 to 309."""
    rng = np.random.default_rng(seed)
    holds = rng.random(n) < 0.1
    holds[300:310] = True
    untrained = 2.0 * np.exp(0.5 * holds + rng.normal(0, 0.02, n))
    own = np.where((np.arange(n) >= 300) & (np.arange(n) < 310), rise, 0.0)
    return Curve.of(0.2 * np.exp(1.0 * holds + own + rng.normal(0, 0.05, n))), Curve.of(untrained)


@pytest.mark.parametrize("seed", range(5))
def test_batches_of_a_rare_class_explain_a_rise_and_no_more_than_that(seed: int) -> None:
    beside = control.height_beside(*rare_class(seed), 300, 309)
    assert beside is not None
    assert beside[0] <= beside[1]
    risen = control.height_beside(*rare_class(seed, rise=1.0), 300, 309)
    assert risen is not None
    assert risen[0] > risen[1]
    assert risen[0] - beside[0] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("stretch", "n"),
    [((0, 9), N), ((5, 20), N), ((700, 710), N), ((20, 22), 24)],
    ids=["from the first step on", "fewer points before than in it", "beyond the end", "too few points apart from it"],
)
def test_where_the_batches_cannot_be_told_there_is_no_height(stretch: tuple[int, int], n: int) -> None:
    loss, untrained = rare_class(0)
    if n < N:
        untrained = untrained.before(12)
    assert control.height_beside(loss.before(n), untrained, *stretch) is None


@pytest.mark.parametrize(
    ("own", "other", "share"),
    [(2.0, 1.0, 2.0), (0.5, 1.0, 0.5), (-1.0, 1.0, 0.0), (1.0, 0.0, 0.0)],
)
def test_the_share_over_the_whole_run_may_be_more_than_all(own: float, other: float, share: float) -> None:
    hard = np.random.default_rng(0).normal(0, 1, 100)
    assert control.share_of_batches(own * hard, other * hard) == pytest.approx(share)
