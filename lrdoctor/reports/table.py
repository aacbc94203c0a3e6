"""A table as every format shows it: what stands in it, not how it is drawn.

Three inks draw it: `terminal/table_draw.py`, `markdown_text.drawn`, and the macro `table` of
`html/templates/parts.html`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Mark = Literal["", "best", "infeasible", "unstable", "not judged"]
"""What sets a row apart; each ink has a sign of its own for it."""
Kind = Literal["", "best", "good", "bad", "warning", "dim"]
"""The colour of a row, which says nothing that the cells do not say in words."""

IN_WORDS: dict[Mark, str] = {
    "": "",
    "best": "★ lr*",
    "infeasible": "✗ infeasible",
    "unstable": "! unstable",
    "not judged": "?",
}


@dataclass(frozen=True)
class Column:
    """A column and what its cells are."""

    name: str
    unit: str = ""
    is_text: bool = False
    """Words, which stand to the left and may be wrapped; numbers stand to the right, each on one line."""
    leads: bool = False
    """Where there is no room for it, its cells lead those of the column after it."""

    @property
    def header(self) -> str:
        """
        >>> Column("gradient", "L2 norm").header
        'gradient (L2 norm)'
        """
        return f"{self.name} ({self.unit})" if self.unit else self.name


@dataclass(frozen=True)
class Row:
    """One line; the first cell names it."""

    cells: tuple[str, ...]
    kind: Kind = ""
    mark: Mark = ""


@dataclass(frozen=True)
class Table:
    """Columns and rows; every row has a cell a column."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""
    """What has to be known to read it, below it."""

    @classmethod
    def of(cls, caption: str, headers: Sequence[str], rows: Sequence[Row], words: Sequence[str] = ()) -> Table:
        """A table whose columns have no units; `words` are the headers of those that hold text."""
        return cls(caption, tuple(Column(header, is_text=header in words) for header in headers), tuple(rows))

    @property
    def has_marks(self) -> bool:
        """Whether a row is set apart, so that the signs have a column of their own."""
        return any(row.mark for row in self.rows)

    @property
    def with_marks_in_words(self) -> Table:
        """The same with the marks as a column of text behind the first."""
        if not self.has_marks:
            return self
        first, *others = self.columns
        rows = (replace(r, cells=(r.cells[0], IN_WORDS[r.mark], *r.cells[1:]), mark="") for r in self.rows)
        return replace(self, columns=(first, Column("mark", is_text=True), *others), rows=tuple(rows))

    def first(self, most: int) -> Table:
        """The first rows; the caption says so where there are more."""
        if len(self.rows) <= most:
            return self
        caption = f"{self.caption}: the first {most} of {len(self.rows)}, report.json holds all"
        return replace(self, caption=caption, rows=self.rows[:most])
