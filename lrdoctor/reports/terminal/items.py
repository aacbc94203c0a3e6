"""Parts that the reports of sweeps and of logs have in common: findings, checks that were not made, next steps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lrdoctor.reports.actions import COMMANDS
from lrdoctor.reports.numbers import number
from lrdoctor.reports.terminal.text import safe

if TYPE_CHECKING:
    from lrdoctor.core.report import Finding, Skip

VERDICT_STYLE = {"stable": "bold green", "unstable": "bold red", "inconclusive": "bold yellow"}
SEVERITY_STYLE = {"error": "red", "warning": "yellow", "info": "cyan"}
INDENT = 2
WIDEST_CODES = 18
"""Columns for the codes of checks that share a reason; longer ones would leave no room for it."""
MOST_OF_A_KIND = 5
"""Findings of one rule and severity that are shown of a run; more say no more."""
MOST_STEPS = 6
"""Next steps that are shown of many runs."""

Item = tuple[Text, Text]
"""A label and the words beside it."""


def finding_item(finding: Finding, console: Console, verbose: bool, *, named: bool = True, do: str = "") -> Item:
    """What was found, with the name of its run in front where it has one and `named` asks for it, and what to `do`."""
    words = f"{finding.run}: {finding.message}" if named and finding.run is not None else finding.message
    if verbose:
        words += f" (observed {_evidence(finding.observed)}, threshold {_evidence(finding.threshold)})"
    label = safe(console, f"{finding.severity} {finding.code}", SEVERITY_STYLE[finding.severity])
    told = safe(console, words)
    return label, told.append_text(safe(console, f"; do now: {do}", "bold")) if do else told


def _evidence(value: float | str | None) -> str:
    return value if isinstance(value, str) else number(value)


def finding_items(
    findings: Sequence[Finding], console: Console, verbose: bool, do: Callable[[Finding], str] = lambda finding: ""
) -> Iterator[Item]:
    """What was found in one run; of many findings of one kind the costliest, and how many more there are."""
    shown = findings if verbose else costliest(findings)
    for i, finding in enumerate(shown):
        yield finding_item(finding, console, verbose, named=False, do=do(finding))
        if any(_kind(later) == _kind(finding) for later in shown[i + 1 :]):
            continue
        more = sum(_kind(other) == _kind(finding) for other in findings)
        more -= sum(_kind(other) == _kind(finding) for other in shown)
        if more:
            yield Text(""), safe(console, f"and {more} more {finding.code} that cost less; -v or --json lists them")


def costliest(findings: Sequence[Finding]) -> list[Finding]:
    """Of each kind the `MOST_OF_A_KIND` findings that took most steps, in the order given."""
    kept: set[int] = set()
    for kind in dict.fromkeys(map(_kind, findings)):
        of = sorted((f for f in findings if _kind(f) == kind), key=_cost, reverse=True)
        kept.update(map(id, of[:MOST_OF_A_KIND]))
    return [finding for finding in findings if id(finding) in kept]


def _kind(finding: Finding) -> tuple[str, str]:
    return finding.code, finding.severity


def _cost(finding: Finding) -> tuple[int, float]:
    steps = 0 if finding.first_step is None or finding.last_step is None else finding.last_step - finding.first_step
    return steps, finding.observed if isinstance(finding.observed, float) else 0.0


def skipped_items(skips: Iterable[Skip], console: Console, said: str = "") -> Iterator[Item]:
    """Checks that were not made, those of one reason as one line with the number of runs.

    Args:
        skips: the checks.
        console: where they are printed.
        said: the reason that stands above already.
    """
    for codes, reason, count in _shared(skips):
        words = ("as said above" if reason == said else reason) + (f" ({count} runs)" if count > 1 else "")
        yield _skipped_item(codes, words, console)


def skipped_in_short(skips: Iterable[Skip], console: Console) -> Iterator[Item]:
    """The same for many runs: of several reasons for one check the most frequent, and how many others there are."""
    reasons: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    for codes, reason, count in _shared(skips):
        reasons.setdefault(codes, []).append((count, reason))
    for codes, of in reasons.items():
        count, reason = max(of, key=lambda one: one[0])
        runs = f" ({count} runs)" if count > 1 else ""
        others = sum(n for n, _ in of) - count
        yield _skipped_item(codes, f"{reason}{runs}" + (f", or the like ({others} more)" if others else ""), console)


def _shared(skips: Iterable[Skip]) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Each reason once: the codes that it is for, the reason, and in how many runs."""
    counts: dict[str, Counter[str]] = {}
    for skip in skips:
        counts.setdefault(skip.reason, Counter())[skip.code] += 1
    for reason, of in counts.items():
        yield tuple(of), reason, max(of.values())


def _skipped_item(codes: Sequence[str], words: str, console: Console) -> Item:
    short = ", ".join(_ranges(codes))
    if len(short) <= WIDEST_CODES:
        return safe(console, short, "dim"), safe(console, words, "dim")
    return safe(console, f"{len(codes)} checks", "dim"), safe(console, f"{words} ({short})", "dim")


def _ranges(codes: Sequence[str]) -> Iterator[str]:
    """LRD204, LRD205, LRD206, LRD302 -> LRD204-206, LRD302."""
    numbers = [int(code[3:]) if re.fullmatch(r"LRD\d{3}", code) else None for code in codes]
    places = range(len(codes))
    for _, group in groupby(places, key=lambda i: codes[i] if (number := numbers[i]) is None else number - i):
        run = list(group)
        yield codes[run[0]] if len(run) == 1 else f"{codes[run[0]]}-{codes[run[-1]][3:]}"


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
    if title:
        console.print()
        console.print(Text(title, style="bold"))
    for line in shown:
        console.print(Text(" " * INDENT).append(line), soft_wrap=True)


def print_steps(console: Console, steps: Sequence[str], verbose: bool) -> None:
    """What to do next: commands in lines that survive copy and paste, sentences as paragraphs."""
    said = [step for step in steps if not step.startswith(COMMANDS)]
    shown = said if verbose else said[:MOST_STEPS]
    sentences = [(Text("-"), safe(console, step)) for step in shown]
    if len(said) > len(shown):
        sentences.append((Text("-"), safe(console, f"and {len(said) - len(shown)} more; -v or --json lists them")))
    print_items(console, "Next", sentences)
    print_lines(console, "" if sentences else "Next", [step for step in steps if step.startswith(COMMANDS)])
