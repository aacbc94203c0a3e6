"""What the sweep of a fix, and fresh seeds after it, amount to: verdict tables."""

from __future__ import annotations

import pytest
from treatment_studies import DEAD, GOOD, PLAIN, RISE, swept, tried, with_fresh

from lrdoctor.procedures.measured import Room
from lrdoctor.procedures.treatment import LOWER, Treatment
from lrdoctor.procedures.treatment_results import Cost, NotTried, SearchFailed, prescribed, to_confirm

BETTER, WORSE = (0.05, 0.05, 0.05, 0.06, 0.06), (0.3, 0.31, 0.32, 0.33, 0.34)
DOUBTFUL = (0.125, 0.135, 0.145, 0.15, 0.115)
"""Higher than GOOD in four of five seeds: inside the spread, but no proof that nothing is lost."""
HALF = (0.1, 0.1, -0.2, -0.2, -0.2)
"""Three of five seeds rise."""
ONE_SEED = swept({0.01: GOOD[:1], 0.02: RISE[:1], 0.04: DEAD[:1], 0.1: DEAD[:1]})
ADAM = Treatment(optimizer='{"name":"adam"}')
CURED = {0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}
OWN_RATES = {0.001: GOOD, 0.002: GOOD, 0.005: GOOD, 0.01: GOOD, 0.03: RISE}
FAR = CURED | {0.1: GOOD}
UNSWEPT = (
    NotTried(name="warmup", reason="no validation", cost=Cost()),
    SearchFailed(name="clip_gradients", reason="no threshold holds", cost=Cost()),
)
"""What was not swept is neither confirmed nor prescribed."""


@pytest.mark.parametrize(
    ("after", "changes", "status", "use", "margin"),
    [
        # cured at 0.02 and 0.04: ten trials to none
        (CURED, {}, "unconfirmed", 0.01, 10.0),
        # nothing is cured
        ({0.005: GOOD, 0.01: GOOD, 0.02: RISE, 0.04: DEAD, 0.1: DEAD}, {}, "rejected", 0.005, 4.0),
        # five seeds that hold at 0.02, and none at 0.04, do not say that three of four of all hold at 0.02
        ({0.01: GOOD, 0.02: GOOD, 0.04: DEAD, 0.1: DEAD}, {}, "rejected", 0.01, 4.0),
        # those that hold further up do
        ({0.01: GOOD, 0.02: GOOD, 0.028: GOOD, 0.04: DEAD, 0.1: DEAD}, {}, "unconfirmed", 0.01, 4.0),
        # cured, but every seed loses at every rate
        ({0.01: WORSE, 0.02: WORSE, 0.04: WORSE, 0.1: DEAD}, {}, "rejected", 0.01, 10.0),
        # a gain at a higher rate: that rate is used, with the room above it
        ({0.01: GOOD, 0.02: BETTER, 0.04: GOOD, 0.1: DEAD}, {}, "unconfirmed", 0.02, 5.0),
        # trains better at lr*, and has as much room
        ({0.01: BETTER, 0.015: BETTER, 0.02: RISE, 0.04: DEAD, 0.1: DEAD}, {}, "unconfirmed", 0.01, 2.0),
        # trains better, at a rate that may not be called stable: that rate is not used
        ({0.01: GOOD, 0.02: BETTER, 0.022: RISE, 0.1: DEAD}, {}, "rejected", 0.01, 2.2),
        # one seed is no evidence, however far the rates reach
        ({0.01: GOOD[:1], 0.02: GOOD[:1], 0.04: GOOD[:1], 0.1: DEAD[:1]}, {"before": ONE_SEED}, "rejected", 0.01, 10.0),
        # another update rule: twice the room above its own best rate, or nothing is told
        (OWN_RATES, {"treatment": ADAM}, "unconfirmed", 0.001, 30.0),
        ({0.001: GOOD, 0.002: GOOD, 0.003: RISE}, {"treatment": ADAM}, "rejected", 0.001, 3.0),
        # no rate may be called stable with it, of one seed in two or of none
        ({0.01: GOOD, 0.02: RISE, 0.04: DEAD, 0.1: DEAD}, {}, "rejected", None, None),
        ({0.01: DEAD, 0.02: DEAD}, {}, "rejected", None, None),
    ],
)  # fmt: skip
def test_what_the_search_makes_of_a_fix(after, changes, status, use, margin):
    found = tried(after, **changes)
    assert (found.status, found.rate_to_use) == (status, use)
    assert found.promises is (status == "unconfirmed")
    assert found.room == found.searched_room
    assert found.room.margin == (None if margin is None else pytest.approx(margin))


