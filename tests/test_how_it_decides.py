"""The numbers that docs/how-it-decides.md and docs/limits.md tell are those of the code."""

from __future__ import annotations

import math
import re

import pytest
from document_commands import ROOT

from lrdoctor.core.study import Study
from lrdoctor.examine.seeds import FEWEST_SEEDS, MOST_SEEDS
from lrdoctor.examine.treatments import AUTOCLIP
from lrdoctor.measures import beside, early, evaluations, level, rises, untrained, view
from lrdoctor.procedures import certainty, clip, comparison, confirmation, reach, sweep, treatment, validity
from lrdoctor.rules import _lower_rates, best_at_edge, stuck_plateau
from lrdoctor.training.hopeless import Hopeless

HOW, LIMITS = "how-it-decides", "limits"
SWEEP = sweep.Settings(grid=(0.1,))
TREAT, FRESH, CLIP = treatment.Settings(), confirmation.Settings(), clip.Settings()
VIEW, BLOWN, STUCK, LEVEL = view.THRESHOLDS, untrained.THRESHOLDS, stuck_plateau.THRESHOLDS, level.THRESHOLDS
LOWER, EARLY = _lower_rates.THRESHOLDS, early.THRESHOLDS
FORGOTTEN, VALID = evaluations.THRESHOLDS, validity.THRESHOLDS
SHORT = view.THRESHOLDS.fewest_points

SURE = certainty.SETTINGS


def nine_in_ten() -> tuple[float, float]:
    """Factors between which the spread over seeds of nine in ten workloads lies, by its prior."""
    low, high = (math.exp(reach.PRIOR.spread * math.exp(z * reach.PRIOR.spread_varies)) for z in (-1.645, 1.645))
    return round(low, 1), round(high, 1)


