"""The table of the fixes that were tried: the training as it is in the first row, then a row a fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.table import Table

from lrdoctor.reports.numbers import number, spread
from lrdoctor.reports.terminal.text import safe
from lrdoctor.reports.treated import in_short, margin

if TYPE_CHECKING:
    from lrdoctor.core.fix_sections import TreatResult, TriedFix

WIDE = 104
"""Columns of the terminal from which a row holds the highest stable rate before the fix too, and the range over the
seeds."""
BRIEF = ("fix", "status", "margin", "change")
"""What a fix is judged by, for a screen that has no room for all."""
CONFIRMED = "*"
"""Marks the rows whose figures are those of fresh seeds."""
STYLE = {"verified": "bold green", "rejected": "red", "unconfirmed": "yellow"}


class Column(NamedTuple):
    header: str
    cell: Callable[[TriedFix], str]
    room: int = 0
    """Columns of the terminal from which it is shown."""


def tried_table(treat: TreatResult, console: Console, brief: bool = False) -> Table:
    """One row a fix that was tried, in order; only the fix's name wraps: a number must not be broken over two lines.

    Args:
        treat: what was tried.
        console: where it is drawn.
        brief: draws only the columns of `BRIEF`, so that few names wrap.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    columns = [column for column in _columns(treat, console.width >= WIDE) if column.room <= console.width]
    columns = [column for column in columns if not brief or column.header in BRIEF]
    for column in columns:
        is_name = column is columns[0]
        table.add_column(
            column.header.replace(" ", "\n"),
            overflow="fold",
            no_wrap=not is_name,
            justify="left" if is_name else "right",
        )
    for row in (*([treat.before] if treat.before else []), *treat.done):
        cells = (safe(console, column.cell(row)) for column in columns)
        table.add_row(*cells, style=STYLE.get(row.status, ""))
    return table


def _columns(treat: TreatResult, wide: bool) -> Iterator[Column]:
    objective = treat.objective.replace("_val_", " validation ").replace("_train_", " training ")
    before = treat.before
    yield Column("fix", lambda row: "as it is" if row is before else in_short(row))
    yield Column("status", lambda row: row.status + (CONFIRMED if row.on_fresh_seeds else ""))
    yield Column("highest stable rate", lambda row: _highest(row, before if wide and before else row))
    yield Column("margin", margin)
    yield Column(objective, lambda row: number(row.objective))
    yield Column("low..high", _range, WIDE)
    yield Column("change", _change, 72)
    yield Column("steps added", lambda row: str(row.steps_added), 79)
    yield Column("cost: trials", lambda row: f"{row.cost.trials:,}" if row.cost else "-", 126)
    yield Column("cost: steps", lambda row: f"{row.cost.steps:,}" if row.cost else "-", 126)


def _highest(row: TriedFix, before: TriedFix) -> str:
    """`0.0282 -> 0.05`; rates of two optimizers do not compare, so the other optimizer's stands alone."""
    is_measured = row is not before and row.highest_stable_learning_rate is not None
    rates = [before, row] if is_measured and row.optimizer == before.optimizer else [row]
    return " -> ".join(number(of.highest_stable_learning_rate) for of in rates)


def _range(row: TriedFix) -> str:
    low, high = row.objective_low, row.objective_high
    return "-" if low is None or high is None else spread(low, high)


def _change(row: TriedFix) -> str:
    """`gain 3/3`: whether it stands out of the spread, and how many of the seeds did better."""
    compared = row.comparison
    return "-" if compared is None else f"{compared.change} {compared.n_better}/{compared.n_pairs}"
