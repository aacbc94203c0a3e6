"""A table on a console: numbers stay whole, words wrap, and marks are signs in the first column."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table as RichTable
from rich.text import Text

from lrdoctor.reports.table import Column, Kind, Mark, Table
from lrdoctor.reports.terminal.text import INFEASIBLE, LR_STAR, safe, sign

STYLES: dict[Kind, str] = {
    "": "", "best": "bold green", "good": "green", "bad": "red", "warning": "yellow", "dim": "dim",
}  # fmt: skip
SIGNS: dict[Mark, tuple[str, str]] = {
    "": ("", ""),
    "best": LR_STAR,
    "infeasible": INFEASIBLE,
    "unstable": ("!", "!"),
    "not judged": ("?", "?"),
}
MEANINGS: dict[Mark, str] = {
    "best": "lr*, the best learning rate",
    "infeasible": "infeasible: no majority of seeds trains",
    "unstable": "unstable: it trains, and the loss rises on the way, for most seeds",
    "not judged": "no trial could be judged",
}
BETWEEN = 2
"""Blanks between two columns."""
NARROWEST = 8
"""Columns below which words cannot be read, and a name not at all."""
COMFORTABLE = 30
"""Columns of the console on which words read well though they are wrapped."""


def draw(table: Table, console: Console) -> RichTable:
    """The table within the console's width, without its caption; columns that lead others are joined where it is not
    wide enough, and headers are broken at blanks."""
    columns, rows = _without_empty(table.columns, [row.cells for row in table.rows])
    room = console.width - (1 + BETWEEN) * table.has_marks
    headers = [column.header for column in columns]
    if _width(headers, rows, columns) > room:
        headers = _broken(headers, rows)
        if _width(headers, rows, columns) > room:
            columns, rows = _joined(columns, rows)
            headers = _broken([column.header for column in columns], rows)
    drawn = RichTable(box=None, padding=(0, BETWEEN, 0, 0), pad_edge=False, header_style="bold")
    if table.has_marks:
        drawn.add_column("", no_wrap=True)
    for i, (column, header) in enumerate(zip(columns, headers, strict=True)):
        justify: JustifyMethod = "left" if column.is_text else "right"
        least = min(NARROWEST, max((cell_len(row[i]) for row in rows), default=0)) if column.is_text else None
        drawn.add_column(header, justify=justify, overflow="fold", no_wrap=not column.is_text, min_width=least)
    for row, cells in zip(table.rows, rows, strict=True):
        marked = [sign(console, SIGNS[row.mark])] if table.has_marks else []
        drawn.add_row(*(safe(console, cell) for cell in (*marked, *cells)), style=STYLES[row.kind])
    return drawn


def legend(table: Table, console: Console) -> Text:
    """What the signs of the first column mean, for those that are there, and the note of the table."""
    marks = {row.mark for row in table.rows}
    told = [f"{sign(console, SIGNS[mark])} {meaning}" for mark, meaning in MEANINGS.items() if mark in marks]
    told += [table.note] if table.note else []
    return Text("   ".join(told), style="dim")


Cells = Sequence[str]


def _without_empty(columns: Sequence[Column], rows: Sequence[Cells]) -> tuple[list[Column], list[Cells]]:
    """Without the columns that would lead others and say nothing in any row."""
    kept = [i for i, column in enumerate(columns) if not column.leads or any(row[i] for row in rows)]
    return [columns[i] for i in kept], [[row[i] for i in kept] for row in rows]


def _joined(columns: Sequence[Column], rows: Sequence[Cells]) -> tuple[list[Column], list[Cells]]:
    """With the cells of columns that lead put before those of the column after them."""
    kept = [i for i, column in enumerate(columns) if not column.leads]
    before = {i + 1: i for i, column in enumerate(columns) if column.leads}

    def cell(row: Cells, i: int) -> str:
        return ": ".join(filter(None, (row[before[i]], row[i]))) if i in before else row[i]

    return [columns[i] for i in kept], [[cell(row, i) for i in kept] for row in rows]


def _broken(headers: Sequence[str], rows: Sequence[Cells]) -> list[str]:
    """The headers on as many lines as make them no wider than the cells below, or than their longest word."""
    longest = [max((cell_len(row[i]) for row in rows), default=0) for i in range(len(headers))]
    return [
        "\n".join(wrap(header, max(width, *map(len, header.split())), break_long_words=False))
        for header, width in zip(headers, longest, strict=True)
    ]


def _width(headers: Sequence[str], rows: Sequence[Cells], columns: Sequence[Column]) -> int:
    """Columns of the console that the table takes with every number on one line and words wrapped where they are
    long."""
    widths = (max(map(cell_len, (*header.split("\n"), *(row[i] for row in rows)))) for i, header in enumerate(headers))
    return sum(
        (min(width, COMFORTABLE) if column.is_text else width) + BETWEEN
        for width, column in zip(widths, columns, strict=True)
    )
