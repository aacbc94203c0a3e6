"""How certain lr*, the unstable rate and the margin are, and what verdict that allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from lrdoctor.core.certainty import Certainty
from lrdoctor.procedures.certainty import SETTINGS, _seeds_to_settle, draw, judge, within
from lrdoctor.procedures.reach import Outcome

SWEPT = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def made_up(
    best: float,
    edges: Sequence[float],
    noise: float = 0.02,
    shift: float = 0.0,
    more: Sequence[float] = (),
) -> list[Outcome]:
    """A bowl about the best rate, of noisy losses; every seed is infeasible from its edge on."""
    rng = np.random.default_rng(0)
    found = []
    for seed, edge in enumerate(edges):
        for rate in sorted({*SWEPT, *more}):
            loss = math.exp(math.log10(rate / best) ** 2 + noise * rng.standard_normal()) + shift
            found.append(Outcome(rate, seed, rate >= edge, math.inf if rate >= edge else loss))
    return found


def certainty_of(outcomes: Sequence[Outcome], best: float, unstable: float | None) -> Certainty:
    found = judge(outcomes, SWEPT, best, unstable, {"2x": within(2), "10x": within(10)})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("best", "edges", "more", "at_2x", "at_10x"),
    [
        (0.01, [1.0] * 3, (), "beyond", "beyond"),
        (0.01, [0.5] * 5, (), "beyond", "beyond"),
        (0.01, [9.9] * 3, (), "beyond", "beyond"),  # no instability up to 100 x
        (0.02, [0.1] * 5, (0.07, 0.085), "beyond", "within"),
        (0.05, [0.06] * 10, (0.055, 0.06), "within", "within"),
        (0.05, [0.06] * 5, (0.055, 0.06), "within", "within"),
        (0.02, [0.04, 0.05, 0.032], (0.025, 0.032, 0.04), "open", "within"),  # 2x is within what seeds differ by
        (0.02, [0.02, 0.1, 1.0], (), "open", "open"),
        (0.05, [0.5, 0.45, 0.6], (0.45, 0.6), "beyond", "open"),
    ],
)
def test_sides(best: float, edges: list[float], more: tuple[float, ...], at_2x: str, at_10x: str) -> None:
    unstable = float(np.median(edges)) if max(edges) <= 1 else None
    found = certainty_of(made_up(best, edges, more=more), best, unstable)
    assert found.sides == {"2x": at_2x, "10x": at_10x}
    assert set(found.seeds_to_settle) == {name for name, side in found.sides.items() if side == "open"}


def test_the_intervals_hold_the_figures() -> None:
    found = certainty_of(made_up(0.01, [0.1, 0.2, 0.1]), 0.01, 0.1)
    assert found.best_learning_rate is not None
    assert found.unstable_base_learning_rate is not None
    assert found.stability_margin is not None
    for (low, high), figure in (
        (found.best_learning_rate, 0.01),
        (found.unstable_base_learning_rate, 0.1),
        (found.stability_margin, 10.0),
    ):
        assert high is not None
        assert low <= figure <= high


def test_even_figures_that_the_draws_do_not_share() -> None:
    """The majority rule takes the first rate with two unstable seeds; the fit may see the edge elsewhere."""
    found = certainty_of(made_up(0.01, [0.1] * 5), 0.001, 0.9)
    assert found.best_learning_rate is not None
    assert found.unstable_base_learning_rate is not None
    assert found.best_learning_rate[0] <= 0.001
    assert (found.unstable_base_learning_rate[1] or 0) >= 0.9


def test_where_the_draws_and_the_figures_disagree_nothing_is_settled() -> None:
    assert certainty_of(made_up(0.01, [0.5] * 5), 0.01, 0.015).sides["2x"] == "open"


def test_without_an_instability_there_is_no_upper_end() -> None:
    found = certainty_of(made_up(0.01, [9.9] * 3), 0.01, None)
    assert found.stability_margin is not None
    assert found.unstable_base_learning_rate is not None
    assert found.stability_margin[1] is found.unstable_base_learning_rate[1] is None
    assert found.stability_margin[0] > 50
    assert found.stable_in_3_of_4 is not None
    assert found.stable_in_3_of_4 <= 1.0


def test_a_margin_is_never_below_1() -> None:
    """lr* may be a rate at which most losses rise and come back."""
    risen = [replace(o, is_unstable=o.base_learning_rate >= 0.005) for o in made_up(0.02, [0.1] * 3)]
    found = certainty_of(risen, 0.02, 0.005)
    assert found.stability_margin is not None
    assert found.stability_margin[0] >= 0.25  # the figure itself, which others withhold
    drawn = draw(risen, SWEPT)
    assert drawn is not None
    assert drawn.margin.min() == 1.0


@pytest.mark.parametrize(
    ("margin", "side"), [(1.2, "within"), (1.6, "open"), (2.5, "open"), (3.2, "beyond"), (10, "beyond")]
)
def test_one_seed_has_no_interval_and_a_verdict_away_from_the_limit(margin: float, side: str) -> None:
    edge = 0.05 * margin
    more = [round(edge / 1.1, 4), edge]
    found = certainty_of(made_up(0.05, [edge], more=more), 0.05, edge)
    assert found.sides["2x"] == side
    assert found.n_seeds == 1
    assert found.best_learning_rate is found.unstable_base_learning_rate is found.stability_margin is None
    assert found.stable_in_3_of_4 is None


def test_noise_that_hides_the_best_rate_widens_its_interval() -> None:
    def width(noise: float, n_seeds: int) -> float:
        found = certainty_of(made_up(0.01, [0.5] * n_seeds, noise=noise), 0.01, 0.5).best_learning_rate
        assert found is not None
        assert found[1] is not None
        return found[1] / found[0]

    assert width(0.02, 3) == 1
    assert width(0.5, 3) > 3
    assert width(0.5, 3) >= width(0.5, 10)


def test_a_seed_that_is_worse_at_every_rate_says_nothing_of_which_is_best() -> None:
    plain = made_up(0.01, [0.5] * 3)
    apart = [replace(o, objective=o.objective * (1 + 5 * o.seed)) for o in plain]
    drawn, drawn_apart = draw(plain, SWEPT), draw(apart, SWEPT)
    assert drawn is not None
    assert drawn_apart is not None
    assert np.mean(drawn.best == 0.01) > 0.95
    assert np.mean(drawn_apart.best == 0.01) > 0.95


def test_losses_below_0_are_read_in_units_of_their_range() -> None:
    drawn = draw(made_up(0.01, [0.5] * 3, shift=-3.0), SWEPT)
    assert drawn is not None
    assert np.mean(drawn.best == 0.01) > 0.9


def test_the_same_trials_give_the_same_draws_in_any_order() -> None:
    outcomes = made_up(0.01, [0.1, 0.2, 0.1])
    first, second, backward = draw(outcomes, SWEPT), draw(outcomes, SWEPT), draw(outcomes[::-1], SWEPT)
    assert first is not None
    assert second is not None
    assert backward is not None
    assert np.array_equal(first.margin, second.margin)
    assert np.allclose(np.quantile(first.margin, [0.05, 0.5, 0.95]), np.quantile(backward.margin, [0.05, 0.5, 0.95]))


@pytest.mark.parametrize(
    "outcomes",
    [
        [Outcome(0.1, 0, False, 1.0)],
        [Outcome(0.1, s, False, 1.0) for s in range(3)],
        [Outcome(r, s, False, 0.0) for s in range(3) for r in (0.1, 0.2)],
        [Outcome(r, s, True, 1.0) for s in range(3) for r in (0.1, 0.2)],
        [Outcome(r, s, r > 0.1, math.inf if s else 1.0) for s in range(3) for r in (0.1, 0.2)],
        [Outcome(0.1, 0, False, 1.0), Outcome(0.2, 1, True, 1e300)],
        [Outcome(0.1 * 1.01**i, s, (i + s) % 2 == 0, 1.0 + i) for i in range(12) for s in range(10)],
    ],
    ids=["one trial", "one rate", "losses of 0", "all unstable", "one feasible", "nothing shared", "in no order"],
)
def test_odd_sweeps(outcomes: list[Outcome]) -> None:
    found = judge(outcomes, [o.base_learning_rate for o in outcomes], 0.1, 0.2, {"2x": within(2)})
    assert found is not None
    assert 0 <= found.chances["2x"] <= 1


def test_nothing_feasible_has_no_certainty() -> None:
    assert judge([Outcome(0.1, s, True, math.inf) for s in range(3)], [0.1], 0.1, 0.2, {}) is None


@pytest.mark.parametrize(
    ("share", "n_seeds", "expected"), [(0.5, 3, None), (0.06, 3, 8), (0.94, 3, 8), (0.06, 5, 13), (0.2, 3, None)]
)
def test_seeds_to_settle(share: float, n_seeds: int, expected: int | None) -> None:
    assert _seeds_to_settle(share, n_seeds, SETTINGS) == expected