@pytest.mark.parametrize(
    ("after", "use"),
    [
        # nothing is lost at lr*, which has the most room above it, whatever rate is the best by a little
        ({0.01: GOOD, 0.02: (0.09, *GOOD[1:]), 0.04: (0.09, 0.1, *GOOD[2:]), 0.1: DEAD}, 0.01),
        # lr* seems to lose against the best one, and the next does not
        ({0.01: DOUBTFUL, 0.02: GOOD, 0.04: (0.09, *GOOD[1:]), 0.1: DEAD}, 0.02),
        ({0.01: WORSE, 0.02: DOUBTFUL, 0.04: GOOD, 0.1: DEAD}, 0.04),
        # a gain is not given away, and of those that gain as much the lowest is used
        ({0.01: GOOD, 0.02: BETTER, 0.04: BETTER, 0.1: DEAD}, 0.02),
        ({0.01: (0.04, 0.04, 0.055, 0.13, 0.14), 0.02: BETTER, 0.04: GOOD, 0.1: DEAD}, 0.02),
        # a rate below lr* is used where none from lr* on is left
        ({0.005: WORSE, 0.01: RISE, 0.02: DEAD}, None),
        ({0.002: GOOD, 0.005: GOOD, 0.01: RISE, 0.02: DEAD}, 0.002),
    ],
)
def test_the_rate_to_use_is_the_lowest_that_loses_nothing(after, use):
    assert tried(after).rate_to_use == use


def test_a_cure_needs_more_than_chance():
    before = swept({0.01: GOOD, 0.02: HALF, 0.04: HALF, 0.1: DEAD})
    after = dict.fromkeys((0.01, 0.015, 0.02, 0.03, 0.04, 0.06), GOOD) | {0.1: DEAD}
    some = tried(after | {0.04: (0.1, -0.2, 0.1, 0.1, 0.1)}, before=before)
    assert (some.evidence.cured, some.evidence.broken, some.status) == (6, 1, "rejected")
    every = tried(after, before=before)
    assert (every.evidence.cured, every.evidence.broken, every.status) == (6, 0, "unconfirmed")
    assert (every.evidence.rates, every.evidence.n_pairs) == ((0.02, 0.04), 10)
    assert (every.evidence.n_unstable_without, every.evidence.n_unstable_with) == (6, 0)


def test_a_gain_that_another_rate_reaches_without_the_fix_is_none():
    before = swept({0.01: GOOD, 0.02: RISE, 0.04: DEAD, 0.1: DEAD, 0.015: BETTER}, best_learning_rate=0.01)
    found = tried({0.01: BETTER, 0.015: BETTER, 0.02: RISE, 0.04: DEAD, 0.1: DEAD}, before=before)
    assert found.comparison is not None
    assert (found.comparison.change, found.trains_better, found.status) == ("gain", False, "rejected")


@pytest.mark.parametrize(
    ("after", "promises", "reaches"),
    [
        # no instability below ten times lr*, but what is claimed is the highest rate that may be called stable
        (CURED, False, False),
        (FAR, True, True),
        (CURED | {0.1: GOOD, 0.3: DEAD}, True, True),
        ({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.095: DEAD}, False, False),
        ({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.092: GOOD}, True, True),  # stable at what stands for ten times it
        ({0.01: GOOD, 0.02: GOOD, 0.04: GOOD}, False, False),  # no instability found, but not looked for far enough
        (dict.fromkeys(FAR, DOUBTFUL), False, True),  # by the search it may lose something, on fresh seeds it does not
    ],
)
def test_all_the_room(after, promises, reaches):
    found = tried(after)
    assert (found.status, found.promises_target, found.reaches_target) == ("unconfirmed", promises, False)
    fresh = with_fresh(found, use=GOOD, baseline=GOOD)
    assert (fresh.status, fresh.reaches_target) == ("verified", reaches)