TOLD = [
    (
        HOW,
        "a tenth of the run, 25 at least and 500 at most, or a twentieth where that is longer",
        (EARLY.short_share, EARLY.least, EARLY.steps, EARLY.share),
        (0.1, 25, 500, 0.05),
    ),
    (
        HOW,
        "on one batch more than twice as badly, by six standard deviations",
        (round(math.exp(BLOWN.single), 6), BLOWN.single_noises),
        (2, 6),
    ),
    (
        HOW,
        "half as much again in the median over three batches and more, beyond what noise does in one of a hundred",
        (round(math.exp(BLOWN.lasting), 6), min(BLOWN.lengths), BLOWN.alpha),
        (1.5, 3, 0.01),
    ),
    (HOW, "worse by a quarter of a loss that needs no learning", BLOWN.lost, 0.25),
    (HOW, "half of the way from the untrained level to the lowest one, and all of it", BLOWN.progress, 0.5),
    (HOW, "they have to show a quarter of it", beside.THRESHOLDS.seen, 0.25),
    (
        HOW,
        "(below 5 % of the first loss, and within three times the noise of points)",
        (VIEW.trifle, VIEW.stands_out),
        (0.05, 3),
    ),
    (
        HOW,
        "15 % of what had been learned, by four times their noise, while the training loss went up by half as much",
        (FORGOTTEN.share, FORGOTTEN.noises, FORGOTTEN.confirmed),
        (0.15, 4, 0.5),
    ),
    (HOW, "at half the rate or less shows in the same steps, by half as much", (LOWER.apart, LOWER.shared), (2, 0.5)),
    (HOW, "ends no worse than the trials at lower rates do, to a quarter of it", LOWER.worse, 0.25),
    (HOW, "ends at more than twice** what the untrained weights lose", round(math.exp(BLOWN.single), 6), 2),
    (HOW, "less than a twentieth of what they do at the lower rate", STUCK.spread, 0.05),
    (HOW, "it made a tenth at most", STUCK.above_constant, 0.1),
    (HOW, "within a twentieth of the way, and a quarter of it is missing", (STUCK.same, STUCK.missing), (0.05, 0.25)),
    (HOW, "most of what the lower rate learns is missing | more than half", STUCK.most, 0.5),
    (HOW, "stays above twice what it began with", 1 + Hopeless(100).rise, 2),
    (HOW, "differs between its rates or from its control, by more than a millionth", VALID.same, 1e-6),
    (
        HOW,
        "in the same steps at three rates and more, over a decade",
        (VALID.fewest_rates, VALID.decade),
        (3, 10),
    ),
    (HOW, "by three standard errors and 1 %", (LEVEL.certain, LEVEL.least), (3, 0.01)),
    (HOW, "by two decades at most", SWEEP.decades, 2),
    (
        HOW,
        "The rates 5 x and 10 x lr\\* are checked, unless a tried rate within 10 %",
        (SWEEP.checks, SWEEP.same),
        ((5, 10), 0.1),
    ),
    (HOW, "within a factor of 1.25", SWEEP.resolution, 1.25),
    (
        HOW,
        "**at the edge** at 2 or less, or below 5",
        (best_at_edge.THRESHOLDS.margin, best_at_edge.THRESHOLDS.clear),
        (2, 5),
    ),
    (HOW, "**90 % interval**", SURE.confidence, 0.9),
    (HOW, "in 95 of 100 draws, and `stable` where it does in at most 5", round(50 * (1 + SURE.confidence)), 95),
    (HOW, "84 of 100 draws have to agree", round(50 * (1 + SURE.single)), 84),
    (HOW, "typically a factor of 1.35", round(math.exp(reach.PRIOR.spread), 2), 1.35),
    (HOW, "nine in ten workloads between 1.1 and 2.6", nine_in_ten(), (1.1, 2.6)),
    (HOW, "In one trial of a hundred the judgement is taken to be wrong", reach.PRIOR.mistaken, 0.01),
    (HOW, "the spec's seeds (3 at least)", FEWEST_SEEDS, 3),
    (HOW, "until it is settled, 15 at most", MOST_SEEDS, 15),
    (HOW, "`--alpha` (1 % a run)", Study(name="", runs=()).alpha, 0.01),
    (HOW, "one of less than 5 % is never worth a word", round(2.718281828459045**rises.THRESHOLDS.rise, 6), 1.05),
    (HOW, "Where training is stable at 5 x lr\\*", TREAT.needed_up_to, 5),
    (HOW, "confirmed to restore a margin of 10 x", TREAT.target, 10),
    (HOW, "At 5 % or less it is a **gain**", comparison.CHANCE, 0.05),
    (HOW, "| 1 or 2 | nothing can", comparison.FEWEST_SEEDS, 3),
    (HOW, "Less than 1.25 below lr\\* is no change", TREAT.beyond, 1.25),
    (HOW, "its room is at least twice the old margin", TREAT.own_rates, 2),
    (HOW, "at a margin of 2 or less it may cost something", TREAT.edge, 2),
    (HOW, "AutoClip is tried: the 10th percentile", AUTOCLIP, 10),
    (
        HOW,
        "on to a half and a quarter of it, and to 1.0 and 0.5",
        (CLIP.of_median, CLIP.customary),
        ((0.5, 0.25), (1.0, 0.5)),
    ),
    (HOW, "is **confirmed** on fresh seeds, at most three fixes", FRESH.most_fixes, 3),
    (HOW, "as many seeds as the search had, at least five, that it did not use", FRESH.fewest_seeds, 5),
    (HOW, "at most a quarter of them is unstable at the rate to use", FRESH.share, 0.25),
    (
        HOW,
        "at 2 % divided by the three fixes that may be confirmed and the two looks at each",
        (FRESH.mistaken, FRESH.mistaken / FRESH.chance),
        (0.02, pytest.approx(3 * 2)),
    ),
    (HOW, "trained again for **3 times** the steps", TREAT.longer, 3),
    (HOW, "in **20 %** of cases or less, it is **in doubt**", comparison.DOUBT, 0.2),
    (LIMITS, "Rises need 20 finite points", SHORT, 20),
    (LIMITS, "Rises need 20 steps of a trial, and the level at its end 12", (SHORT, 4 * LEVEL.fewest), (20, 12)),
]


@pytest.mark.parametrize(("page", "words", "value", "expected"), TOLD, ids=[words for _, words, _, _ in TOLD])
def test_the_number_is_told_and_is_the_one_of_the_code(page: str, words: str, value: object, expected: object) -> None:
    text = re.sub(r"\s+", " ", (ROOT / "docs" / f"{page}.md").read_text("utf-8"))
    assert words in text
    assert value == expected


def seeds(losses: list[float]) -> dict[int, float]:
    return dict(enumerate(losses))


@pytest.mark.parametrize(("wrong", "change"), [(4, "gain"), (5, "no change")])
def test_of_five_seeds_four_pairs_may_stand_the_wrong_way_round(wrong: int, change: str) -> None:
    with_fix = [*(float(i) for i in range(4)), 10 + wrong - 0.5]
    assert comparison.compare(seeds([10.0, 11.0, 12.0, 13.0, 14.0]), seeds(with_fix)).change == change


@pytest.mark.parametrize(("more", "fewer", "enough"), [(5, 0, True), (4, 0, False), (7, 1, True), (6, 1, False)])
def test_the_sign_test_is_as_told(more: int, fewer: int, enough: bool) -> None:
    assert comparison.outnumber(more, fewer) is enough
