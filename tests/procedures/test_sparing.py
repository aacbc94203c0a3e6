"""Which trials of a sweep can still change its answer: tables of what is known and what is asked next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from sparing_studies import INF, Losses, known

from lrdoctor.core.study import Stage
from lrdoctor.procedures.sparing import (
    APART,
    CLOSE,
    EVERYTHING,
    Question,
    climb,
    compared,
    first_seeds,
    is_unstable_below_best,
    missing_pairs,
    next_step,
    open_pairs,
)
from lrdoctor.procedures.sweep import Settings
from lrdoctor.rules import _lower_rates

GRID = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


FIRST = {0.001: [1.2], 0.003: [0.7], 0.01: [0.3], 0.03: [0.2], 0.1: [0.25], 0.3: [INF], 1.0: [INF], 3.0: [INF]}
"""A grid with one seed: lr* at 0.03, the edge between 0.1 and 0.3."""


def asked(pairs: Sequence[tuple[float, int]]) -> dict[float, int]:
    """Rate -> number of further seeds."""
    counts: dict[float, int] = {}
    for rate, _ in pairs:
        counts[rate] = counts.get(rate, 0) + 1
    return counts


def test_a_grid_begins_with_one_seed_of_its_middle_and_goes_on_outward() -> None:
    step = next_step(Settings(GRID), known({}))
    assert step is not None
    assert (step.stage, step.pairs) == ("grid", ((0.01, 0), (0.03, 0), (0.1, 0)))
    step = next_step(Settings(GRID), known({rate: FIRST[rate] for rate in (0.01, 0.03, 0.1)}))
    assert step is not None
    assert (step.stage, step.pairs) == ("grid", ((0.003, 0), (0.3, 0)))


def test_further_seeds_come_when_the_grid_has_nothing_more_to_tell() -> None:
    step = next_step(Settings(GRID), known({rate: FIRST[rate] for rate in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)}))
    assert step is not None
    assert step.stage is None
    assert step.pairs


def test_nothing_is_left_out_where_everything_is_asked_for() -> None:
    step = next_step(Settings(GRID), known({}), EVERYTHING)
    assert step is not None
    assert len(step.pairs) == 5 * len(GRID)
    step = next_step(Settings(GRID), known(FIRST), EVERYTHING)
    assert step is not None
    assert (step.stage, step.pairs) == (None, missing_pairs(known(FIRST)))
    assert len(step.pairs) == 4 * len(GRID)


def test_what_is_far_from_the_edge_and_from_the_best_rate_gets_no_further_seed() -> None:
    more = asked(open_pairs(known(FIRST)))
    assert more[0.03] == 4
    assert more[0.01] >= 1
    assert more[0.1] >= 1
    assert not {rate for rate, n in more.items() if n} & {0.001, 0.003, 1.0, 3.0}


@pytest.mark.parametrize(
    ("losses", "n_seeds", "n_more"),
    [
        # two of three, or three of five, that agree are what all say
        ([-0.4, -0.4], 3, 0),
        ([-0.4, 0.4], 3, 1),
        ([-0.4, -0.4, -0.4], 5, 0),
        ([-0.4, -0.4, 0.4], 5, 1),
        ([-0.4, -0.4, 0.4, 0.4], 5, 1),
        # of an even number half is enough for stable, and more than half for unstable
        ([0.4, 0.4], 4, 0),
        ([-0.4, -0.4], 4, 1),
    ],
)
def test_a_majority_that_is_decided_by_count_needs_no_further_seed(losses: Losses, n_seeds: int, n_more: int) -> None:
    of_rates = {0.01: [0.3] * n_seeds, 0.03: [0.2] * n_seeds, 0.1: [0.25] * n_seeds, 0.2: losses, 0.3: [INF] * n_seeds}
    pairs = open_pairs(known(of_rates, n_seeds, {0.2: "refinement"}))
    assert asked(pairs).get(0.2, 0) == n_more
    assert set(asked(pairs)) <= {0.2}


def test_one_lucky_seed_is_no_best_rate() -> None:
    of_rates = {**{rate: losses * 5 for rate, losses in FIRST.items()}, 0.003: [0.1]}
    assert (0.003, 1) in open_pairs(known(of_rates))


def test_an_odd_seed_far_below_the_edge_asks_for_others() -> None:
    assert asked(open_pairs(known({**FIRST, 0.001: [-1.2]})))[0.001] >= 1


def test_a_failed_trial_says_nothing() -> None:
    found = known({**FIRST, 0.001: []})
    found = replace(found, tried={**found.tried, 0.001: frozenset({0})})
    assert (0.001, 1) in open_pairs(found)


def test_where_no_rate_is_feasible_the_majority_is_counted() -> None:
    nothing = {rate: [INF] for rate in GRID}
    assert asked(open_pairs(known(nothing))) == dict.fromkeys(GRID, 2)
    assert open_pairs(known({rate: [INF] * 3 for rate in GRID})) == ()


def test_a_rate_that_is_to_locate_the_edge_begins_with_a_majority() -> None:
    found = known({rate: losses * 5 for rate, losses in FIRST.items()})
    assert first_seeds(found, 0.17, is_swept=False) == (0, 1, 2)
    assert first_seeds(found, 0.17, is_swept=True) == (0,)
    assert first_seeds(found, 30.0, is_swept=False) == (0,)


def test_the_closer_look_trains_every_seed_near_the_edge() -> None:
    found = known({**{rate: losses * 5 for rate, losses in FIRST.items()}, 0.2: [-0.4] * 3}, stages={0.2: "refinement"})
    assert open_pairs(found) == ()
    assert open_pairs(found, CLOSE) == ((0.2, 3), (0.2, 4))


@pytest.mark.parametrize(
    ("of_rates", "pairs"),
    [
        # the rises of the seeds 1 and 2 have nothing of their seeds to be judged beside: the nearest rate of those at
        # most half as high
        ({0.003: [0.4], 0.01: [0.3], 0.018: [0.3], 0.03: [0.2, -0.2, -0.2]}, ((0.01, 1), (0.01, 2))),
        ({0.003: [0.4], 0.01: [0.3, 0.3], 0.03: [0.2, -0.2, INF]}, ((0.01, 2),)),
        # any will do; of a seed that does not rise none is needed, and where there is none lower none can be asked for
        ({0.003: [0.4, 0.4, 0.4], 0.01: [0.3], 0.03: [0.2, -0.2, -0.2]}, ()),
        ({0.003: [0.4], 0.01: [0.3], 0.03: [-0.2, 0.2, 0.2]}, ()),
        ({0.018: [0.4], 0.03: [-0.2, -0.2, -0.2]}, ()),
    ],
)
def test_a_rise_is_judged_beside_a_lower_rate_of_its_seed(of_rates: Mapping[float, Losses], pairs: object) -> None:
    found = known(of_rates)
    assert compared(found) == pairs
    if pairs:
        assert open_pairs(found) == pairs


def test_a_rise_is_compared_with_the_rates_that_the_rules_compare_it_with() -> None:
    assert _lower_rates.THRESHOLDS.apart == APART


@pytest.mark.parametrize(
    ("of_rates", "is_below"),
    [
        ({0.003: [0.4], 0.01: [-0.3, -0.3, 0.3], 0.03: [0.2] * 3}, True),
        ({0.003: [0.4], 0.01: [-0.3, 0.3, 0.3], 0.03: [0.2] * 3}, False),
        ({0.003: [0.4], 0.01: [0.2] * 3, 0.03: [-0.3] * 3}, False),
        ({0.003: [INF], 0.01: [INF]}, False),
    ],
)
def test_an_unstable_rate_below_the_best_one(of_rates: Mapping[float, Losses], is_below: bool) -> None:
    assert is_unstable_below_best(known(of_rates)) is is_below


LADDER = (0.01, 0.03, 0.1, 0.3, 1.0)
QUESTION = Question(start=0.03, unstable=0.1)
GOOD = [0.2, 0.21, 0.22]


@pytest.mark.parametrize(
    ("of_rates", "stage", "rates"),
    [
        # lr* and the rate to be cured with all seeds, the one below with one
        ({}, "grid", {0.03: 3, 0.1: 3, 0.01: 1}),
        # cured so far: upward, one rate at a time
        ({0.01: [0.3], 0.03: GOOD, 0.1: GOOD}, "grid", {0.3: 3}),
        ({0.01: [0.3], 0.03: GOOD, 0.1: GOOD, 0.3: GOOD}, "grid", {1.0: 3}),
        # the edge is found: it is located, and nothing is asked above it
        ({0.01: [0.3], 0.03: [0.25] * 3, 0.1: GOOD, 0.3: [INF] * 3}, "refinement", {0.1732: 2}),
        # one of three that breaks where it is to be cured is too many: nothing above is asked
        ({0.01: [0.3], 0.03: GOOD, 0.1: [0.2, INF, 0.2]}, None, {}),
        ({0.01: [0.3], 0.03: GOOD, 0.1: [INF] * 3}, None, {}),
        # the rate below is the best one with one seed: the others are asked
        ({0.01: [0.1], 0.03: GOOD, 0.1: [INF] * 3}, None, {0.01: 2}),
    ],
)
def test_what_the_sweep_of_a_fix_asks(
    of_rates: Mapping[float, Losses], stage: Stage | None, rates: Mapping[float, int]
) -> None:
    step = climb(Settings(LADDER), known(of_rates, 3), QUESTION)
    if not rates:
        assert step is None
        return
    assert step is not None
    assert (step.stage, asked(step.pairs)) == (stage, rates)
