"""The bars of a log's gradient norms on the page, and the window of an enlarged finding."""

from __future__ import annotations

import math
import re

import pytest
from report_samples import finding

from lrdoctor.core.curve import Curve
from lrdoctor.reports.html.drawn import close_up
from lrdoctor.reports.html.norm_bars import norm_bars

INF = math.inf


@pytest.mark.parametrize(
    ("norms", "title"),
    [
        ([1.0] * 18 + [5.0, 9.0], "20 gradient norms as logged; 10 % above 1.4, their 90th percentile"),
        ([2.0] * 20, "20 gradient norms as logged; 0 % above 2, their 90th percentile"),
        ([1e-300] * 10 + [1e300] * 10, "20 gradient norms as logged; 0 % above 1e+300, their 90th percentile"),
        ([0.0, INF, math.nan] + [1.0] * 20, "20 gradient norms as logged; 0 % above 1, their 90th percentile"),
    ],
)
def test_bars_hold_every_norm(norms: list[float], title: str) -> None:
    figure = norm_bars("n", "stable", Curve.of(norms))
    assert figure is not None
    assert figure.title == title
    heights = [float(height) for height in re.findall(r'<rect class="bar [^>]*height="([\d.]+)"', figure.markup)]
    assert heights
    assert "nan" not in figure.markup


def test_too_few_norms_show_no_typical_one() -> None:
    assert norm_bars("n", "stable", Curve.of([1.0] * 19)) is None


def test_bars_beyond_the_threshold_stand_out() -> None:
    figure = norm_bars("n", "stable", Curve.of([1.0] * 85 + [50.0] * 15 + [80.0] * 5))
    assert figure is not None
    assert ("bar within" in figure.markup, "bar beyond" in figure.markup) == (True, True)


@pytest.mark.parametrize(
    ("values", "first", "last", "shown"),
    [
        # falls to step 79, rises for 20 steps, ends: a finding at its last step shows the rise from its beginning
        ([3.0 - i / 40 for i in range(80)] + [1.2**i for i in range(20)], 99, None, range(80, 100)),
        # a spike of one step has no further onset than the step before it
        ([1.0] * 50 + [9.0] + [1.0] * 49, 50, None, range(49, 52)),
    ],
)
def test_the_enlarged_part_contains_the_onset(values: list[float], first: int, last: int | None, shown: range) -> None:
    figure = close_up(
        "x", finding("it rose", run="a", first_step=first, last_step=last), {"train_loss": Curve.of(values)}
    )
    assert figure is not None
    begins, ends = map(int, re.findall(r"steps (\d+) to (\d+)", figure.title)[0])
    assert begins <= shown.start
    assert ends >= shown.stop - 1
    assert begins > 0.5 * shown.start  # and not the whole run before it
