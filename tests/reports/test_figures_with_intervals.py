"""The figures of a sweep with their intervals, in the terminal, in Markdown and in HTML."""

from __future__ import annotations

from typing import Any

import pytest
from report_samples import RATES, report, sweep_of

from lrdoctor.core.report import Report
from lrdoctor.reports import html, markdown
from lrdoctor.reports.terminal.result import headline

THREE: dict[str, Any] = {
    "best_learning_rate": (0.0021544, 0.01),
    "unstable_base_learning_rate": (0.006, 0.021),
    "stability_margin": (1.6, 5.9),
    "confidence": 0.9,
    "n_seeds": 3,
    "stable_in_3_of_4": 0.005,
    "chance_at_edge": 0.3,
    "is_settled": False,
    "seeds_to_settle": 8,
}
ONE = THREE | {
    "best_learning_rate": None,
    "unstable_base_learning_rate": None,
    "stability_margin": None,
    "stable_in_3_of_4": None,
    "n_seeds": 1,
}


def shown(known: dict[str, Any]) -> Report:
    return report(sweep_of(RATES, intervals=known))


@pytest.mark.parametrize(
    ("known", "best", "unstable", "margin"),
    [
        (
            THREE,
            "0.004642 (90 %: 0.002154 to 0.01)",
            "0.01 (90 %: 0.006 to 0.021)",
            "2.15x (90 %: 1.6x to 5.9x)",
        ),
        (ONE, "0.004642 (1 seed: no interval)", "0.01 (1 seed: no interval)", "2.15x (1 seed: no interval)"),
        ({}, "0.004642", "0.01", "2.15x"),
    ],
)
def test_the_figures_with_what_they_may_be(known: dict[str, Any], best: str, unstable: str, margin: str) -> None:
    values = dict(headline(shown(known)))
    assert values["best learning rate (lr*)"] == best
    assert values["unstable_base_learning_rate"] == unstable
    assert values["stability margin"] == margin
    text = markdown.render(shown(known), None)
    assert all(cell in text for cell in (best, unstable, margin))
    assert margin in html.render(shown(known), None)


def test_a_report_of_before_there_were_intervals_is_shown() -> None:
    assert dict(headline(report(sweep_of(RATES))))["stability margin"] == "2.15x"
