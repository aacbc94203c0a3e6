"""What a budget left out, in every format."""

from __future__ import annotations

import io

import pytest
from report_samples import report
from rich.console import Console

from lrdoctor.core.report import Report
from lrdoctor.core.sections import Spending
from lrdoctor.reports import budgets, html, markdown
from lrdoctor.reports.terminal.result import print_report
from lrdoctor.reports.terminal.screen import print_screen

STEPS = Spending(given="20k-steps", unit="steps", limit=20_000, spent=19_800, left_out=("2 trials of the sweep",))
LINE = "19,800 steps of 20k-steps spent; left out: 2 trials of the sweep"


@pytest.mark.parametrize(
    ("spent", "line"),
    [
        (STEPS, LINE),
        (
            Spending(given="30m", unit="seconds", limit=1800, spent=120.4),
            "2 min of 30m spent; nothing was left out",
        ),
        (
            Spending(given="1h", unit="seconds", limit=3600, spent=3500, left_out=tuple("abcde")),
            "58 min of 1h spent; left out: a; b; c; 2 more",
        ),
    ],
)
def test_one_line_tells_it(spent: Spending, line: str) -> None:
    assert budgets.in_words(spent) == line


def on_terminal(of: Report, **how: bool) -> str:
    console = Console(file=io.StringIO(), width=110)
    print_report(of, console, **how)
    return console.file.getvalue()  # type: ignore[attr-defined]


def on_screen(of: Report) -> str:
    console = Console(file=io.StringIO(), width=110)
    print_screen(of, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


FORMATS = {
    "terminal": on_terminal,
    "quiet": lambda of: on_terminal(of, quiet=True),
    "screen": on_screen,
    "markdown": lambda of: markdown.render(of, None),
    "html": lambda of: html.render(of, None),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_line_where_there_is_a_budget(name: str) -> None:
    draw = FORMATS[name]
    assert LINE in draw(report(budget=STEPS)).replace("\\-", "-")
    assert "20k-steps" not in draw(report())
    assert "left out" not in draw(report())
