"""What came of a fix, in sentences that hold the evidence."""

from __future__ import annotations

import math

import pytest
from treatment_worlds import DEAD, GOOD, PLAIN, RISE, swept, tried

from lrdoctor.assess.treat_words import in_short, numbers, of_prescription, room, why
from lrdoctor.procedures.measured import Room
from lrdoctor.procedures.treated import Treated
from lrdoctor.procedures.treatment import LOWER, Treatment

CURED = {0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}
BETTER, WORSE = (0.05, 0.05, 0.05, 0.06, 0.06), (0.3, 0.31, 0.32, 0.33, 0.34)
TWO = swept({0.01: GOOD[:2], 0.02: RISE[:2], 0.04: DEAD[:2]})


@pytest.mark.parametrize(
    ("fix", "words"),
    [
        (
            tried(CURED),
            [
                "the highest stable rate goes from 0.01 to 0.04",
                "at the 2 rates from 0.02 to 0.04 10 of 10 trials are unstable without it and 0 of 10 with it",
                "best validation loss 0.12 (0.1..0.14) at 0.01 with it, 0.12 (0.1..0.14) at lr* = 0.01 without",
                "no gain, it is inside the spread",
            ],
        ),
        (tried({0.01: GOOD, 0.02: GOOD, 0.04: DEAD}), ["no more than 1.25 times the lowest unstable rate 0.02"]),
        (tried({0.01: WORSE, 0.02: WORSE, 0.04: WORSE, 0.1: DEAD}), ["a loss", "lower in 0 of 5 seeds"]),
        (
            tried({0.01: (0.125, 0.135, 0.145, 0.15, 0.115), 0.02: RISE, 0.04: DEAD}),
            ["no gain, it is inside the spread", "it may cost some: losses as high come by chance in 11 % of cases"],
        ),
        (tried({0.01: BETTER, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}), ["a gain", "lower in 5 of 5 seeds"]),
        (tried({0.01: DEAD, 0.02: DEAD}), ["no learning rate is stable with it"]),
        (tried(missing="no norms"), ["no norms"]),
        (tried(failed="no warmup holds"), ["no warmup holds"]),
        (
            tried({0.001: GOOD, 0.005: RISE}, treatment=Treatment(optimizer='{"name":"adam"}')),
            ["its own best rate is 0.001, and the room above it 5x, against 2x without"],
        ),
        (
            tried({0.001: GOOD, 0.003: RISE}, treatment=Treatment(optimizer='{"name":"adam"}')),
            ["less than 2 times the room tells nothing"],
        ),
        (tried(CURED, share_clipped={0.01: 0.1}), ["10 % of the updates are clipped there"]),
        (tried(CURED, share_clipped={0.01: 0.6}), ["that is a way of lowering the learning rate"]),
        (
            tried({0.01: GOOD[:2], 0.02: GOOD[:2], 0.04: GOOD[:2]}, before=TWO),
            ["the 4 that it makes stable do not outnumber the 0", "all this rests on 2 seeds"],
        ),
        (
            tried({0.002: WORSE, 0.01: GOOD, 0.02: RISE}, name=LOWER, treatment=Treatment(), base_learning_rate=0.002),
            ["at 0.002 the lowest unstable rate is 10x higher", "a loss"],
        ),
    ],
)
def test_why(fix, words):
    told = why(fix)
    assert [word for word in words if word not in told] == []
    assert not {"none", "nan", "inf"} & set(told.split())


SOME = tried({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.05: DEAD}, treatment=Treatment(clip_norm=0.5))
ALL = tried(CURED)
LAST = tried({0.002: GOOD, 0.01: GOOD, 0.02: RISE}, name=LOWER, treatment=Treatment(), base_learning_rate=0.002)


def outcome(*of, chosen=None, **changes):
    return Treated(**{"study": PLAIN.study, "before": PLAIN, "tried": of, "prescribed": chosen, **changes})


@pytest.mark.parametrize(
    ("treated", "short"),
    [
        (outcome(SOME, ALL, chosen=ALL), "prescribed: warmup_steps 10 at 0.01 (room 10x, no gain in the loss)"),
        (outcome(SOME, chosen=SOME), "prescribed: clip_norm 0.5 at 0.01 (room 5x, no gain in the loss)"),
        (outcome(), "no fix is prescribed: none is verified"),
        (outcome(SOME), "no fix is prescribed: those verified may cost more than they bring"),
        (outcome(unneeded="there is room"), "no fix tried: there is room"),
    ],
)
def test_the_outcome_in_short(treated, short):
    assert in_short(treated) == short


@pytest.mark.parametrize(
    ("treated", "words"),
    [
        (outcome(SOME, ALL, chosen=ALL), "the first fix in order with 10x of room above 0.01"),
        (
            outcome(SOME, chosen=SOME),
            "no fix restores 10x of room beyond doubt of a loss; this one alone is verified",
        ),
        (
            outcome(SOME, SOME, chosen=SOME),
            "no fix restores 10x of room beyond doubt of a loss; of those verified",
        ),
        (outcome(LAST, chosen=LAST), "no other fix is verified without a likely cost: the last resort"),
    ],
)
def test_why_this_fix(treated, words):
    if treated.tried == (SOME, SOME):
        treated = outcome(SOME, tried({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.06: DEAD}), chosen=SOME)
    assert words in of_prescription(treated)


@pytest.mark.parametrize(
    ("fix", "told"),
    [
        (tried(treatment=Treatment(warmup_steps=10, clip_norm=0.123456)), "warmup_steps 10 + clip_norm 0.1235"),
        (tried(settings={"optimizer": {"name": "adam"}}, treatment=Treatment(optimizer="{}")), "optimizer adam"),
        (LAST, LOWER),
    ],
)
def test_a_fix_with_its_numbers(fix, told):
    assert numbers(fix) == told


@pytest.mark.parametrize(
    ("found", "told"), [(Room(None), "unknown"), (Room(4.2), "4.2x"), (Room(10.0, is_bound=True), "10x or more")]
)
def test_room(found, told):
    assert room(found) == told


def test_an_infeasible_seed_is_told():
    with_one = tried({0.01: (*GOOD[:4], math.inf), 0.02: GOOD, 0.04: GOOD, 0.1: DEAD})
    assert "some trials are infeasible" in why(with_one)
