"""The clipping study's planner, run against made-up worlds: what three seeds would do at each setting."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from clip_studies import attempt, rate, study

from lrdoctor.procedures.clip import Clipping, Settings, best_of, next_plan, rates_to_try, thresholds, to_lower
from lrdoctor.procedures.clip_measures import Attempt, Norms, Setting, Threshold
from lrdoctor.procedures.confirmation import Claim, Confirmation, Fresh, Outcome

INF = math.inf

T90, T80, T70, T60, T50, T25, T10 = (Threshold(q, q / 30) for q in (90.0, 80.0, 70.0, 60.0, 50.0, 25.0, 10.0))
LIMITS = (T90, T80, T70, T60, T50)
RATES = (0.03, 0.05, 0.1)

World = Callable[[float, float], int]
"""(rate, clip_norm) -> seeds of three that hold."""


def explore(
    world: World,
    settings: Settings = Settings(),  # noqa: B008
    limits: Sequence[Threshold] = LIMITS,
) -> list[tuple[float, float]]:
    """(rate, percentile) in the order in which they were tried."""
    tried: list[Attempt] = []
    while plan := next_plan(settings, limits, RATES, tried):
        assert len(tried) < 50, "it does not end"
        for s in plan:
            assert s.threshold is not None
            assert s not in {a.setting for a in tried}
            held = world(s.base_learning_rate, s.threshold.clip_norm)
            tried.append(attempt(s.base_learning_rate, s.threshold, held, val=[s.base_learning_rate] * 3))
    return [(a.setting.base_learning_rate, a.setting.threshold.percentile) for a in tried if a.setting.threshold]


@pytest.mark.parametrize(
    ("world", "search_harder", "expected"),
    [
        (lambda lr, clip: 3, False, [(0.03, 90), (0.05, 90), (0.1, 90)]),
        (lambda lr, clip: 0, False, [(0.03, 90), (0.03, 80), (0.03, 70), (0.03, 60), (0.03, 50)]),
        (lambda lr, clip: 1, False, [(0.03, 90), (0.03, 80), (0.03, 70), (0.03, 60), (0.03, 50)]),
        (lambda lr, clip: 2 if clip < 2.5 else 0, False, [(0.03, 90), (0.03, 80), (0.03, 70), (0.05, 70), (0.1, 70)]),
        (
            lambda lr, clip: 3 if lr < 0.1 else 0,
            True,
            # the harder ones at the best rate; what clips most updates may reach the highest one all the same
            [(0.03, 90), (0.05, 90), (0.1, 90), (0.03, 80), (0.03, 70), (0.03, 60), (0.03, 50), (0.1, 50)],
        ),
        (lambda lr, clip: 0, True, [(0.03, 90), (0.03, 80), (0.03, 70), (0.03, 60), (0.03, 50)]),
    ],
)
def test_what_is_tried(world: World, search_harder: bool, expected: list[tuple[float, float]]) -> None:
    assert explore(world, Settings(search_harder=search_harder)) == expected


@pytest.mark.parametrize(
    ("world", "search_harder", "expected"),
    [
        # none but a threshold below the median holds at the lowest unstable rate: it is tried further up then
        (
            lambda lr, clip: 3 if clip < 1 else 0,
            False,
            [(0.03, 90), (0.03, 50), (0.03, 25), (0.05, 25), (0.1, 25)],
        ),
        (lambda lr, clip: 0, False, [(0.03, 90), (0.03, 50), (0.03, 25), (0.03, 10)]),
        # an easy one holds, and does not reach the highest rate: those from the median down, until one holds there
        (
            lambda lr, clip: 3 if lr < 0.1 or clip < 1 else 0,
            True,
            [(0.03, 90), (0.05, 90), (0.1, 90), (0.03, 50), (0.03, 25), (0.03, 10), (0.1, 50), (0.1, 25)],
        ),
        (
            lambda lr, clip: 3 if lr < 0.1 else 0,
            True,
            [(0.03, 90), (0.05, 90), (0.1, 90), (0.03, 50), (0.03, 25), (0.03, 10), (0.1, 50), (0.1, 25), (0.1, 10)],
        ),
        # an easy one reaches the highest rate: no harder one is needed there
        (
            lambda lr, clip: 3,
            True,
            [(0.03, 90), (0.05, 90), (0.1, 90), (0.03, 50), (0.03, 25), (0.03, 10)],
        ),
    ],
)
def test_the_ladder_goes_on_below_the_median(
    world: World, search_harder: bool, expected: list[tuple[float, float]]
) -> None:
    assert explore(world, Settings(search_harder=search_harder), (T90, T50, T25, T10)) == expected


def test_failed_trials_are_not_answered_by_a_harder_threshold() -> None:
    assert next_plan(Settings(), LIMITS, RATES, [attempt(0.03, T90, held=0, val=[])]) == ()


@pytest.mark.parametrize(
    ("tried", "unstable", "expected"),
    [
        ((0.01, 0.03, 0.05, 0.1, 0.3), 0.03, (0.03, 0.05, 0.1)),
        ((0.01, 0.03, 0.036, 0.05, 0.1), 0.03, (0.03, 0.05, 0.1)),  # 0.036 is too close
        ((0.01, 0.03, 0.09, 0.1), 0.03, (0.03, 0.1)),  # of two close ones the higher
        ((0.01, 0.03, 0.108), 0.03, (0.03, 0.108)),  # stands for 10x
        ((), 0.03, (0.03, 0.1)),  # both rates given
        ((0.01, 0.03, 0.5), 0.03, (0.03, 0.1)),
        ((), 0.1, (0.1, 0.2)),  # the unstable rate is the furthest
    ],
)
def test_the_rates_that_clipping_is_tried_at(
    tried: tuple[float, ...], unstable: float, expected: tuple[float, ...]
) -> None:
    of = study(*map(rate, tried), unstable=unstable)
    assert rates_to_try(Settings(), of, 0.01, unstable) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # down to the median, half and a quarter of it, and 1 and 0.5, which people use whatever the norms
        (np.linspace(0, 10, 101), [7.5, 7.0, 6.0, 5.0, 2.5, 1.25, 1.0, 0.5]),
        # these where they lie below the median
        (np.linspace(0, 1.6, 17), [1.2, 1.12, 0.96, 0.8, 0.5, 0.4, 0.2]),
        (np.linspace(0, 0.1, 101), [0.075, 0.07, 0.06, 0.05, 0.025, 0.0125]),
        # of equal ones the first; none of a zero norm
        ([2.0, 2.0], [2.0, 1.0, 0.5]),
        ([0.0, 0.0, 0.0, 3.0], [0.75, 0.3]),
        ([0.0, 0.0], []),
    ],
)
def test_thresholds_get_harder(values: Sequence[float], expected: list[float]) -> None:
    norms = Norms(base_learning_rate=0.01, by_seed={0: np.array(values)})
    found = thresholds(Settings(75.0), norms)
    assert [t.clip_norm for t in found] == pytest.approx(expected)


def test_a_threshold_tells_what_share_of_the_norms_it_leaves() -> None:
    """Of 101 norms from 0 to 10 the 26 up to 2.5 are 25.7 %."""
    norms = Norms(base_learning_rate=0.01, by_seed={0: np.linspace(0, 10, 101), 1: np.linspace(0, 10, 101)})
    found = {t.clip_norm: t.percentile for t in thresholds(Settings(75.0), norms)}
    assert found[7.5] == 75
    assert (found[2.5], found[0.5]) == (pytest.approx(100 * 26 / 101), pytest.approx(100 * 6 / 101))


def test_the_best_one_holds() -> None:
    broken, worse, better = (
        attempt(0.1, T90, held=0, val=[0.1] * 3), attempt(0.03, T90), attempt(0.05, T90, val=[0.4] * 3)
    )  # fmt: skip
    assert best_of([broken, worse, better]) is better
    assert best_of([broken]) is None


def test_aggressive_clipping_is_compared_with_a_lower_rate() -> None:
    best, highest = attempt(0.03, T90, val=[0.4] * 3, share=0.6), attempt(0.1, T90, share=0.8)
    assert to_lower([best, attempt(0.05, T90, share=0.7), highest]) == (best, highest)
    assert to_lower([attempt(0.03, T90, share=0.5)]) == ()


def clipping(*tried: Attempt, **changes: object) -> Clipping:
    of = study(rate(0.01), rate(0.02, objective=0.4), rate(0.03, held=0), rate(0.1, held=1))
    before = (attempt(0.01), attempt(0.03, held=0), attempt(0.1, held=1))
    return Clipping(study=of, was_swept=True, before=before, tried=tried, **changes)  # type: ignore[arg-type]


GAINED, NO_GAIN = attempt(0.01, T90, val=[0.3, 0.35, 0.38]), attempt(0.01, T90, val=[0.41, 0.45, 0.49])


@pytest.mark.parametrize(
    ("of", "status", "highest"),
    [
        (clipping(), "not_tried", 0.02),
        (clipping(attempt(0.03, T90, held=0, val=[])), "not_tried", 0.02),
        (clipping(attempt(0.03, T90, held=1)), "rejected", 0.02),
        (clipping(attempt(0.03, T90)), "unconfirmed", 0.03),
        (clipping(attempt(0.03, T90), attempt(0.1, T90, held=2)), "unconfirmed", 0.1),
        (clipping(attempt(0.03, T90), attempt(0.05, T90, held=0), attempt(0.1, T90)), "unconfirmed", 0.03),
        (clipping(attempt(0.03, T90, held=0), attempt(0.03, T80), attempt(0.1, T80)), "unconfirmed", 0.1),
        (clipping(attempt(0.01, T90)), "rejected", 0.01),  # nothing cured, nothing gained
        (clipping(GAINED), "unconfirmed", 0.01),  # a gain is one
        (clipping(NO_GAIN), "rejected", 0.01),  # 0.02 does as well unclipped
    ],
)
def test_what_the_search_makes_of_it(of: Clipping, status: str, highest: float) -> None:
    assert (of.status, of.highest_before, of.highest_after) == (status, 0.02, highest)
    assert of.promises is (status == "unconfirmed")


def fresh(of: Clipping, unstable: bool) -> Confirmation:
    """Ten fresh seeds, which a lower loss takes, that show what is claimed; or are unstable."""
    good, bad = Outcome(0.1, unstable), Outcome(INF, True)
    seeds = (
        Fresh(seed=s, use=good, reach=good, baseline=Outcome(0.2, False), baseline_reach=bad) for s in range(3, 13)
    )
    return Confirmation(claim=of.claim(of.best), n_seeds=5, fresh=tuple(seeds))


@pytest.mark.parametrize(("unstable", "status"), [(False, "verified"), (True, "rejected")])
@pytest.mark.parametrize("of", [clipping(attempt(0.03, T90)), clipping(GAINED)])
def test_verified_is_what_fresh_seeds_confirm(of: Clipping, unstable: bool, status: str) -> None:
    assert replace(of, confirmation=fresh(of, unstable)).status == status


@pytest.mark.parametrize(
    ("of", "use", "baseline_use", "reach", "gains", "widens"),
    [
        # cured at the rate that is best with it: nothing else is asked without it
        (clipping(attempt(0.03, T90)), 0.03, None, 0.03, False, True),
        # the best rate, and the highest at which the same threshold holds
        (clipping(attempt(0.03, T90), attempt(0.1, T90, val=[0.6] * 3)), 0.03, 0.03, 0.1, False, True),
        (
            clipping(attempt(0.03, T90), attempt(0.1, T90, val=[0.6] * 3), attempt(0.03, T80, val=[0.4] * 3)),
            0.03, None, 0.03, False, True,
        ),
        # a gain at lr*, which is as stable without it
        (clipping(GAINED), 0.01, None, 0.01, True, False),
        (clipping(GAINED, attempt(0.03, T90)), 0.01, None, 0.03, True, True),
    ],
)  # fmt: skip
def test_what_fresh_seeds_are_asked(
    of: Clipping, use: float, baseline_use: float | None, reach: float, gains: bool, widens: bool
) -> None:
    assert of.claim(of.best) == Claim(
        base_learning_rate=use,
        reach=reach,
        baseline_learning_rate=0.01,
        baseline_use=baseline_use,
        baseline_reach=reach,
        gains=gains,
        widens=widens,
    )


def test_the_furthest_is_the_easiest_that_reaches_the_highest_rate() -> None:
    low, far, harder = attempt(0.03, T90, val=[0.1] * 3), attempt(0.1, T80), attempt(0.1, T70, val=[0.3] * 3)
    assert clipping(low, attempt(0.1, T90, held=0), harder, far).furthest is far
    assert clipping(attempt(0.03, T90, held=0)).furthest is None


def test_settings_of_one_rate_are_told_apart() -> None:
    assert len({Setting(0.1), Setting(0.1, T90), Setting(0.1, T80), Setting(0.1, Threshold(90.0, T90.clip_norm))}) == 3