def test_a_bound_says_so():
    assert tried({0.01: GOOD, 0.02: GOOD, 0.04: GOOD}).room == Room(4.0, is_bound=True)


@pytest.mark.parametrize(
    ("fresh", "status", "highest", "room"),
    [
        # the room is what was confirmed, and there may be more
        ({}, "verified", 0.0405, Room(4.05, is_bound=True)),
        # stable at the rate to use alone buys nothing; unstable there, or a loss, all the less
        ({"reach": RISE}, "rejected", None, Room(None)),
        ({"use": RISE}, "rejected", None, Room(None)),
        ({"use": WORSE}, "rejected", None, Room(None)),
        ({"baseline_reach": GOOD}, "rejected", None, Room(None)),
    ],
)
def test_verified_is_what_fresh_seeds_confirm(fresh, status, highest, room):
    found = tried(CURED)
    assert (found.status, found.highest_stable, found.room) == ("unconfirmed", 0.0405, Room(10.0))
    found = with_fresh(found, **fresh)
    assert (found.status, found.highest_stable, found.room) == (status, highest, room)
    assert found.is_refuted is (status == "rejected")
    assert found.searched_room == Room(10.0)


def test_the_figures_are_those_of_the_fresh_seeds():
    found = tried({0.01: BETTER, 0.02: BETTER, 0.04: BETTER, 0.1: DEAD})
    assert (found.objective, found.trains_better) == ((0.05, 0.05, 0.06), True)
    fresh = with_fresh(found, use=DOUBTFUL, baseline=(0.16, 0.17, 0.18, 0.19, 0.2))
    assert fresh.objective == (0.135, 0.115, 0.15)
    assert (fresh.comparison and fresh.comparison.change, fresh.trains_better) == ("gain", True)
    assert found.comparison is not None
    assert (fresh.searched and fresh.searched.gain) == found.comparison.gain
    # a gain of the search that fresh seeds do not show: its room is what is left of it
    fresh = with_fresh(found, use=GOOD, baseline=GOOD)
    assert (fresh.status, fresh.seems_better, fresh.trains_better) == ("verified", True, False)


@pytest.mark.parametrize(
    ("found", "use", "reach", "baseline_use", "baseline_reach", "gains", "widens"),
    [
        (tried(CURED), 0.01, 0.0405, None, 0.0405, False, True),
        # a gain at another rate than lr*: it must not be that rate's
        (tried({0.01: GOOD, 0.02: BETTER, 0.04: GOOD, 0.1: DEAD}), 0.02, 0.0405, 0.02, 0.0405, True, True),
        (tried({0.01: BETTER, 0.015: BETTER, 0.02: RISE, 0.1: DEAD}), 0.01, 0.0134, None, 0.0134, True, False),
        # another update rule: as many times lr* as it reaches above its own best rate
        (
            tried(OWN_RATES, treatment=ADAM),
            0.001, 0.0104, None, 0.104, False, True,
        ),
        (tried({0.001: GOOD, 0.01: GOOD, 0.02: RISE}, name=LOWER, treatment=Treatment(), base_learning_rate=0.001),
            0.001, 0.001, None, 0.001, False, False),
    ],
)  # fmt: skip
def test_what_fresh_seeds_are_asked(found, use, reach, baseline_use, baseline_reach, gains, widens):
    claim = found.claim
    assert (claim.base_learning_rate, claim.reach, claim.baseline_learning_rate) == (use, reach, 0.01)
    assert (claim.baseline_use, claim.baseline_reach) == (baseline_use, baseline_reach)
    assert (claim.gains, claim.widens) == (gains, widens)
    assert claim.is_last_resort is claim.may_cost is (found.name == LOWER)


