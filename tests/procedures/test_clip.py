"""The clipping study's planner, run against made-up worlds: what three seeds would do at each setting."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from clip_worlds import attempt, rate, study

from lrdoctor.procedures.clip import Clipping, Settings, best_of, next_plan, rates_to_try, thresholds, to_lower
from lrdoctor.procedures.clip_measures import Attempt, Norms, Setting, Threshold

T90, T80, T70, T60, T50 = (Threshold(q, q / 30) for q in (90.0, 80.0, 70.0, 60.0, 50.0))
LIMITS = (T90, T80, T70, T60, T50)
RATES = (0.03, 0.05, 0.1)

World = Callable[[float, float], int]
"""(rate, clip_norm) -> seeds of three that hold."""


def explore(world: World, settings: Settings = Settings()) -> list[tuple[float, float]]:  # noqa: B008
    """(rate, percentile) in the order in which they were tried."""
    tried: list[Attempt] = []
    while plan := next_plan(settings, LIMITS, RATES, tried):
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
            [(0.03, 90), (0.05, 90), (0.1, 90), (0.03, 80), (0.03, 70), (0.03, 60), (0.03, 50)],
        ),
        (lambda lr, clip: 0, True, [(0.03, 90), (0.03, 80), (0.03, 70), (0.03, 60), (0.03, 50)]),
    ],
)
def test_what_is_tried(world: World, search_harder: bool, expected: list[tuple[float, float]]) -> None:
    assert explore(world, Settings(search_harder=search_harder)) == expected


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
    assert rates_to_try(Settings(), of) == expected


def test_thresholds_get_harder() -> None:
    norms = Norms(base_learning_rate=0.01, by_seed={0: np.linspace(0, 10, 101)})
    found = thresholds(Settings(75.0), norms)
    assert [(t.percentile, t.clip_norm) for t in found] == [(75, 7.5), (70, 7.0), (60, 6.0), (50, 5.0)]


@pytest.mark.parametrize(("values", "expected"), [([2.0, 2.0], [2.0]), ([0.0, 0.0], [])])
def test_thresholds_that_are_equal_or_zero_are_not_tried(values: list[float], expected: list[float]) -> None:
    norms = Norms(base_learning_rate=0.01, by_seed={0: np.array(values)})
    assert [t.clip_norm for t in thresholds(Settings(), norms)] == expected


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


@pytest.mark.parametrize(
    ("of", "status", "highest"),
    [
        (clipping(), "not_tried", 0.02),
        (clipping(attempt(0.03, T90, held=0, val=[])), "not_tried", 0.02),
        (clipping(attempt(0.03, T90, held=1)), "rejected", 0.02),
        (clipping(attempt(0.03, T90)), "verified", 0.03),
        (clipping(attempt(0.03, T90), attempt(0.1, T90, held=2)), "verified", 0.1),
        (clipping(attempt(0.03, T90), attempt(0.05, T90, held=0), attempt(0.1, T90)), "verified", 0.03),
        (clipping(attempt(0.03, T90, held=0), attempt(0.03, T80), attempt(0.1, T80)), "verified", 0.1),
        (clipping(attempt(0.01, T90)), "rejected", 0.01),  # nothing cured, nothing gained
        (clipping(attempt(0.01, T90, val=[0.3, 0.35, 0.38])), "verified", 0.01),  # a gain is one
        (clipping(attempt(0.01, T90, val=[0.41, 0.45, 0.49])), "rejected", 0.01),  # 0.02 does as well unclipped
    ],
)
def test_what_came_of_it(of: Clipping, status: str, highest: float) -> None:
    assert (of.status, of.highest_before, of.highest_after) == (status, 0.02, highest)


def test_settings_of_one_rate_are_told_apart() -> None:
    assert len({Setting(0.1), Setting(0.1, T90), Setting(0.1, T80), Setting(0.1, Threshold(90.0, T90.clip_norm))}) == 3
