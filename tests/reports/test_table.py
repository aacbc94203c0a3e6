"""One table, drawn by the ink of each format."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import get_args

import pytest
from rich.console import Console

from lrdoctor.reports.markdown_text import drawn
from lrdoctor.reports.table import Column, Mark, Row, Table
from lrdoctor.reports.terminal.table_draw import draw, legend

TABLE = Table(
    "Rates",
    (
        Column("learning rate"),
        Column("gradient", unit="L2 norm"),
        Column("tried as", is_text=True, leads=True),
        Column("what happened", is_text=True),
    ),
    (
        Row(("0.1", "2.5", "", ""), "best", "best"),
        Row(("0.25", "100", "check at 5x", "early blow-up 3/3"), "bad", "infeasible"),
        Row(("1", "-", "", "a|b <i>"), "dim", "not judged"),
    ),
)


def on_a_terminal(table: Table, width: int, encoding: str = "utf-8") -> list[str]:
    raw = io.BytesIO()
    console = Console(
        file=io.TextIOWrapper(raw, encoding=encoding, write_through=True), width=width, color_system=None, _environ={}
    )
    console.print(draw(table, console))
    console.print(legend(table, console))
    return [" ".join(line.split()) for line in raw.getvalue().decode(encoding).splitlines()]


@pytest.mark.parametrize("mark", get_args(Mark))
def test_every_mark_has_a_sign_in_every_ink(mark: Mark) -> None:
    plain, marked = (replace(TABLE, rows=(Row(("0.1", "2.5", "", ""), "", of),)) for of in ("", mark))
    for draws in (drawn, lambda of: str(on_a_terminal(of, 100)), lambda of: str(of.with_marks_in_words)):
        assert (draws(plain) == draws(marked)) is (mark == "")


def test_a_note_stands_below_the_table() -> None:
    noted = replace(TABLE, note="a | note")
    assert on_a_terminal(noted, 200)[-1].endswith("a | note")
    assert drawn(noted) == drawn(TABLE) + "\n\na &#124; note"


def test_a_wide_terminal() -> None:
    assert on_a_terminal(TABLE, 110) == [
        "learning rate gradient (L2 norm) tried as what happened",
        "★ 0.1 2.5",
        "✗ 0.25 100 check at 5x early blow-up 3/3",
        "? 1 - a|b <i>",
        "★ lr*, the best learning rate ✗ infeasible: no majority of seeds trains ? no trial could be judged",
    ]


@pytest.mark.parametrize("width", [46, 60])
def test_a_narrow_terminal_breaks_headers_then_joins_what_leads(width: int) -> None:
    lines = on_a_terminal(TABLE, width)
    assert any(line.startswith("rate norm)") for line in lines)
    is_joined = any("check at 5x: early" in line for line in lines)
    assert is_joined is (width == 46)
    assert max(map(len, lines)) <= width


def test_a_terminal_without_such_signs() -> None:
    assert [line[:1] for line in on_a_terminal(TABLE, 100, "ascii")[1:4]] == ["*", "x", "?"]


def test_markdown() -> None:
    assert drawn(TABLE).splitlines() == [
        "| learning rate | gradient (L2 norm) | tried as | what happened |",
        "|---:|---:|---|---|",
        "| **0.1** (lr\\*) | 2.5 |   |   |",
        "| 0.25 ✗ | 100 | check at 5x | early blow-up 3/3 |",
        "| 1 ? | - |   | a&#124;b &#60;i&#62; |",
    ]


def test_marks_in_words() -> None:
    table = TABLE.with_marks_in_words
    assert [column.name for column in table.columns][:2] == ["learning rate", "mark"]
    assert [row.cells[1] for row in table.rows] == ["★ lr*", "✗ infeasible", "?"]
    plain = Table.of("a", ("b",), (Row(("1",)),))
    assert plain.with_marks_in_words is plain


def test_the_first_rows_say_that_there_are_more() -> None:
    assert TABLE.first(3) is TABLE
    assert (TABLE.first(2).caption, len(TABLE.first(2).rows)) == (
        "Rates: the first 2 of 3, report.json holds all",
        2,
    )


def test_no_row_is_no_table() -> None:
    assert drawn(Table.of("a", ("b",), ())) == ""
