"""The table of a sweep: one row a learning rate, over its seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lrdoctor.reports.numbers import multiple, number, spread
from lrdoctor.reports.terminal.text import INFEASIBLE, LR_STAR, safe, sign

ROOM_FOR_STAGE = 90
"""Columns from which "tried as" is a column of its own; below, it leads what happened."""

Row = Mapping[str, Any]


def rates_table(sweep: Mapping[str, Any], best: float | None, console: Console) -> Table:
    """The table of rates in ascending order, lr* starred, infeasible rates crossed."""
    rates: Sequence[Row] = sweep["rates"]
    wide = console.width >= ROOM_FOR_STAGE and any(rate["stage"] != "grid" for rate in rates)
    rows = [_cells(rate, best, sweep["n_seeds"], wide, console) for rate in rates]
    headers = ["", "base learning rate", f"median {_words(sweep['objective'])}", "low..high", "feasible"]
    headers += ["tried as", "what happened"] if wide else ["what happened"]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for i, header in enumerate(headers):
        if header == headers[-1]:
            table.add_column(header, overflow="fold")  # only words wrap: a number must not be broken over two lines
        else:
            label = header if wide else header.replace(" ", "\n")
            table.add_column(label, justify="right" if i in (1, 2) else "left", no_wrap=True)
    for rate, row in zip(rates, rows, strict=True):
        table.add_row(*(safe(console, cell) for cell in row), style=_style(rate, best))
    return table


def legend(sweep: Mapping[str, Any], best: float | None, console: Console) -> Text:
    """What the signs in the first column mean, for the signs that are there."""
    marks = {_mark(rate, best, console) for rate in sweep["rates"]}
    meaning = {
        sign(console, LR_STAR): "lr*, the best learning rate",
        sign(console, INFEASIBLE): "infeasible for most seeds",
        "?": "no trial could be judged",
    }
    return Text("   ".join(f"{mark} {text}" for mark, text in meaning.items() if mark in marks), style="dim")


def _cells(rate: Row, best: float | None, n_seeds: int, wide: bool, console: Console) -> list[str]:
    happened, stage = _happened(rate, n_seeds), _tried_as(rate, best)
    cells = [
        _mark(rate, best, console),
        number(rate["base_learning_rate"]),
        number(rate["objective"]),
        spread(rate["objective_low"], rate["objective_high"]),
        f"{rate['n_feasible']}/{rate['n_judged']}",
    ]
    return cells + ([stage, happened] if wide else [": ".join(part for part in (stage, happened) if part)])


def _mark(rate: Row, best: float | None, console: Console) -> str:
    if rate["base_learning_rate"] == best:
        return sign(console, LR_STAR)
    if not rate["n_judged"]:
        return "?"
    return "" if rate["feasible"] else sign(console, INFEASIBLE)


def _style(rate: Row, best: float | None) -> str:
    if rate["base_learning_rate"] == best:
        return "bold green"
    return "" if rate["feasible"] and not rate["unstable"] else "red" if rate["n_judged"] else "dim"


def _tried_as(rate: Row, best: float | None) -> str:
    """Why the rate was tried, empty for the grid that was asked for and for a given lr*."""
    if rate["base_learning_rate"] == best:
        return "" if rate["stage"] in ("grid", "check") else str(rate["stage"])
    if rate["stage"] == "check" and best:
        return f"check at {multiple(rate['base_learning_rate'] / best)} lr*"
    return "" if rate["stage"] == "grid" else str(rate["stage"])


def _happened(rate: Row, n_seeds: int) -> str:
    """`early blow-up 4/5, non-finite 1/5`: seeds by event, the most frequent first."""
    events = sorted(rate["events"].items(), key=lambda item: (-item[1], item[0]))
    words = [f"{_words(name)} {count}/{rate['n_judged']}" for name, count in events]
    missing = n_seeds - rate["n_judged"]
    return ", ".join(words + ([f"not judged {missing}/{n_seeds}"] if missing > 0 else []))


def _words(name: str) -> str:
    return name.replace("_", " ")