def test_where_nothing_trains_no_loss_is_asked_for():
    before = swept({0.01: DEAD, 0.02: DEAD}, best_learning_rate=None)
    found = tried(CURED, before=before)
    claim = found.claim
    assert (found.status, claim.baseline_learning_rate, claim.widens) == ("unconfirmed", None, True)
    assert with_fresh(found).status == "verified"


@pytest.mark.parametrize(
    ("rates", "rate", "promises", "fresh", "status"),
    [
        ({0.002: GOOD, 0.01: GOOD, 0.02: RISE}, 0.002, True, GOOD, "verified"),
        # lr* is at the edge: worth what it costs
        ({0.002: WORSE, 0.01: GOOD, 0.02: RISE}, 0.002, True, WORSE, "verified"),
        # but it has to hold
        ({0.002: GOOD, 0.01: GOOD, 0.02: RISE}, 0.002, True, HALF, "rejected"),
        # there is room enough to keep lr*
        ({0.003: WORSE, 0.01: GOOD, 0.03: RISE}, 0.003, False, None, "rejected"),
        ({0.003: GOOD, 0.01: GOOD, 0.03: RISE}, 0.003, True, WORSE, "rejected"),
        ({0.003: GOOD, 0.01: GOOD, 0.03: RISE}, 0.003, True, DOUBTFUL, "rejected"),
        ({0.002: RISE, 0.01: GOOD, 0.02: RISE}, 0.002, False, None, "rejected"),
    ],
)
def test_the_last_resort(rates, rate, promises, fresh, status):
    before = swept(rates, best_learning_rate=0.01)
    found = tried(rates, name=LOWER, treatment=Treatment(), before=before, base_learning_rate=rate)
    assert (found.rate_to_use, found.promises) == (rate, promises)
    if promises:
        assert found.status == "unconfirmed"
        found = with_fresh(found, use=fresh)
        assert found.room == found.searched_room  # above a lower rate it is known without the fresh seeds
    assert found.status == status


def test_a_doubtful_loss_of_the_search_is_no_loss_and_no_full_cure():
    found = tried(dict.fromkeys((0.01, 0.02, 0.04), DOUBTFUL) | {0.1: DEAD})
    assert found.comparison is not None
    assert 0.05 < found.comparison.chance_higher <= 0.2
    assert (found.status, found.loses, found.may_lose, found.promises_target) == ("unconfirmed", False, True, False)
    assert with_fresh(found, use=DOUBTFUL).status == "rejected"
    assert with_fresh(found, use=GOOD).status == "verified"


def named(name, after, **changes):
    return tried(after, name=name, **changes)


WORTHLESS = named("worthless", {0.005: GOOD, 0.01: GOOD, 0.02: RISE, 0.04: DEAD, 0.1: DEAD})
SOME = named("some", {0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.05: DEAD})
ALIKE = named("alike", {0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.06: DEAD})
MORE = named("more", {0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.08: DEAD})
ALL = named("all", FAR)
GAIN = named("gain", {0.01: GOOD, 0.02: BETTER, 0.04: GOOD, 0.05: DEAD})
BEST = named("best", {0.01: GOOD, 0.02: (0.01, 0.02, 0.02, 0.03, 0.02), 0.04: GOOD, 0.05: DEAD})
SLIGHTLY = named("slightly better", {0.01: GOOD, 0.02: (0.01, 0.03, 0.02, 0.04, 0.02), 0.04: GOOD, 0.05: DEAD})
HIGHER = named("higher", dict.fromkeys((0.01, 0.02, 0.04), (0.101, *GOOD[1:3], 0.131, 0.141)) | {0.1: DEAD})
DOUBTED = named("doubted", dict.fromkeys((0.01, 0.02, 0.04), DOUBTFUL) | {0.1: DEAD})
LAST = tried({0.001: GOOD, 0.01: GOOD, 0.02: RISE}, name=LOWER, treatment=Treatment(), base_learning_rate=0.001)


def sure(found):
    """Fresh seeds do as those of the search, and train as well as those without the fix at least."""
    return with_fresh(found, use=GOOD) if found.costs else with_fresh(found)


def refuted(found):
    """It is unstable on fresh seeds."""
    return with_fresh(found, use=RISE)


