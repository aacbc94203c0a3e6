"""The section of a clipping study: the norms, what was tried, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lrdoctor.reports.numbers import number, spread
from lrdoctor.reports.terminal.items import INDENT, print_items
from lrdoctor.reports.terminal.text import safe

if TYPE_CHECKING:
    from lrdoctor.core.fix_sections import ClipAttempt, ClipResult, NormsAtBest

STATUS_STYLE = {
    "verified": "bold green",
    "rejected": "bold red",
    "unconfirmed": "bold yellow",
    "not_tried": "bold yellow",
}
LARGEST = 100.0
"""The percentile that is the largest norm."""


def print_clip(clip: ClipResult, console: Console) -> None:
    """Prints the section of a report's `clip`."""
    if clip.norms:
        title = f"Gradient norms at lr* = {number(clip.norms.base_learning_rate)}, before clipping"
        _print_table(console, title, _percentiles(clip.norms, console))
        console.print(Padding(safe(console, _of(clip.norms), "dim"), (0, 0, 0, INDENT), expand=False))
    if any(attempt.clip_norm is not None for attempt in clip.attempts):
        _print_table(console, "Clipping tried", _attempts(clip, console))
        console.print(Padding(Text(_legend(clip), style="dim"), (0, 0, 0, INDENT), expand=False))
    verdict = safe(console, clip.verdict, STATUS_STYLE[clip.status])
    print_items(console, "What came of clipping", [(Text("-"), verdict)])


def _print_table(console: Console, title: str, table: Table) -> None:
    console.print()
    console.print(safe(console, title, "bold"))
    console.print(Padding(table, (0, 0, 0, INDENT), expand=False))


def _percentiles(norms: NormsAtBest, console: Console) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("percentile", no_wrap=True)
    for row in norms.percentiles:
        table.add_column("max" if row.percentile == LARGEST else f"{row.percentile:.3g}", justify="right")
    table.add_row("median over the seeds", *(safe(console, number(row.median)) for row in norms.percentiles))
    if len(norms.seeds) > 1:
        table.add_row("lowest seed", *(safe(console, number(row.low)) for row in norms.percentiles), style="dim")
        table.add_row("highest seed", *(safe(console, number(row.high)) for row in norms.percentiles), style="dim")
    return table


def _of(norms: NormsAtBest) -> str:
    seeds, left_out = len(norms.seeds), norms.left_out
    words = f"{norms.n_norms} updates of {seeds} seed{'' if seeds == 1 else 's'}"
    out = ", ".join(map(str, left_out))
    return words + (f"; left out, since training did not hold there: seed {out}" if left_out else "")


def _attempts(clip: ClipResult, console: Console) -> Table:
    """Unclipped and clipped by rate, and the lower rates that aggressive clipping amounts to."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    objective = clip.objective.replace("_", " ")
    right = ("base learning rate", "clip norm", "clipped", f"median {objective}")
    for header in ("base learning rate", "clip norm", "holds", "clipped", f"median {objective}", "low..high"):
        table.add_column(header, justify="right" if header in right else "left", no_wrap=True)
    table.add_column("what happened", overflow="fold")
    lowered = [replace(row, clip_norm=None, share_clipped=None) for row in clip.lowered]
    for row in sorted((*clip.attempts, *lowered), key=_place):
        table.add_row(*(safe(console, cell) for cell in _cells(row, clip)), style=_style(row, clip))
    return table


def _place(row: ClipAttempt) -> tuple[float, float]:
    """By rate, at each rate unclipped first, then from the easiest threshold to the hardest."""
    return row.base_learning_rate, -(row.clip_norm if row.clip_norm is not None else float("inf"))


def _cells(row: ClipAttempt, clip: ClipResult) -> Iterator[str]:
    yield number(row.base_learning_rate)
    own = clip.own_clip_norm
    plain = "none" if own is None else f"{number(own)} (the spec's)"
    yield plain if row.clip_norm is None else f"{number(row.clip_norm)} ({row.percentile or 0.0:.3g}th)"
    yield f"{row.n_held}/{row.n_judged}"
    share = row.share_clipped
    yield "" if share is None else f"{100 * share:.0f} %{'!' if row.aggressive else ''}"
    yield number(row.objective)
    yield spread(row.objective_low, row.objective_high)
    yield ", ".join(f"{name} {count}/{row.n_judged}" for name, count in row.events.items())


def _style(row: ClipAttempt, clip: ClipResult) -> str:
    best = (clip.base_learning_rate, clip.clip_norm)
    if row.clip_norm is not None and (row.base_learning_rate, row.clip_norm) == best:
        return "bold green"
    return "" if row.holds else "red"


def _legend(clip: ClipResult) -> str:
    words = "holds: seeds without an error or a warning; clipped: share of updates scaled down, median over the seeds"
    if any(attempt.aggressive for attempt in clip.attempts):
        words += "; !: more than half, which is lowering the learning rate"
    return words
