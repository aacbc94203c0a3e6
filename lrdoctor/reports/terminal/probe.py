"""The section of a probe: one row a seed, and what an ordinary evaluation schedule would have shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from lrdoctor.reports.numbers import multiple, number
from lrdoctor.reports.terminal.text import safe

Row = Mapping[str, Any]


def print_probe(probe: Row, console: Console) -> None:
    """Prints what `Report.probe` holds."""
    rate = number(probe["base_learning_rate"])
    losses = "both losses" if any(row["val_peak"] is not None for row in probe["seeds"]) else "the training loss"
    title = f"Short run: {probe['n_steps']} steps at {rate} ({multiple(probe['factor'])} lr*), {losses} at every step"
    console.print()
    console.print(safe(console, title, "bold"))
    if probe["evaluated"] is not None:
        console.print(safe(console, f"evaluated on the first {probe['evaluated']} validation examples", "dim"))
    if probe["seeds"]:
        console.print(_table(probe, console))
    if missing := probe["n_seeds"] - probe["n_judged"]:
        console.print(safe(console, f"{missing} of {probe['n_seeds']} seeds failed and are no evidence", "yellow"))
    for text in filter(None, (probe["missed"], probe["note"])):
        console.print()
        console.print(safe(console, text))


def _table(probe: Row, console: Console) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    headers = ("seed", "first\nloss", "peak\ntrain loss", "peak\nevaluation", f"evaluated\nevery {probe['eval_every']}")
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    for row in probe["seeds"]:
        style = "red" if row["verdict"] == "unstable" else ""
        table.add_row(*(safe(console, cell) for cell in _cells(row)), style=style)
    return table


def _cells(row: Row) -> list[str]:
    seen = row["val_seen"] if row["val_peak"] is not None else row["train_seen"]
    found = ": " + ", ".join(row["found"]) if row["found"] else ""
    hidden = ", hidden" if row["hidden"] else ""
    return [
        str(row["seed"]),
        number(row["first_loss"]),
        _peak(row["train_peak"]),
        _peak(row["val_peak"]),
        number(seen["value"]) if seen is not None else "nothing",
        f"{row['verdict']}{found}{hidden}",
    ]


def _peak(peak: Row | None) -> str:
    return "-" if peak is None else f"{number(peak['value'])} at {peak['step']}"
