"""Fixes in words, and their code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from lrdoctor.reports.terminal.items import INDENT, Item
from lrdoctor.reports.terminal.text import safe

if TYPE_CHECKING:
    from lrdoctor.core.report import Fix


def fix_item(fix: Fix, console: Console, place: int) -> Item:
    """A fix with its place in the list that it stands in; its rank is that in the playbook's whole order."""
    status = "" if fix.status == "recommended" else f"{fix.status.replace('_', ' ')}: "
    words = safe(console, status + fix.why)
    if fix.trainer_snippet and "\n" not in fix.trainer_snippet:
        words = words.append_text(safe(console, f"; for {fix.trainer}: ")).append_text(
            safe(console, fix.trainer_snippet, "bold")
        )
    return safe(console, f"{place}. {fix.name}", "bold"), words


def fix_items(fixes: Sequence[Fix], console: Console, verbose: bool, first: int = 1) -> Iterator[Item]:
    """The fixes of one log in order, counted from `first`; those of which the log tells nothing of their own share a
    line."""
    for caveat, group in groupby(fixes, key=_caveat):
        alike = list(group)
        if verbose or not caveat or len(alike) == 1:
            yield from (fix_item(fix, console, place) for place, fix in enumerate(alike, start=first))
        else:
            yield together(alike, console, f"{caveat} (-v: each in full)", first)
        first += len(alike)


def together(fixes: Sequence[Fix], console: Console, words: str, first: int) -> Item:
    """Several fixes in a row as one item: their places, their names, and the same words for all."""
    if len(fixes) == 1:
        return safe(console, f"{first}. {fixes[0].name}", "bold"), safe(console, words)
    ranks = " ".join(f"{place}." for place, _ in enumerate(fixes, start=first))
    names = safe(console, ", ".join(fix.name for fix in fixes), "bold")
    return safe(console, ranks, "bold"), names.append_text(safe(console, f": {words}"))


def _caveat(fix: Fix) -> str:
    """The second half of a reason that has two: what to do, and what the log tells of it."""
    what, _, rest = fix.why.partition("; ")
    return rest if what and not fix.settings and "; " not in rest else ""


def print_code(console: Console, fixes: Iterable[Fix], indent: int = INDENT) -> None:
    """The fixes' snippets, in lines that survive copy and paste."""
    for place, fix in enumerate(fixes, start=1):
        lines = [f"# {place}. {fix.name}", *fix.code.splitlines()] if fix.code else []
        for line in lines:
            console.print(Text(" " * indent).append_text(safe(console, line, "dim")), soft_wrap=True)
