"""Where a majority of all seeds becomes unstable: against counting by hand, brute force, and odd trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from lrdoctor.procedures.reach import ONE_THREAD_MOST, PRIOR, Outcome, Prior, _in_one_thread, _posterior, reach

RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.025, 0.032, 0.05, 0.1, 0.2, 0.5)


def trials(edges: Sequence[float], rates: Sequence[float] = RATES) -> list[Outcome]:
    """Every seed is unstable from its edge on."""
    return [Outcome(r, s, r >= edge, math.inf if r >= edge else 1.0) for s, edge in enumerate(edges) for r in rates]


def by_hand(unstable: Mapping[float, Sequence[bool]]) -> list[Outcome]:
    """Rate -> whether each seed is unstable."""
    return [Outcome(r, s, u, 1.0) for r, of_rate in unstable.items() for s, u in enumerate(of_rate)]


@pytest.mark.parametrize(
    ("edges", "inside", "outside"),
    [
        (
            [0.032] * 3,
            (0.026, 0.031),
            (0.015, 0.06),
        ),  # complete separation: the step of the grid, and a few seeds' doubt
        ([0.032] * 10, (0.027, 0.029), (0.023, 0.032)),
        ([0.02, 0.032, 0.05], (0.025, 0.032), (0.01, 0.1)),
        ([0.01, 0.032, 0.1], (0.02, 0.04), (0.005, 0.2)),
        ([0.032], (0.02, 0.045), (0.002, 0.5)),
    ],
)
def test_the_interval_holds_what_the_trials_show_and_no_more(
    edges: list[float], inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    low, high = reach(trials(edges)).interval(0.9)
    assert outside[0] < low <= inside[0] < inside[1] <= high < outside[1]


def test_more_seeds_narrow_it_and_more_spread_widens_it() -> None:
    def width(edges: list[float]) -> float:
        low, high = reach(trials(edges)).interval(0.9)
        return high / low

    assert width([0.032] * 10) < width([0.032] * 5) < width([0.032] * 3) < width([0.032])
    assert width([0.032] * 3) < width([0.02, 0.032, 0.05]) < width([0.005, 0.032, 0.2])


def test_trials_of_one_seed_are_no_independent_evidence() -> None:
    """Thirty rates of one seed say no more of other seeds than eleven do; three seeds at eleven rates do."""
    dense = tuple(float(r) for r in np.logspace(-3, -0.3, 30))
    few, many = (reach(trials([0.032], rates)).interval(0.9) for rates in (RATES, dense))
    three = reach(trials([0.032] * 3)).interval(0.9)
    assert many[1] / many[0] > 0.85 * few[1] / few[0]
    assert three[1] / three[0] < 0.7 * many[1] / many[0]


def test_no_instability_leaves_it_above_the_rates_tried() -> None:
    low, _ = reach(trials([9.0] * 3)).interval(0.9)
    assert low > 0.4


def test_a_stable_rate_above_an_unstable_one_widens_it() -> None:
    clean = by_hand({0.01: [False] * 3, 0.02: [False] * 3, 0.04: [True] * 3, 0.08: [True] * 3, 0.16: [True] * 3})
    mixed = by_hand(
        {0.01: [False] * 3, 0.02: [True, False, True], 0.04: [False] * 3, 0.08: [True] * 3, 0.16: [True] * 3}
    )
    narrow, wide = reach(clean).interval(0.9), reach(mixed).interval(0.9)
    assert wide[1] / wide[0] > narrow[1] / narrow[0]
    assert 0.01 < wide[0] < wide[1] < 0.16


def test_one_trial_judged_wrongly_far_below_does_not_drag_it_along() -> None:
    right = trials([0.032] * 5)
    odd = [replace(o, is_unstable=True) if (o.seed, o.base_learning_rate) == (0, 0.001) else o for o in right]
    assert reach(odd).interval(0.9)[0] > 0.7 * reach(right).interval(0.9)[0]


def test_the_chance_rises_with_the_rate_and_is_a_half_at_the_middle() -> None:
    found = reach(trials([0.02, 0.032, 0.05]))
    chances = [found.chance_unstable(rate) for rate in RATES]
    assert chances == sorted(chances)
    assert chances[0] < 0.02
    assert chances[-1] > 0.95
    assert found.chance_unstable(math.exp(float(found.edge(0.5)))) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("edges", [[0.032] * 3, [0.02, 0.032, 0.05], [0.032] * 10])
def test_three_of_four_hold_up_to_a_lower_rate_than_half(edges: list[float]) -> None:
    found = reach(trials(edges))
    rate = found.at_most_a_quarter(0.9)
    assert rate < found.interval(0.8)[0]
    assert rate > 0.3 * found.interval(0.8)[0]
    assert found.chance_unstable(rate) < 0.25  # 1/4 is sure in 9 of 10 cases, so the mean is below it
    assert found.at_most_a_quarter(0.5) > rate


def test_seeds_need_not_share_rates() -> None:
    low, high = reach([*trials([0.032] * 2, RATES[::2]), Outcome(0.03, 7, False, 1.0)]).interval(0.9)
    assert low < 0.032 < high


def test_it_is_the_posterior_summed_by_brute_force() -> None:
    """Monte Carlo over prior draws, weighted by the likelihood of the trials, every seed with an edge of its own."""
    prior = Prior(spreads=(0.2, 0.4, 0.8), widths=(0.1,), widths_chance=(1.0,))
    outcomes = trials([0.02, 0.05, 0.05], (0.01, 0.02, 0.05, 0.1))
    found = reach(outcomes, prior=prior)
    rng = np.random.default_rng(0)
    n = 400_000
    logs = np.log(prior.spreads)
    weights = np.exp(-0.5 * ((logs - math.log(prior.spread)) / prior.spread_varies) ** 2) * np.gradient(logs)
    spread = rng.choice(prior.spreads, n, p=weights / weights.sum())
    middle = rng.uniform(math.log(0.01) - prior.beyond, math.log(0.1) + prior.beyond, n)
    likelihood = np.ones(n)
    for seed in range(3):
        own = middle + spread * rng.standard_normal(n)
        for o in (o for o in outcomes if o.seed == seed):
            chance = 0.01 + 0.98 / (1 + np.exp(-(math.log(o.base_learning_rate) - own) / 0.1))
            likelihood *= chance if o.is_unstable else 1 - chance
    order = np.argsort(middle)
    total = np.cumsum(likelihood[order]) / likelihood.sum()
    expected = np.exp(np.interp([0.05, 0.95], total, middle[order]))
    assert found.interval(0.9) == pytest.approx(tuple(expected), rel=0.04)


def test_it_is_the_same_to_the_last_bit_in_whatever_order_the_trials_ended_and_nobody_can_change_it() -> None:
    outcomes = trials([0.02, 0.032, 0.05])
    one = reach(outcomes)
    _posterior.cache_clear()
    other = reach(outcomes[::-1])
    assert (other.log_rate == one.log_rate).all()
    assert (other.chance == one.chance).all()
    for array in (other.log_rate, other.chance):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0


def test_a_product_in_parts_is_the_product() -> None:
    rng = np.random.default_rng(0)
    # the last part is shorter than the others
    left, right = rng.normal(size=(3, 301, 301)), rng.normal(size=(301, 40))
    assert right.size * 301 > ONE_THREAD_MOST
    np.testing.assert_allclose(_in_one_thread(left, right), left @ right, rtol=1e-12)


def test_no_trial_is_an_error() -> None:
    with pytest.raises(ValueError, match="no trial was judged"):
        reach([])


def test_the_prior_is_a_probability() -> None:
    assert sum(PRIOR.widths_chance) == pytest.approx(1)
    assert len(PRIOR.widths) == len(PRIOR.widths_chance)
    assert reach(trials([0.032] * 3)).chance.sum() == pytest.approx(1)
