"""What the sweep of a fix amounts to: verdict tables."""

from __future__ import annotations

import pytest
from treatment_worlds import DEAD, GOOD, PLAIN, RISE, swept, tried

from lrdoctor.procedures.measured import Room
from lrdoctor.procedures.treatment import LOWER, Treatment
from lrdoctor.procedures.treatment_results import prescribed

BETTER, WORSE = (0.05, 0.05, 0.05, 0.06, 0.06), (0.3, 0.31, 0.32, 0.33, 0.34)
HALF = (0.1, 0.1, -0.2, -0.2, -0.2)
"""Three of five seeds rise."""
ONE_SEED = swept({0.01: GOOD[:1], 0.02: RISE[:1], 0.04: DEAD[:1], 0.1: DEAD[:1]})
ADAM = Treatment(optimizer='{"name":"adam"}')


@pytest.mark.parametrize(
    ("after", "changes", "status", "use", "margin"),
    [
        # cured at 0.02 and 0.04: ten trials to none
        ({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}, {}, "verified", 0.01, 10.0),
        # nothing is cured
        ({0.01: GOOD, 0.02: RISE, 0.04: DEAD, 0.1: DEAD}, {}, "rejected", 0.01, 2.0),
        # 0.02 alone: no more than the factor up to which the unstable rate is known
        ({0.01: GOOD, 0.02: GOOD, 0.04: DEAD, 0.1: DEAD}, {}, "rejected", 0.01, 4.0),
        # cured, but every seed loses at every rate
        ({0.01: WORSE, 0.02: WORSE, 0.04: WORSE, 0.1: DEAD}, {}, "rejected", 0.01, 10.0),
        # a gain at a higher rate: that rate is used, with the room above it
        ({0.01: GOOD, 0.02: BETTER, 0.04: GOOD, 0.1: DEAD}, {}, "verified", 0.02, 5.0),
        # trains better at lr*, and has as much room
        ({0.01: BETTER, 0.02: RISE, 0.04: DEAD, 0.1: DEAD}, {}, "verified", 0.01, 2.0),
        # trains better, at a rate without room
        ({0.01: GOOD, 0.02: BETTER, 0.022: RISE, 0.1: DEAD}, {}, "rejected", 0.02, 1.1),
        # one seed is no evidence, however far the rates reach
        ({0.01: GOOD[:1], 0.02: GOOD[:1], 0.04: GOOD[:1], 0.1: DEAD[:1]}, {"before": ONE_SEED}, "rejected", 0.01, 10.0),
        # another update rule: twice the room above its own best rate, or nothing is told
        ({0.001: GOOD, 0.005: RISE}, {"treatment": ADAM}, "verified", 0.001, 5.0),
        ({0.001: GOOD, 0.003: RISE}, {"treatment": ADAM}, "rejected", 0.001, 3.0),
        # nothing is stable with it
        ({0.01: DEAD, 0.02: DEAD}, {}, "rejected", None, None),
        # not even searched, not even swept
        (None, {"missing": "no validation"}, "not_tried", None, None),
        (None, {"failed": "no warmup holds", "treatment": None}, "rejected", None, None),
    ],
)  # fmt: skip
def test_verdict_on_a_fix(after, changes, status, use, margin):
    found = tried(after, **changes)
    assert (found.status, found.rate_to_use) == (status, use)
    assert found.room.margin == (None if margin is None else pytest.approx(margin))


def test_a_cure_needs_more_than_chance():
    before = swept({0.01: GOOD, 0.02: HALF, 0.04: HALF, 0.1: DEAD})
    some = tried({0.01: GOOD, 0.02: GOOD, 0.04: (0.1, -0.2, 0.1, 0.1, 0.1), 0.1: DEAD}, before=before)
    assert (some.evidence.cured, some.evidence.broken, some.status) == (6, 1, "rejected")
    every = tried({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}, before=before)
    assert (every.evidence.cured, every.evidence.broken, every.status) == (6, 0, "verified")
    assert (every.evidence.rates, every.evidence.n_pairs) == ((0.02, 0.04), 10)
    assert (every.evidence.n_unstable_without, every.evidence.n_unstable_with) == (6, 0)


def test_a_gain_that_another_rate_reaches_without_the_fix_is_none():
    before = swept({0.01: GOOD, 0.02: RISE, 0.04: DEAD, 0.1: DEAD, 0.015: BETTER}, best_learning_rate=0.01)
    found = tried({0.01: BETTER, 0.02: RISE, 0.04: DEAD, 0.1: DEAD}, before=before)
    assert found.comparison is not None
    assert (found.comparison.change, found.trains_better, found.status) == ("gain", False, "rejected")


