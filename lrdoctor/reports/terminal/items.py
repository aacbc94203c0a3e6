"""Parts that the reports of sweeps and of logs have in common: findings, fixes, checks that were not made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lrdoctor.core.report import Finding, Fix, Skip
from lrdoctor.reports.numbers import number
from lrdoctor.reports.terminal.text import safe

VERDICT_STYLE = {"stable": "bold green", "unstable": "bold red", "inconclusive": "bold yellow"}
SEVERITY_STYLE = {"error": "red", "warning": "yellow", "info": "cyan"}
INDENT = 2
MOST_CODES = 2
"""Codes of checks that stand in the narrow column; more would leave no room for the reason."""

Item = tuple[Text, Text]
"""A label and the words beside it."""


def finding_item(finding: Finding, console: Console, verbose: bool, *, named: bool = True) -> Item:
    """What was found, with the name of its run in front where it has one and `named` asks for it."""
    words = f"{finding.run}: {finding.message}" if named and finding.run is not None else finding.message
    if verbose:
        words += f" (observed {_evidence(finding.observed)}, threshold {_evidence(finding.threshold)})"
    label = safe(console, f"{finding.severity} {finding.code}", SEVERITY_STYLE[finding.severity])
    return label, safe(console, words)


def _evidence(value: float | str | None) -> str:
    return value if isinstance(value, str) else number(value)


def skipped_items(skips: Iterable[Skip], console: Console) -> Iterator[Item]:
    """Checks that were not made, those of one reason as one line with the number of runs."""
    counts = Counter((skip.code, skip.reason) for skip in skips)
    for reason in dict.fromkeys(reason for _, reason in counts):
        codes = [code for code, of in counts if of == reason]
        count = max(counts[code, reason] for code in codes)
        words = reason if count == 1 else f"{reason} x{count}"
        if len(codes) <= MOST_CODES:
            yield safe(console, ", ".join(codes)), safe(console, words)
        else:
            yield safe(console, f"{len(codes)} checks"), safe(console, f"{words} ({', '.join(codes)})")


def fix_item(fix: Fix, console: Console, verbose: bool) -> Item:
    status = "" if fix.status == "recommended" else f"{fix.status.replace('_', ' ')}: "
    words = safe(console, status + fix.why)
    if verbose and fix.snippet:
        for line in fix.snippet.splitlines():
            words.append("\n").append(safe(console, line, "dim"))
    return safe(console, f"{fix.rank}. {fix.name}", "bold"), words


def print_items(console: Console, title: str, items: Iterable[Item], indent: int = INDENT) -> None:
    """Prints labels and words in two columns, under a title; nothing when there are none.

    Args:
        indent: columns before the items; the title of an inner list stands `INDENT` before them.
    """
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, words in items:
        grid.add_row(label, words)
    if not grid.row_count:
        return
    if title:
        if indent == INDENT:
            console.print()
        console.print(Padding(Text(title, style="bold"), (0, 0, 0, indent - INDENT), expand=False))
    console.print(Padding(grid, (0, 0, 0, indent), expand=False))


def print_lines(console: Console, title: str, lines: Iterable[str]) -> None:
    """Prints lines that must survive copy and paste, so the terminal wraps them, not we."""
    shown = [safe(console, line) for line in lines]
    if not shown:
        return
    console.print()
    console.print(Text(title, style="bold"))
    for line in shown:
        console.print(Text(" " * INDENT).append(line), soft_wrap=True)
