"""The section of a clipping study: the norms, what was tried, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from lrdoctor.reports.numbers import number, spread
from lrdoctor.reports.table import Kind, Row, Table
from lrdoctor.reports.tables import objective_words
from lrdoctor.reports.terminal.items import INDENT, print_items
from lrdoctor.reports.terminal.table_draw import draw
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


def print_clip(clip: ClipResult, console: Console, *, brief: bool = False) -> None:
    """Prints the section of a report's `clip`.

    Args:
        clip: the section.
        console: where to; its width and colours are respected.
        brief: only the table of what was tried, without what happened in it.
    """
    if clip.norms and not brief:
        title = f"Gradient norms at lr* = {number(clip.norms.base_learning_rate)}, before clipping"
        console.print()
        console.print(safe(console, title, "bold"))
        console.print(Padding(_percentiles(clip.norms, console), (0, 0, 0, INDENT), expand=False))
        console.print(Padding(safe(console, _of(clip.norms), "dim"), (0, 0, 0, INDENT), expand=False))
    if any(attempt.clip_norm is not None for attempt in clip.attempts):
        console.print()
        console.print(Text("Clipping tried", style="bold"))
        console.print(draw(_attempts(clip, brief=brief), console))
        console.print(Text(_legend(clip), style="dim"))
    if brief:
        return
    verdict = safe(console, clip.verdict, STATUS_STYLE[clip.status])
    print_items(console, "What came of clipping", [(Text("-"), verdict)])


def _percentiles(norms: NormsAtBest, console: Console) -> RichTable:
    table = RichTable(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
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


def _attempts(clip: ClipResult, *, brief: bool) -> Table:
    """Unclipped and clipped by rate, and the lower rates that aggressive clipping amounts to."""
    loss = objective_words(clip.objective)
    headers = ("learning rate", "clip norm", "holds", "clipped", loss, "low..high", "what happened")
    shown = headers[:-1] if brief else headers
    lowered = [replace(row, clip_norm=None, share_clipped=None) for row in clip.lowered]
    ordered = sorted((*clip.attempts, *lowered), key=_place)
    rows = [Row(tuple(_cells(row, clip))[: len(shown)], _kind(row, clip)) for row in ordered]
    return Table.of("Clipping tried", shown, rows, headers[-1:])


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


def _kind(row: ClipAttempt, clip: ClipResult) -> Kind:
    best = (clip.base_learning_rate, clip.clip_norm)
    if row.clip_norm is not None and (row.base_learning_rate, row.clip_norm) == best:
        return "best"
    return "" if row.holds else "bad"


def _legend(clip: ClipResult) -> str:
    words = "holds: seeds in which nothing was found; clipped: share of updates scaled down, of the median seed"
    if any(attempt.aggressive for attempt in clip.attempts):
        words += "; !: more than half, which is lowering the learning rate"
    return words
