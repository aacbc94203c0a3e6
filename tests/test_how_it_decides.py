"""The numbers that docs/how-it-decides.md and docs/limits.md tell are those of the code."""

from __future__ import annotations

import re

import pytest
from document_commands import ROOT

from lrdoctor.core.study import Study
from lrdoctor.measures import rises, view
from lrdoctor.procedures import comparison, sweep, treatment
from lrdoctor.rules import _rises, best_at_edge, early_blow_up, stuck_plateau

HOW, LIMITS = "how-it-decides", "limits"
SWEEP = sweep.Settings(grid=(0.1,))
TREAT = treatment.Settings()
EARLY = early_blow_up.THRESHOLDS
SHORT = view.THRESHOLDS.fewest_points

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
        "`unstable` at 2 or less, or below 5",
        (best_at_edge.THRESHOLDS.margin, best_at_edge.THRESHOLDS.clear),
        (2, 5),
    ),
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
