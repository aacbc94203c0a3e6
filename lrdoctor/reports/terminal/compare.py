"""A comparison of studies on a console."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from lrdoctor.core.compared import Outcome, StudyComparison
from lrdoctor.reports.compare import WORDS, differences_table, notes, studies_table
from lrdoctor.reports.terminal.items import print_items
from lrdoctor.reports.terminal.table_draw import draw
from lrdoctor.reports.terminal.text import safe

STYLES: dict[Outcome, str] = {
    "worse": "bold red",
    "mixed": "bold red",
    "inconclusive": "bold yellow",
    "no_difference": "bold",
    "better": "bold green",
}


def print_comparison(of: StudyComparison, console: Console, *, verbose: bool, quiet: bool) -> None:
    """The outcome of each pair, then the studies, what differs between them, and what else to know.

    Args:
        of: what was compared.
        console: where to.
        verbose: also what the intervals assume.
        quiet: the outcomes only.
    """
    for pair in of.pairs:
        head = safe(console, f"{WORDS[pair.outcome].upper()}: {pair.second} against {pair.first}", STYLES[pair.outcome])
        console.print(head)
        for figure in (pair.objective, pair.stability_margin):
            console.print(Text("  ") + safe(console, figure.words))
    if quiet:
        return
    console.print()
    console.print(draw(studies_table(of, intervals=False), console))
    if of.differences:
        console.print()
        console.print("What differs in how they train")
        console.print(draw(differences_table(of), console))
    print_items(console, "Notes", ((Text("-"), safe(console, note)) for note in notes(of)))
    if verbose:
        print_items(console, "What the intervals assume", [(Text("-"), safe(console, of.model))])
