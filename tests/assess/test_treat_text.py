"""What came of a fix, in sentences that hold the evidence."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from treatment_studies import DEAD, GOOD, PLAIN, RISE, swept, tried, verified, with_fresh

from lrdoctor.assess.treat_text import in_short, numbers, of_prescription, room, why
from lrdoctor.procedures.comparison import compare
from lrdoctor.procedures.measured import Room
from lrdoctor.procedures.treated import Treated
from lrdoctor.procedures.treatment import LOWER, Treatment
from lrdoctor.procedures.treatment_results import Cost, Lower, NotTried, SearchFailed

CURED = {0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}
BETTER, WORSE = (0.05, 0.05, 0.05, 0.06, 0.06), (0.3, 0.31, 0.32, 0.33, 0.34)
DOUBTFUL = (0.125, 0.135, 0.145, 0.15, 0.115)
"""Higher than GOOD in four of five seeds."""
TWO = swept({0.01: GOOD[:2], 0.02: RISE[:2], 0.04: DEAD[:2]})
ROOMY = swept({0.005: GOOD, 0.01: GOOD, 0.02: RISE, 0.04: DEAD}, best_learning_rate=0.01)
ADAM = Treatment(optimizer='{"name":"adam"}')
LOWERED = Lower(base_learning_rate=0.004, objective=0.12, paired=compare(dict(enumerate(GOOD)), dict(enumerate(WORSE))))
FAR = {**CURED, 0.1: GOOD}
SOME = tried({0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.05: DEAD}, treatment=Treatment(clip_norm=0.5))
ALL = tried(FAR)
GAINS = tried({0.01: BETTER, 0.015: BETTER, 0.02: RISE, 0.1: DEAD})
LAST = tried({0.002: GOOD, 0.01: GOOD, 0.02: RISE}, name=LOWER, treatment=Treatment(), base_learning_rate=0.002)


@pytest.mark.parametrize(
    ("fix", "words"),
    [
        (
            tried(CURED),
            [
                "not tried on fresh seeds: another fix was confirmed first, the limit was reached, or the budget ended",
                "on the seeds of the search no rate may be called stable without it, with it those up to 0.0405",
                "with it half of all seeds become unstable at a rate between 0.0444 and 0.086 (90 %",
                "of the trials at the 2 rates from 0.02 to 0.04, 10 of 10 are unstable without it and 0 of 10 with it",
                "best validation loss 0.12 (0.1..0.14) at 0.01 with it, 0.12 (0.1..0.14) at lr* = 0.01 without",
                "no change beyond the spread",
            ],
        ),
        (tried(CURED, before=ROOMY), ["the highest stable rate goes from 0.00973 to 0.0405"]),
        (
            tried({0.01: GOOD, 0.02: GOOD, 0.04: DEAD}),
            ["stable up to 0.0195, below the lowest rate that is unstable without it, 0.02"],
        ),
        (tried({0.01: WORSE, 0.02: WORSE, 0.04: WORSE, 0.1: DEAD}), ["a loss", "lower in 0 of 5 seeds"]),
        (
            tried(dict.fromkeys((0.01, 0.02, 0.04), DOUBTFUL) | {0.1: DEAD}),
            ["no change beyond the spread", "it may cost some: losses as high come by chance in 11 % of cases"],
        ),
        (tried({0.01: BETTER, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}), ["a gain", "lower in 5 of 5 seeds"]),
        (tried({0.01: DEAD, 0.02: DEAD}), ["no learning rate is stable with it"]),
        (NotTried(name="warmup", reason="no norms", cost=Cost()), ["no norms"]),
        (SearchFailed(name="warmup", reason="no warmup holds", cost=Cost()), ["no warmup holds"]),
        (
            tried({0.001: GOOD, 0.002: GOOD, 0.005: GOOD, 0.02: RISE}, treatment=ADAM),
            ["its own best rate is 0.001, and the room above it 20x, against 2x without"],
        ),
        (
            tried({0.001: GOOD, 0.005: RISE}, treatment=ADAM),
            ["its stable rates reach up to 0.00112; less than 2 times the room without it shows nothing"],
        ),
        (tried(CURED, share_clipped={0.01: 0.1}), ["10 % of the updates are clipped there"]),
        (tried(CURED, share_clipped={0.01: 0.6}), ["that is a way of lowering the learning rate"]),
        (
            replace(tried(CURED, share_clipped={0.01: 0.6}), lower=LOWERED),
            ["without clipping the rate 0.004, whose steps are as large on average, reaches 0.12: the lower rate"],
        ),
        (
            tried({0.01: GOOD[:2], 0.02: GOOD[:2], 0.04: GOOD[:2]}, before=TWO),
            ["the 4 that it makes stable do not outnumber the 0", "all this rests on 2 seeds"],
        ),
        (
            tried({0.002: WORSE, 0.01: GOOD, 0.02: RISE}, name=LOWER, treatment=Treatment(), base_learning_rate=0.002),
            ["at 0.002 the lowest unstable rate is 10x higher", "a loss"],
        ),
        # what fresh seeds say, of their own figures
        (
            with_fresh(tried(CURED), use=(-0.2, *GOOD[1:]), reach=GOOD),
            [
                "confirmed on 5 fresh seeds; stable in 4 of 5 at 0.01",
                "in 5 of 5 at 0.0405, and without it in 0 of 5 at 0.0405",
                "best validation loss 0.13 (0.11..0.2) at 0.01 with it, 0.12 (0.1..0.14) at lr* = 0.01 without, after "
                "equal numbers of steps: no change",
                "on the seeds of the search",
            ],
        ),
        (
            with_fresh(tried(CURED), use=RISE),
            ["rejected on fresh seeds: it is not stable at the rate to use; stable in 0 of"],
        ),
        (
            with_fresh(tried(CURED), use=WORSE),
            ["rejected on fresh seeds: its loss is higher", "a loss (lower in 0 of 5 seeds"],
        ),
        (with_fresh(tried(CURED), use=DOUBTFUL), ["rejected on fresh seeds: its loss may be higher"]),
        (
            with_fresh(tried(CURED), baseline_reach=GOOD),
            ["it helps nothing there", "and without it in 5 of 5 at 0.0405"],
        ),
        (with_fresh(GAINS, use=BETTER), ["confirmed on 10 fresh seeds; stable in 10 of 10 at 0.01; best", "a gain"]),
        (with_fresh(LAST), ["confirmed on 5 fresh seeds; stable in 5 of 5 at 0.002"]),
    ],
)
def test_why(fix, words):
    told = why(fix)
    assert [word for word in words if word not in told] == []
    assert not {"none", "nan", "inf"} & set(told.split())


def outcome(*of, chosen=None, **changes):
    known = None if chosen is None else verified(chosen)
    return Treated(**{"study": PLAIN.study, "before": PLAIN, "tried": of, "prescribed": known, **changes})


SURE_SOME, SURE_ALL, SURE_GAINS, SURE_LAST = map(with_fresh, (SOME, ALL, GAINS, LAST))
REFUTED = with_fresh(SOME, use=RISE)
REFUTED_PAIR = with_fresh(tried(CURED, treatment=Treatment(warmup_steps=10, clip_norm=0.25)), use=RISE)


@pytest.mark.parametrize(
    ("treated", "short"),
    [
        (
            outcome(SOME, SURE_ALL, chosen=SURE_ALL),
            "prescribed: warmup_steps 10 at 0.01 (margin 10x or more, no lower loss; confirmed on 5 fresh seeds)",
        ),
        (
            outcome(SURE_SOME, chosen=SURE_SOME),
            "prescribed: clip_norm 0.5 at 0.01 (margin 3.41x or more, no lower loss; confirmed on 5 fresh seeds)",
        ),
        (
            outcome(SURE_GAINS, chosen=SURE_GAINS),
            "prescribed: warmup_steps 10 at 0.01 (margin 1.34x or more, trains better; confirmed on 10 fresh seeds)",
        ),
        (outcome(), "no fix is worth its cost (none helps clearly): stay at lr* = 0.01"),
        (
            outcome(REFUTED, with_fresh(ALL, use=RISE)),
            "no fix is worth its cost (2 held on the seeds of the search and not on fresh ones): stay at lr* = 0.01",
        ),
        (
            outcome(SOME, cut=("clip_gradients: spent",)),
            "no fix is prescribed: the budget did not reach for fresh seeds",
        ),
        (outcome(cut=("clip_gradients: spent",)), "no fix is prescribed: the budget ended before all were tried"),
        (outcome(unneeded="there is room"), "no fix tried: there is room"),
    ],
)
def test_the_outcome_in_short(treated, short):
    assert in_short(treated) == short


@pytest.mark.parametrize(
    ("treated", "words"),
    [
        (
            outcome(SOME, SURE_ALL, chosen=SURE_ALL),
            "the first fix in order that is confirmed to restore a margin of 10x or more, on 5 fresh seeds",
        ),
        (outcome(SURE_SOME, chosen=SURE_SOME), "confirmed on 5 fresh seeds: its stability margin is 3.41x or more"),
        (
            outcome(SURE_SOME, SURE_GAINS, chosen=SURE_GAINS),
            "confirmed on 10 fresh seeds: it trains better than lr* as it is; it comes first of the 2 "
            "confirmed fixes, by the loss, then by the margin",
        ),
        (
            outcome(REFUTED, SURE_GAINS, chosen=SURE_GAINS),
            "confirmed on 10 fresh seeds: it trains better than lr* as it is; rejected on fresh seeds: clip_norm 0.5",
        ),
        (
            outcome(REFUTED, REFUTED_PAIR, SURE_GAINS, chosen=SURE_GAINS),
            "confirmed on 10 fresh seeds: it trains better than lr* as it is; rejected on fresh seeds, each tested "
            "alone: clip_norm 0.5, warmup_steps 10 + clip_norm 0.25",
        ),
        (outcome(SURE_LAST, chosen=SURE_LAST), "no other fix is confirmed: the last resort, stable on 5 fresh seeds"),
    ],
)
def test_why_this_fix(treated, words):
    assert of_prescription(treated.prescribed, treated.tried) == words


@pytest.mark.parametrize(
    ("fix", "told"),
    [
        (tried(CURED, treatment=Treatment(warmup_steps=10, clip_norm=0.123456)), "warmup_steps 10 + clip_norm 0.1235"),
        (tried(CURED, settings={"optimizer": {"name": "adam"}}, treatment=Treatment(optimizer="{}")), "optimizer adam"),
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
