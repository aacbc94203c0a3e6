"""The result of a command as people read it: the verdict first, the evidence under it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from lrdoctor.reports import actions, budgets, recorded
from lrdoctor.reports.intervals import Figures
from lrdoctor.reports.numbers import multiple
from lrdoctor.reports.tables import rates_table
from lrdoctor.reports.terminal.architecture import print_architecture
from lrdoctor.reports.terminal.clip import print_clip
from lrdoctor.reports.terminal.fixes import fix_item, print_code
from lrdoctor.reports.terminal.gates import print_gates
from lrdoctor.reports.terminal.items import (
    VERDICT_STYLE,
    finding_item,
    print_items,
    print_lines,
    print_steps,
    skipped_items,
)
from lrdoctor.reports.terminal.logs import print_logs
from lrdoctor.reports.terminal.probe import print_probe
from lrdoctor.reports.terminal.table_draw import draw, legend
from lrdoctor.reports.terminal.text import safe
from lrdoctor.reports.terminal.treat import print_treat
from lrdoctor.reports.terminal.warmup import print_warmup

if TYPE_CHECKING:
    from lrdoctor.core.report import Fix, Part, Report

WRITTEN: tuple[Part, ...] = ("sweep", "probe", "warmup", "clip", "treat")
"""The order in which the files of figures are named."""


def print_report(report: Report, console: Console, *, verbose: bool = False, quiet: bool = False) -> None:
    """Prints the report.

    Args:
        report: what was judged.
        console: where to; its width and colours are respected.
        verbose: lists the findings of single trials of a sweep and what was read of a log, evidence, and the fixes'
            snippets.
        quiet: only the verdict and the headline numbers.
    """
    text, style = verdict_text(report)
    # the one line that scripts and people search a CI log for is not broken
    console.print(safe(console, text, style), soft_wrap=True)
    print_items(console, "", [(Text(label), safe(console, value)) for label, value in headline(report)])
    print_gates(report, console)
    if quiet:
        return
    if report.probe:
        print_probe(report.probe, console)
    if report.architecture:
        print_architecture(report.architecture, console, verbose)
    if report.is_of_trials:
        _print_trials(report, console, verbose)
    else:
        print_logs(report, console, verbose=verbose)
    _print_searches(report, console, verbose)
    print_treat(report.treat, console)
    fixes = _fixes_to_list(report)
    title = "Further fixes, in this order" if report.treat else "Fixes to try, in this order"
    print_items(console, title, (fix_item(fix, console, place) for place, fix in enumerate(fixes, start=1)))
    if verbose:
        print_code(console, fixes)
    print_steps(console, report.next_steps, verbose)
    # figure 8 of a warmup is drawn anew from its sweep
    files = dict.fromkeys(file for part in WRITTEN for file in report.figure_files[part])
    print_lines(console, "Files written", files)


def _print_searches(report: Report, console: Console, verbose: bool) -> None:
    """How the numbers of warmup and clipping were found; after a treatment its own sweeps of them say more."""
    if not report.treat or verbose:
        if report.clip:
            print_clip(report.clip, console)
        print_warmup(report.warmup, console)
    elif report.clip or report.warmup:
        console.print()
        console.print("How the numbers of warmup and clipping were found: -v shows it")


def _fixes_to_list(report: Report) -> list[Fix]:
    """By rank, those that the report does not tell more of elsewhere.

    Of a log the fixes stand with the run that they are for; after a treatment, with what came of them.
    """
    told = {fix.name for fix in report.treat.tried} if report.treat else set()
    fixes = [fix for fix in report.fixes if (report.is_of_trials or fix.run is None) and fix.name not in told]
    return sorted(fixes, key=lambda fix: fix.rank)


def verdict_text(report: Report) -> tuple[str, str]:
    """The first line and its style. Nothing was trained for an inspection, so a good one is no proof of stability: it
    has neither a verdict in front nor the colour of one."""
    if report.command == "inspect":
        return report.summary, "bold"
    return f"{report.verdict.upper()}: {report.summary}", VERDICT_STYLE[report.verdict]


def headline(report: Report) -> Iterator[tuple[str, str]]:
    """The study's numbers as label and value; for logs only those that are known."""
    best, unstable, margin = report.best_learning_rate, report.unstable_base_learning_rate, report.stability_margin
    figures = Figures(report)
    if best is not None or report.sweep:
        yield "best learning rate (lr*)", _no_best(report) if best is None else figures.best(best)
    if unstable is not None or report.sweep:
        yield "unstable_base_learning_rate", "none found" if unstable is None else figures.unstable(unstable)
    if margin is not None:
        yield "stability margin", figures.margin(margin)
    elif report.sweep and report.sweep.stable_up_to is not None:
        yield "stability margin", f"(>= {multiple(report.sweep.stable_up_to)}, none found)"
    if report.lr_sensitivity is not None:
        yield "LR sensitivity", f"{report.lr_sensitivity:.3g}"
    if report.budget is not None:
        yield budgets.LABEL, budgets.in_words(report.budget)
    if report.recorded:
        yield from recorded.headline(report.recorded)


def _no_best(report: Report) -> str:
    """Why a sweep has no best rate."""
    judged = [rate for rate in report.sweep.rates if rate.n_judged] if report.sweep else []
    if any(rate.is_feasible for rate in judged):
        return "not determined"
    return "none, no rate is feasible" if judged else "none, no rate could be judged"


def _print_trials(report: Report, console: Console, verbose: bool) -> None:
    if report.sweep and report.sweep.rates:
        table = rates_table(report.sweep, report.best_learning_rate)
        console.print()
        console.print(draw(table, console))
        console.print(legend(table, console))
    notes = report.sweep.notes if report.sweep else ()
    print_items(console, "Notes", ((Text("-"), safe(console, note)) for note in notes))
    _print_findings(report, console, verbose)
    print_items(console, "Not checked", skipped_items(report.skipped, console))


def _print_findings(report: Report, console: Console, verbose: bool) -> None:
    single = [finding for finding in report.findings if finding.run is not None]
    whole = [finding for finding in report.findings if finding.run is None]
    print_items(
        console, "Findings", (finding_item(f, console, verbose, do=actions.for_finding(report, f)) for f in whole)
    )
    if verbose:
        print_items(console, "Findings of single trials", (finding_item(f, console, verbose) for f in single))
    elif single:
        console.print()
        console.print(f"Findings of single trials: {len(single)}, counted in the table; -v lists them")
