"""A way of training as its sweep measured it: which rates may be called stable, and the room above them."""

from __future__ import annotations

import math

import pytest
from treatment_studies import DEAD, GOOD, RISE, swept

from lrdoctor.procedures.measured import Evidence, Room

LOW = (0.05,) * 5
ONE, TWO = (0.1, 0.11, 0.12, 0.13, -0.2), (0.1, 0.11, 0.12, -0.2, -0.2)
"""One and two of five seeds rise."""


@pytest.mark.parametrize(
    ("rates", "stable_up_to", "best"),
    [
        # by the fit to five seeds three of four of all hold somewhat beyond the highest rate at which all did
        ({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}, 0.0405, 0.01),
        ({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.05: DEAD}, 0.0341, 0.01),
        ({0.01: GOOD, 0.012: RISE}, None, None),
        ({0.005: GOOD, 0.01: GOOD, 0.012: RISE}, 0.00817, 0.005),
        # nothing unstable was found: as far as was tried
        ({0.01: GOOD, 0.02: GOOD, 0.04: GOOD}, 0.04, 0.01),
        # one of five seeds may be unstable there, two are too many, and nothing above them counts
        ({0.01: GOOD, 0.1: ONE, 0.2: GOOD, 0.3: GOOD, 0.4: GOOD, 2.0: DEAD}, 0.458, 0.01),
        ({0.01: GOOD, 0.1: GOOD, 0.2: TWO, 0.3: GOOD, 1.0: DEAD}, 0.188, 0.01),
        # a majority that holds is not enough to be called stable
        ({0.01: GOOD, 0.1: TWO, 1.0: DEAD}, 0.0474, 0.01),
        # the best rate is one that may be called stable
        ({0.01: GOOD, 0.02: GOOD, 0.04: LOW, 0.05: DEAD}, 0.0341, 0.01),
        ({0.01: GOOD, 0.02: LOW, 0.04: GOOD, 0.1: DEAD}, 0.0405, 0.02),
        ({0.01: DEAD, 0.02: DEAD}, None, None),
    ],
)
def test_the_highest_rate_that_may_be_called_stable(rates, stable_up_to, best):
    found = swept(rates)
    assert (found.stable_up_to, found.best) == (stable_up_to, best)


def test_one_seed_is_not_enough_to_call_the_last_rate_before_the_edge_stable():
    rates = {0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}
    few = swept({rate: of[:1] for rate, of in rates.items()})
    assert few.stable_up_to is not None
    assert few.stable_up_to < 0.04 < (swept(rates).stable_up_to or 0.0)


def test_the_interval_of_the_unstable_rate_holds_it():
    found = swept({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD})
    assert found.unstable_range is not None
    low, high = found.unstable_range
    assert 0.04 < low < high < 0.1


def test_without_a_trial_nothing_is_known():
    found = swept({})
    assert (found.reach, found.unstable_range, found.stable_up_to, found.best) == (None, None, None, None)
    assert found.room(0.01) == Room(None)


@pytest.mark.parametrize(
    ("rates", "of", "room"),
    [
        ({0.01: GOOD, 0.02: GOOD, 0.04: DEAD}, 0.01, Room(4.0)),
        ({0.01: GOOD, 0.02: GOOD, 0.04: DEAD}, 0.02, Room(2.0)),
        ({0.01: GOOD, 0.02: GOOD}, 0.01, Room(2.0, is_bound=True)),
        ({0.01: GOOD}, None, Room(None)),
    ],
)
def test_the_room_above_a_rate(rates, of, room):
    assert swept(rates).room(of) == room


def test_evidence_is_of_the_seeds_that_both_have():
    before = swept({0.02: (*RISE[:3], 0.1, 0.1)})
    after = swept({0.02: (0.1, 0.1, -0.2, -0.2)})
    found = Evidence().with_rate(0.02, before, after)
    assert found == Evidence(
        rates=(0.02,), n_pairs=4, n_unstable_without=3, n_unstable_with=2, cured=2, broken=1
    )  # fmt: skip
    twice = found.with_rate(0.02, before, after)
    assert (twice.rates, twice.cured, twice.broken) == ((0.02, 0.02), 4, 2)


def test_a_rate_that_was_not_tried_holds_nothing():
    found = swept({0.01: GOOD, 0.02: (math.inf, *GOOD[1:]), 0.04: (math.inf, math.inf, math.inf, *GOOD[3:])})
    assert [found.holds_at(rate) for rate in (0.01, 0.02, 0.04, 0.03, None)] == [True, True, False, False, False]
    assert (found.at(0.03), found.at(None), found.rate(0.03)) == ({}, {}, None)