@pytest.mark.parametrize(
    ("of", "chosen"),
    [
        ([], None),
        ([WORTHLESS], None),
        ([LAST], LOWER),
        # the most room by the search; alike within the factor that a sweep tells, the documented order decides
        ([WORTHLESS, SOME], "some"),
        ([SOME, ALIKE], "some"),
        ([SOME, MORE], "more"),
        ([SOME, ALL, MORE], "all"),
        # what seems to train better comes first, that with the lowest loss before the others
        ([ALL, GAIN], "gain"),
        ([GAIN, BEST], "best"),
        # then what costs nothing, not even in the middle of the seeds; what is in doubt comes last
        ([DOUBTED, SOME], "some"),
        ([DOUBTED, HIGHER], "higher"),
        ([DOUBTED], "doubted"),
        # one that is confirmed ends it, unless another one seems to train better
        ([sure(SOME), MORE], None),
        ([sure(SOME), GAIN], "gain"),
        ([sure(GAIN), BEST], "best"),  # its loss is lower by the search
        ([sure(BEST), GAIN], None),
        # one that is refuted does not; after three the last resort is asked, and that once
        ([refuted(SOME), MORE], "more"),
        ([refuted(SOME), refuted(MORE), ALL], "all"),
        ([refuted(SOME), refuted(MORE), refuted(ALL), GAIN, LAST], LOWER),
        ([refuted(SOME), refuted(MORE), refuted(ALL), GAIN], None),
        ([refuted(SOME), refuted(MORE), sure(ALL), LAST], None),
        ([refuted(SOME), LAST], LOWER),
        ([refuted(SOME), refuted(LAST)], None),
        ([sure(SOME), LAST], None),
        ([SOME, LAST], "some"),
    ],
)
def test_which_fix_is_confirmed_next(of, chosen):
    found = to_confirm([*UNSWEPT, *of], most=3)
    assert (found and found.name) == chosen


@pytest.mark.parametrize(
    ("of", "chosen"),
    [
        ([], None),
        # what the search alone speaks for is not prescribed, nor what fresh seeds refute
        ([SOME, ALL, GAIN, LAST], None),
        ([refuted(SOME), WORTHLESS], None),
        ([WORTHLESS, sure(SOME)], "some"),
        ([sure(SOME), sure(ALIKE)], "some"),  # confirmed up to the same rate: the documented order decides
        ([sure(SOME), sure(ALL)], "all"),
        ([refuted(ALL), sure(SOME)], "some"),
        ([ALL, sure(SOME)], "some"),
        # what trains better comes first, that which beats the others before them
        ([sure(ALL), sure(GAIN)], "gain"),
        ([sure(GAIN), sure(BEST)], "best"),
        ([sure(BEST), sure(GAIN)], "best"),
        ([sure(SLIGHTLY), sure(BEST)], "slightly better"),  # inside the spread: the documented order decides
        # a gain of the search that fresh seeds do not show is none
        ([with_fresh(GAIN, use=GOOD), sure(ALL)], "all"),
        ([WORTHLESS, sure(LAST)], LOWER),
        ([sure(SOME), sure(LAST)], "some"),
        ([refuted(LAST)], None),
    ],
)
def test_prescription(of, chosen):
    found = prescribed([*UNSWEPT, *of])
    assert (found and found.fix.name) == chosen


def test_the_samples_are_what_they_are_called():
    samples = (SOME, ALIKE, MORE, ALL, GAIN, BEST, SLIGHTLY, HIGHER, DOUBTED, LAST)
    assert [t.status for t in (WORTHLESS, *samples)] == ["rejected", *["unconfirmed"] * len(samples)]
    assert [sure(t).status for t in samples] == ["verified"] * len(samples)
    assert [refuted(t).status for t in samples] == ["rejected"] * len(samples)
    assert [t.seems_better for t in samples] == [False] * 4 + [True] * 3 + [False] * 3
    assert (HIGHER.costs, HIGHER.may_lose, DOUBTED.may_lose) == (True, False, True)
    assert PLAIN.study.stability_margin == 2