@pytest.mark.parametrize(
    ("after", "reaches"),
    [
        ({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}, True),
        ({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.095: DEAD}, False),
        ({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.092: GOOD}, True),  # stable at what stands for ten times it
        ({0.01: GOOD, 0.02: GOOD, 0.04: GOOD}, False),  # no instability found, but not looked for far enough
    ],
)
def test_all_the_room(after, reaches):
    found = tried(after)
    assert found.status == "verified"
    assert found.reaches_target is reaches


def test_a_bound_says_so():
    assert tried({0.01: GOOD, 0.02: GOOD, 0.04: GOOD}).room == Room(4.0, is_bound=True)


@pytest.mark.parametrize(
    ("rates", "rate", "status"),
    [
        ({0.002: GOOD, 0.01: GOOD, 0.02: RISE}, 0.002, "verified"),
        ({0.002: WORSE, 0.01: GOOD, 0.02: RISE}, 0.002, "verified"),  # lr* is at the edge: worth what it costs
        ({0.003: WORSE, 0.01: GOOD, 0.03: RISE}, 0.003, "rejected"),  # there is room enough to keep lr*
        ({0.002: RISE, 0.01: GOOD, 0.02: RISE}, 0.002, "rejected"),
    ],
)
def test_the_last_resort(rates, rate, status):
    before = swept(rates, best_learning_rate=0.01)
    assert tried(name=LOWER, treatment=Treatment(), before=before, base_learning_rate=rate).status == "rejected"
    found = tried(rates, name=LOWER, treatment=Treatment(), before=before, base_learning_rate=rate)
    assert (found.status, found.rate_to_use) == (status, rate)


DOUBTFUL = (0.125, 0.135, 0.145, 0.15, 0.115)
"""Higher than GOOD in four of five seeds: inside the spread, but no proof that nothing is lost."""


def test_a_doubtful_loss_is_no_loss_and_no_full_cure():
    found = tried(dict.fromkeys((0.01, 0.02, 0.04), DOUBTFUL) | {0.1: DEAD})
    assert found.comparison is not None
    assert 0.05 < found.comparison.chance_higher <= 0.2
    assert (found.status, found.loses, found.may_lose, found.reaches_target) == ("verified", False, True, False)


REJECTED = tried({0.01: GOOD, 0.02: RISE, 0.04: DEAD, 0.1: DEAD}, name="rejected")
SOME = tried({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.05: DEAD}, name="some")
ALIKE = tried({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.06: DEAD}, name="alike")
MORE = tried({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.08: DEAD}, name="more")
ALL = tried({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}, name="all")
GAIN = tried({0.01: GOOD, 0.02: BETTER, 0.04: GOOD, 0.05: DEAD}, name="gain")
BEST = tried({0.01: GOOD, 0.02: (0.01, 0.02, 0.02, 0.03, 0.02), 0.04: GOOD, 0.05: DEAD}, name="best")
SLIGHTLY = tried({0.01: GOOD, 0.02: (0.01, 0.03, 0.02, 0.04, 0.02), 0.04: GOOD, 0.05: DEAD}, name="slightly better")
DOUBTED = tried(dict.fromkeys((0.01, 0.02, 0.04), DOUBTFUL) | {0.1: DEAD}, name="doubted")
LAST = tried({0.001: GOOD, 0.01: GOOD, 0.02: RISE}, name=LOWER, treatment=Treatment(), base_learning_rate=0.001)


@pytest.mark.parametrize(
    ("of", "chosen"),
    [
        ([], None),
        ([REJECTED], None),
        ([REJECTED, SOME], "some"),
        ([SOME, ALIKE], "some"),  # alike within the factor that a sweep tells: the documented order decides
        ([SOME, MORE], "more"),
        ([DOUBTED, SOME], "some"),
        ([DOUBTED, REJECTED], None),
        ([DOUBTED, LAST], LOWER),
        ([SOME, ALL, MORE], "all"),
        ([GAIN, MORE], "gain"),
        ([GAIN, BEST], "best"),  # about as much room, and lower in every seed
        ([BEST, GAIN], "best"),
        ([SLIGHTLY, BEST], "slightly better"),  # inside the spread: the documented order decides
        ([GAIN, ALL], "all"),
        ([REJECTED, LAST], LOWER),
        ([SOME, LAST], "some"),
    ],
)
def test_prescription(of, chosen):
    found = prescribed(of)
    assert (found and found.name) == chosen


def test_the_samples_are_what_they_are_called():
    assert [t.status for t in (REJECTED, SOME, ALIKE, MORE, ALL, GAIN, LAST)] == ["rejected", *["verified"] * 6]
    assert PLAIN.study.stability_margin == 2
