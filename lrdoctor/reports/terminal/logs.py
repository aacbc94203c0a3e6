"""The report of logs: a block for each run that needs attention, a line for each that does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lrdoctor.reports import actions
from lrdoctor.reports.terminal.fixes import fix_items, print_code, together
from lrdoctor.reports.terminal.items import (
    INDENT,
    SEVERITY_STYLE,
    VERDICT_STYLE,
    Item,
    costliest,
    finding_item,
    finding_items,
    print_items,
    skipped_in_short,
    skipped_items,
)
from lrdoctor.reports.terminal.provenance import provenance_items
from lrdoctor.reports.terminal.sparkline import Axis, draw, marks, scale
from lrdoctor.reports.terminal.text import safe

if TYPE_CHECKING:
    from lrdoctor.core.report import Finding, Fix, Report, RunSummary

WIDEST = 100
"""Columns of a curve; a wider one says no more."""
NARROWEST = 10
SMALL, SMALLER = 24, 12
"""Columns of the curve beside a run that has one line; the smaller one where the console is narrower than `WIDEST`."""
LABELS = {"train_loss": "loss", "grad_norm": "grad norm"}
LABEL_WIDTH = max(map(len, LABELS.values())) + 2
MOST_BLOCKS = 8
"""Runs of one report that are shown in full; of more the reader wants the list first."""
WORST_FIRST = ("unstable", "inconclusive", "stable")
UNITS = {"step": "steps", "samples": "samples", "epoch": "epochs", "row": "rows"}


def print_logs(report: Report, console: Console, *, verbose: bool) -> None:
    """Prints the runs of a report of logs, the worst first, and what was not read."""
    unread = [run for run in report.runs if run.status == "failed"]
    judged = [run for run in report.runs if run.status != "failed"]
    alone = len(report.runs) == 1
    everything = alone or verbose
    in_short = [] if everything else [run for run in judged if not _needs_attention(run, report)]
    noticed = judged if everything else [run for run in judged if _needs_attention(run, report)]
    noticed = sorted(noticed, key=lambda run: WORST_FIRST.index(run.verdict))
    in_full = noticed if verbose else noticed[:MOST_BLOCKS]
    said: dict[str, str] = {}
    for run in in_full:
        _print_block(run, report, console, verbose=verbose, alone=alone)
        _print_fixes(report.fixes_of(run.name), said, console, verbose)
    print_items(console, "Findings", (finding_item(f, console, verbose) for f in report.findings_of(None)))
    further = noticed[len(in_full) :]
    _print_table("More runs that need attention (-v: each in full)", further, report, console)
    _print_table("Without an instability", in_short, report, console)
    names = {run.name for run in (*further, *in_short)}
    skips = [skip for skip in report.skipped if skip.run in names]
    print_items(console, "Not checked in these runs", skipped_in_short(skips, console))
    print_items(console, "Not checked", skipped_items(report.skips_of(None), console))
    if not alone or verbose:
        reasons = ((safe(console, run.name, "bold"), safe(console, run.exit_reason or "")) for run in unread)
        print_items(console, "Could not be read", reasons)
    _print_passed_over(report, console, verbose)


def _needs_attention(run: RunSummary, report: Report) -> bool:
    severities = {finding.severity for finding in report.findings_of(run.name)}
    return run.verdict != "stable" or bool(severities - {"info"})


def _print_block(run: RunSummary, report: Report, console: Console, *, verbose: bool, alone: bool) -> None:
    findings = report.findings_of(run.name)
    console.print()
    header = safe(console, run.name, "bold").append("  ")
    header.append(run.verdict.upper(), VERDICT_STYLE[run.verdict]).append("  ").append(safe(console, _size(run)))
    console.print(header, overflow="fold")
    if alone and "format" in run.provenance:
        judged = run.provenance.get("judged", "train_loss")
        of = "validation loss" if judged == "val_loss" else "loss"
        read = f"{run.provenance['format']}, {of} from {run.provenance['columns'][judged]!r}"
        console.print(Padding(safe(console, read, "dim"), (0, 0, 0, INDENT), expand=False))
    _print_curves(run, findings, console)
    inside = 2 * INDENT
    print_items(console, "", finding_items(findings, console, verbose, partial(actions.for_finding, report)), inside)
    if verbose:
        print_items(console, "read", provenance_items(run.provenance, console), inside)
    skips = report.skips_of(run.name)
    print_items(console, "not checked", skipped_items(skips, console, report.summary if alone else ""), inside)


def print_run(run: RunSummary, report: Report, console: Console) -> None:
    """The block of the one run of a report: its curves, what was found and what could not be checked."""
    _print_block(run, report, console, verbose=False, alone=True)


def _print_fixes(fixes: Sequence[Fix], said: dict[str, str], console: Console, verbose: bool) -> None:
    """The fixes of one run; those that are word for word as for an earlier run stand in one line, which names it."""
    before = dict(said)
    items: list[Item] = []
    place = 1
    ordered = sorted(fixes, key=lambda fix: fix.rank)
    for earlier, group in groupby(ordered, key=lambda fix: before.get(_words(fix))):
        alike = list(group)
        if earlier is not None:
            items.append(together(alike, console, f"as for {earlier}", place))
        else:
            items += fix_items(alike, console, verbose, place)
            said.update({_words(fix): fix.run or "" for fix in alike})
        place += len(alike)
    print_items(console, "fixes to try, in this order", items, 2 * INDENT)
    if verbose and any(fix.code for fix in ordered if _words(fix) not in before):
        console.print(Text(" " * INDENT).append("their code", "bold"))
        # those that stand above already have no code here, and keep their places
        shown = [fix if _words(fix) not in before else replace(fix, snippet="", trainer_snippet="") for fix in ordered]
        print_code(console, shown, 2 * INDENT)


def _words(fix: Fix) -> str:
    return f"{fix.name}: {fix.why}\n{fix.code}"


def _size(run: RunSummary) -> str:
    """`500 points, steps 0..4990`."""
    points = "1 point" if run.n_points == 1 else f"{run.n_points} points"
    unit = UNITS.get(run.provenance.get("x", ""), "steps")
    return f"{points}, {unit} {run.first_step}..{run.last_step}" if run.n_points else points


def _print_curves(run: RunSummary, findings: Sequence[Finding], console: Console) -> None:
    """The training loss and the gradient norm, each with its findings marked under it."""
    loss = run.curves.get("train_loss")
    if loss is None or not len(loss):
        return
    ascii_only = console.options.ascii_only
    shown = {name: run.curves[name] for name in LABELS if name in run.curves}
    scales = {name: "  " + scale(curve, ascii_only=ascii_only) for name, curve in shown.items()}
    room = console.width - INDENT - LABEL_WIDTH - max(map(len, scales.values()))
    axis = Axis.of(loss, max(NARROWEST, min(room, WIDEST)))
    for name, curve in shown.items():
        line = draw(curve, axis, ascii_only=ascii_only)
        text = Text(" " * INDENT + LABELS[name].ljust(LABEL_WIDTH) + line)
        console.print(text.append(scales[name], "dim"), overflow="fold")
        has_norms = "grad_norm" in shown
        mine = [f for f in findings if (f.is_of_norms and has_norms) == (name == "grad_norm")]
        _print_marks(mine, axis, console)


def _print_marks(findings: Sequence[Finding], axis: Axis, console: Console) -> None:
    """A mark where each finding begins; the costliest of a kind have a label beside it."""
    began = [finding for finding in findings if finding.first_step is not None]
    labelled = set(map(id, costliest(began)))
    label = {id(f): f"{f.code} {f.first_step}" if id(f) in labelled else "" for f in began}
    places = [(axis.column(f.first_step), label[id(f)]) for f in began if f.first_step is not None]
    width = max(axis.width, console.width - INDENT - LABEL_WIDTH)
    style = SEVERITY_STYLE[began[0].severity] if began else ""
    for line in marks(places, width):
        console.print(Text(" " * (INDENT + LABEL_WIDTH) + line, style))


def _print_table(title: str, runs: Sequence[RunSummary], report: Report, console: Console) -> None:
    """A line for each run: its name, its size, its loss, and what was noticed; nothing for no runs."""
    if not runs:
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    for may_wrap in (True, False, False, True):
        table.add_column(no_wrap=not may_wrap, overflow="fold")
    ascii_only = console.options.ascii_only
    small = SMALL if console.width >= WIDEST else SMALLER
    for run in runs:
        loss = run.curves.get("train_loss")
        line = "" if loss is None or not len(loss) else draw(loss, Axis.of(loss, small), ascii_only=ascii_only)
        noticed = sorted({finding.code for finding in report.findings_of(run.name)})
        verdict = Text(run.verdict, VERDICT_STYLE[run.verdict])
        words = safe(console, ", ".join([_size(run), *noticed]))
        table.add_row(safe(console, run.name, "bold"), verdict, Text(line), words)
    console.print()
    console.print(Text(title, style="bold"))
    console.print(Padding(table, (0, 0, 0, INDENT), expand=False))


def _print_passed_over(report: Report, console: Console, verbose: bool) -> None:
    counts = sorted(report.passed_over.items(), key=lambda item: (-item[1], item[0]))
    print_items(console, "Passed over", (_count(console, reason, n) for reason, n in counts))
    if verbose:
        print_items(console, "No logs", _no_logs(report, console))


def _count(console: Console, reason: str, n: int) -> Item:
    return Text(str(n), justify="right"), safe(console, reason)


def _no_logs(report: Report, console: Console) -> Iterator[Item]:
    for source, reason in report.no_logs.items():
        yield safe(console, source), safe(console, reason)
