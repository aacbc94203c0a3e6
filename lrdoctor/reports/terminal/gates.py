"""What --baseline and --min-margin say."""

from __future__ import annotations

from rich.console import Console

from lrdoctor.core.report import Report
from lrdoctor.reports import gates
from lrdoctor.reports.terminal.items import print_items
from lrdoctor.reports.terminal.text import safe

STYLES = {"worse": "red", "below": "red", "unknown": "yellow", "gone": "yellow"}


def print_gates(report: Report, console: Console) -> None:
    """Prints each as a line; nothing where none was asked for."""
    told = gates.lines(report)
    items = ((safe(console, label, STYLES.get(label, "")), safe(console, words)) for label, words in told)
    print_items(console, "Against the baseline and the demanded margin", items)
