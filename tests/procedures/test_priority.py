"""What a budget takes first of a sweep's next step: tables of what is known, what is asked, and the order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from sparing_studies import INF, known

from lrdoctor.core.study import Stage
from lrdoctor.procedures.priority import in_words, ordered
from lrdoctor.procedures.sparing import LIMITS, Step, next_step
from lrdoctor.procedures.sweep import Settings

GOOD = (0.5, 0.51, 0.52, 0.53, 0.54)
"""Losses of the seeds at the best rate; those of worse and broken rates follow."""
WORSE = (0.8, 0.81, 0.82, 0.83, 0.84)
BROKEN = (INF,) * 5


@pytest.mark.parametrize(
    ("tried", "stage", "asked", "order"),
    [
        # nothing is known: from the middle outward, the higher one of two first
        ({}, "grid", [0.001, 0.01, 0.1, 1.0, 10.0], [0.1, 1.0, 0.01, 10.0, 0.001]),
        # the edge and lr* are both open: the nearest first
        ({0.01: GOOD[:1], 0.03: WORSE[:1]}, "grid", [0.003, 0.1], [0.003, 0.1]),
        # lr* is bracketed, the edge is not
        ({0.001: WORSE[:1], 0.01: GOOD[:1], 0.1: WORSE[:1]}, "grid", [0.0003, 1.0], [1.0, 0.0003]),
        # the edge is, lr* is not
        ({0.01: GOOD[:1], 0.1: WORSE[:1], 1.0: BROKEN[:1]}, "grid", [0.003, 3.0], [0.003, 3.0]),
        # both are: what is nearest to either
        ({0.001: WORSE[:1], 0.01: GOOD[:1], 1.0: BROKEN[:1]}, "grid", [0.0003, 0.3], [0.3, 0.0003]),
        # nothing trains: downward
        ({0.01: BROKEN[:1], 0.1: BROKEN[:1]}, "grid", [0.003, 0.3], [0.003, 0.3]),
        # the checks, with no edge in sight
        ({0.001: WORSE[:2], 0.01: GOOD[:2], 0.03: WORSE[:2]}, "check", [0.05, 0.1], [0.05, 0.1]),
    ],
)
def test_new_rates_that_bracket_come_before_what_only_narrows(
    tried: Mapping[float, Sequence[float]], stage: Stage, asked: list[float], order: list[float]
) -> None:
    step = Step(stage, tuple((rate, 0) for rate in asked))
    assert [rate for rate, _ in ordered(known(tried), step)] == order


def test_a_seed_at_every_rate_comes_before_a_second_one_at_any() -> None:
    tried = {0.001: WORSE[:1], 0.01: GOOD[:1], 0.1: WORSE[:1], 1.0: BROKEN[:1]}
    step = Step(None, tuple((rate, seed) for rate in (0.1, 0.01, 1.0) for seed in (1, 2)))
    assert ordered(known(tried), step) == ((1.0, 1), (0.01, 1), (0.1, 1), (1.0, 2), (0.01, 2), (0.1, 2))


def test_the_order_is_one_of_the_trials_asked_for() -> None:
    tried = {0.003: WORSE[:1], 0.01: GOOD[:1], 0.03: WORSE[:2]}
    for limits in (LIMITS, None):
        step = next_step(Settings((0.001, 0.003, 0.01, 0.03, 0.1, 0.3)), known(tried), limits)
        assert step is not None
        assert len(step.pairs) > 1
        assert sorted(ordered(known(tried), step)) == sorted(step.pairs)
        shuffled = Step(step.stage, tuple(sorted(step.pairs, key=lambda pair: (pair[1], -pair[0]))))
        assert ordered(known(tried), shuffled) == ordered(known(tried), step)


@pytest.mark.parametrize(
    ("stage", "left", "words"),
    [
        ("check", [(0.05, 1)], "1 trial of the sweep (check: seed 1 at 0.05)"),
        (None, [(0.1, 2), (0.01, 1)], "2 trials of the sweep (further seeds: seed 1 at 0.01, seed 2 at 0.1)"),
        (
            "grid",
            [(0.01, seed) for seed in range(8)],
            "8 trials of the sweep (grid: seed 0 at 0.01, seed 1 at 0.01, seed 2 at 0.01, seed 3 at 0.01, "
            "seed 4 at 0.01, seed 5 at 0.01 and 2 more)",
        ),
    ],
)
def test_what_is_left_out_is_named(stage: Stage | None, left: list[tuple[float, int]], words: str) -> None:
    assert in_words(Step(stage, tuple(left)), left) == words
