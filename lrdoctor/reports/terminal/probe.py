"""The section of a probe: one row a seed, and what an ordinary evaluation schedule would have shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from lrdoctor.reports.numbers import multiple, number
from lrdoctor.reports.tables import probe_table
from lrdoctor.reports.terminal.table_draw import draw
from lrdoctor.reports.terminal.text import safe

if TYPE_CHECKING:
    from lrdoctor.core.sections import Probe


def print_probe(probe: Probe, console: Console) -> None:
    """Prints what `Report.probe` holds."""
    rate = number(probe.base_learning_rate)
    losses = "both losses" if any(row.val_peak is not None for row in probe.seeds) else "the training loss"
    title = f"Short run: {probe.n_steps} steps at {rate} ({multiple(probe.factor)} lr*), {losses} at every step"
    console.print()
    console.print(safe(console, title, "bold"))
    if probe.evaluated is not None:
        console.print(safe(console, f"evaluated on the first {probe.evaluated} validation examples", "dim"))
    if probe.seeds:
        console.print(draw(probe_table(probe), console))
    if missing := probe.n_seeds - probe.n_judged:
        console.print(safe(console, f"{missing} of {probe.n_seeds} seeds failed and are no evidence", "yellow"))
    for text in filter(None, (probe.missed, probe.note)):
        console.print()
        console.print(safe(console, text))
