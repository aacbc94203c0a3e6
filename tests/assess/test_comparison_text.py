from __future__ import annotations

import math

import pytest

from lrdoctor.assess import comparison_text
from lrdoctor.procedures.comparison import compare

INF = math.inf


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([0.6, 0.7, 0.65], [0.5, 0.55, 0.52], "a gain (lower in 3 of 3 seeds, differences by seed -0.15 to -0.1)"),
        (
            [5, 6, 7, 8, 9],
            [1, 2, 3, 4, 9.5],
            "no change beyond the spread over the seeds (lower in 4 of 5 seeds, differences by seed -4 to +0.5)",
        ),
        ([0.1, 0.2, 0.3], [0.4, 0.5, 0.6], "a loss (lower in 0 of 3 seeds, differences by seed +0.3 to +0.3)"),
        ([INF, INF, INF], [0.4, 0.5, 0.6], "a gain (lower in 3 of 3 seeds; some trials are infeasible)"),
        (
            [0.6, 0.7],
            [0.1, 0.2],
            "no gain or loss can be told from 2 seeds, that takes 3 (lower in 2 of 2 seeds, differences by seed -0.5 "
            "to -0.5)",
        ),
        ([0.1], [0.6], "no gain or loss can be told from 1 seed, that takes 3 (lower in 0 of 1 seed, higher by 0.5)"),
        ([], [], "no seed was judged both ways, so nothing is compared"),
    ],
)
def test_the_words_say_no_more_than_the_seeds_show(first: list[float], second: list[float], words: str) -> None:
    assert comparison_text.change(compare(dict(enumerate(first)), dict(enumerate(second)))) == words
