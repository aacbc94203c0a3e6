"""The result of a command as people read it: the verdict first, the evidence under it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lrdoctor.core.report import Finding, Fix, Report
from lrdoctor.reports.numbers import multiple, number
from lrdoctor.reports.terminal.rates import legend, rates_table
from lrdoctor.reports.terminal.text import safe

VERDICT_STYLE = {"stable": "bold green", "unstable": "bold red", "inconclusive": "bold yellow"}
SEVERITY_STYLE = {"error": "red", "warning": "yellow", "info": "cyan"}
INDENT = 2

Item = tuple[Text, Text]
"""A label and the words beside it."""


def print_report(report: Report, console: Console, *, verbose: bool = False, quiet: bool = False) -> None:
    """Prints the report.

    Args:
        report: what was judged.
        console: where to; its width and colours are respected.
        verbose: lists the findings of single trials of a sweep, with their evidence, and the fixes' snippets.
        quiet: only the verdict and the headline numbers.
    """
    verdict = f"{report.verdict.upper()}: {report.summary}"
    # the one line that scripts and people search a CI log for is not broken
    console.print(safe(console, verdict, VERDICT_STYLE[report.verdict]), soft_wrap=True)
    _items(console, "", [(Text(label), safe(console, value)) for label, value in headline(report)])
    if quiet:
        return
    if report.sweep:
        _print_sweep(report, console)
    _print_findings(report, console, verbose)
    _items(console, "Not checked", _skipped(report, console))
    fixes = sorted(report.fixes, key=lambda fix: fix.rank)
    _items(console, "Fixes to try, in this order", (_fix(fix, console, verbose) for fix in fixes))
    _lines(console, "Next", report.next_steps)
    _lines(console, "Files written", report.sweep.get("figures", ()))


def headline(report: Report) -> Iterator[tuple[str, str]]:
    """The study's numbers as label and value; for logs only those that are known."""
    best, unstable = report.best_learning_rate, report.unstable_base_learning_rate
    if best is not None or report.sweep:
        yield "best learning rate (lr*)", _no_best(report) if best is None else number(best)
    if unstable is not None or report.sweep:
        yield "unstable_base_learning_rate", "none found" if unstable is None else number(unstable)
    if report.stability_margin is not None:
        yield "stability margin", multiple(report.stability_margin)
    elif report.sweep.get("stable_up_to") is not None:
        yield "stability margin", f"(>= {multiple(report.sweep['stable_up_to'])}, none found)"
    if report.lr_sensitivity is not None:
        yield "LR sensitivity", f"{report.lr_sensitivity:.3g}"


def _no_best(report: Report) -> str:
    """Why a sweep has no best rate."""
    judged = [rate for rate in report.sweep["rates"] if rate["n_judged"]]
    if any(rate["feasible"] for rate in judged):
        return "not determined"
    return "none, no rate is feasible" if judged else "none, no rate could be judged"


def _print_sweep(report: Report, console: Console) -> None:
    if report.sweep["rates"]:
        console.print()
        console.print(rates_table(report.sweep, report.best_learning_rate, console))
        console.print(legend(report.sweep, report.best_learning_rate, console))
    _items(console, "Notes", ((Text("-"), safe(console, note)) for note in report.sweep["notes"]))


def _print_findings(report: Report, console: Console, verbose: bool) -> None:
    single = [finding for finding in report.findings if finding.run is not None]
    whole = [finding for finding in report.findings if finding.run is None]
    if not report.sweep:
        # of a log the single runs are the result; of a sweep they are the raw material of the table
        whole, single = list(report.findings), []
    _items(console, "Findings", (_finding(finding, console, verbose) for finding in whole))
    if verbose:
        _items(console, "Findings of single trials", (_finding(f, console, verbose) for f in single))
    elif single:
        console.print()
        console.print(f"Findings of single trials: {len(single)}, counted in the table; -v lists them")


def _finding(finding: Finding, console: Console, verbose: bool) -> Item:
    words = finding.message if finding.run is None else f"{finding.run}: {finding.message}"
    if verbose:
        words += f" (observed {_evidence(finding.observed)}, threshold {_evidence(finding.threshold)})"
    label = safe(console, f"{finding.severity} {finding.code}", SEVERITY_STYLE[finding.severity])
    return label, safe(console, words)


def _evidence(value: float | str | None) -> str:
    return value if isinstance(value, str) else number(value)


def _skipped(report: Report, console: Console) -> Iterator[Item]:
    """Checks that were not made, those of one reason as one line with the number of runs."""
    counts = Counter((skip.code, skip.reason) for skip in report.skipped)
    for reason in dict.fromkeys(reason for _, reason in counts):
        codes = [code for code, of in counts if of == reason]
        count = max(counts[code, reason] for code in codes)
        yield safe(console, ", ".join(codes)), safe(console, reason if count == 1 else f"{reason} x{count}")


def _fix(fix: Fix, console: Console, verbose: bool) -> Item:
    status = "" if fix.status == "recommended" else f"{fix.status.replace('_', ' ')}: "
    words = safe(console, status + fix.why)
    if verbose and fix.snippet:
        for line in fix.snippet.splitlines():
            words.append("\n").append(safe(console, line, "dim"))
    return safe(console, f"{fix.rank}. {fix.name}", "bold"), words


def _items(console: Console, title: str, items: Iterable[Item]) -> None:
    """Prints labels and words in two columns, under a title; nothing when there are none."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, words in items:
        grid.add_row(label, words)
    if not grid.row_count:
        return
    if title:
        console.print()
        console.print(Text(title, style="bold"))
    console.print(Padding(grid, (0, 0, 0, INDENT), expand=False))


def _lines(console: Console, title: str, lines: Iterable[str]) -> None:
    """Prints lines that must survive copy and paste, so the terminal wraps them, not we."""
    shown = [safe(console, line) for line in lines]
    if not shown:
        return
    console.print()
    console.print(Text(title, style="bold"))
    for line in shown:
        console.print(Text(" " * INDENT).append(line), soft_wrap=True)
