"""The numbers that docs/how-it-decides.md and docs/limits.md tell are those of the code."""

from __future__ import annotations

import math
import re

import pytest
from document_commands import ROOT

from lrdoctor.core.study import Study
from lrdoctor.examine.seeds import FEWEST_SEEDS, MOST_SEEDS
from lrdoctor.measures import rises, view
from lrdoctor.procedures import certainty, comparison, reach, sweep, treatment
from lrdoctor.rules import _rises, best_at_edge, early_blow_up, stuck_plateau

HOW, LIMITS = "how-it-decides", "limits"
SWEEP = sweep.Settings(grid=(0.1,))
TREAT = treatment.Settings()
EARLY = early_blow_up.THRESHOLDS
SHORT = view.THRESHOLDS.fewest_points

SURE = certainty.SETTINGS


def nine_in_ten() -> tuple[float, float]:
    """Factors between which the spread over seeds of nine in ten workloads lies, by its prior."""
    low, high = (math.exp(reach.PRIOR.spread * math.exp(z * reach.PRIOR.spread_varies)) for z in (-1.645, 1.645))
    return round(low, 1), round(high, 1)


TOLD = [
    (
        HOW,
        "a twentieth of the run, 25 at least and 500 at most",
        (EARLY.share, EARLY.shortest_window, EARLY.longest_window),
        (0.05, 25, 500),
    ),
    (HOW, "above twice its first value, and above it by six times the noise", (EARLY.peak, EARLY.noise), (1, 6)),
    (
        HOW,
        "in one of a hundred runs, *and* loses more than a quarter of the progress",
        (_rises.THRESHOLDS.alpha, _rises.THRESHOLDS.share),
        (0.01, 0.25),
    ),
    (HOW, "by more than a quarter of that trial's progress", stuck_plateau.THRESHOLDS.gap, 0.25),
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
    (HOW, "restores a margin of 10 x", TREAT.target, 10),
    (HOW, "At 5 % or less it is a **gain**", comparison.CHANCE, 0.05),
    (HOW, "| 1 or 2 | nothing can", comparison.FEWEST_SEEDS, 3),
    (HOW, "at least **1.25 times** the lowest unstable one", TREAT.beyond, 1.25),
    (HOW, "its margin is at least twice the old one", TREAT.own_rates, 2),
    (HOW, "sits at the edge (a margin of 2 or less)", TREAT.edge, 2),
    (HOW, "trained again for **3 times** the steps", TREAT.longer, 3),
    (HOW, "in **20 %** of cases or less, it is **in doubt**", comparison.DOUBT, 0.2),
    (LIMITS, "Rises need 20 finite points", SHORT, 20),
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
