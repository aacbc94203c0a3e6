"""The runs of a report of logs: the worst in full, the others folded."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from lrdoctor.core.report import Report, RunSummary
from lrdoctor.reports.html.drawn import curves_figure
from lrdoctor.reports.html.figures import Figure
from lrdoctor.reports.html.findings import Shown, in_short, of_log, skips_table
from lrdoctor.reports.html.norm_bars import norm_bars
from lrdoctor.reports.table import Row, Table
from lrdoctor.reports.terminal.provenance import said

MOST_IN_FULL = 8
"""Runs that are open when the page opens; more would hide the overview. The others are drawn with fewer points."""
MANY = 24
"""Runs from which nothing of the folded ones is enlarged."""
MOST_DRAWN = 150
"""Runs whose curves are drawn: more would make a page that no browser likes."""
MOST_SOURCES = 12
"""Paths of the command line that is shown."""
MOST_LISTED = 500
"""Runs that the page lists; of more, and of 200,000 at all, no browser shows a page."""
WORST_FIRST = ("unstable", "inconclusive", "stable")
UNITS = {"step": "steps", "samples": "samples", "epoch": "epochs", "row": "rows"}


@dataclass(frozen=True)
class LogView:
    """One run with all that the page says of it."""

    id: str
    run: RunSummary
    size: str
    figure: Figure | None
    norms: Figure | None
    """The histogram of its gradient norms; None where too few were logged."""
    why_no_figure: str
    findings: list[Shown]
    n_more: int
    """Findings that cost less than those that are listed."""
    read: tuple[tuple[str, str], ...]
    """What was read of the log, and how its values were made."""
    skipped: Table
    codes: str
    is_open: bool


def log_views(report: Report) -> list[LogView]:
    """The runs, the worst first, `MOST_LISTED` at most."""
    many = len(report.runs) > MANY
    return [_view(report, place, run, many) for place, run in enumerate(_worst_first(report)[:MOST_LISTED])]


def not_listed(report: Report) -> str:
    """`300 runs more are not listed here (300 stable); --json and --junit have all`; "" where all are listed."""
    more = _worst_first(report)[MOST_LISTED:]
    if not more:
        return ""
    return f"{len(more)} runs more are not listed on this page ({counts(more)}); --json and --junit have all of them"


def _worst_first(report: Report) -> list[RunSummary]:
    return sorted(report.runs, key=lambda run: WORST_FIRST.index(run.verdict))


def _view(report: Report, place: int, run: RunSummary, many: bool) -> LogView:
    findings = report.findings_of(run.name)
    in_full = place < MOST_IN_FULL
    id_ = f"run-{place}"
    title = f"{run.name}: {run.verdict}"
    codes = ", ".join(in_short(findings))
    told = f"{run.verdict}" + (f", found {codes}" if codes else ", nothing found")
    curves = run.curves if place < MOST_DRAWN else {}
    figure = curves_figure(f"{id_}-curves", title, told, curves, findings, not in_full)
    wanted = "grad_norm" in curves and (in_full or not many)
    norms = norm_bars(f"{id_}-norms", told, curves["grad_norm"]) if wanted else None
    listed, n_more = of_log(report, run, findings, id_, in_full or not many)
    return LogView(
        id=id_,
        run=run,
        size=size(run),
        figure=figure,
        norms=norms,
        why_no_figure="" if figure is not None else _why_not(place, run),
        findings=listed,
        n_more=n_more,
        read=tuple(said(run.provenance)),
        skipped=skips_table(report.skips_of(run.name), "runs"),
        codes=codes,
        is_open=(in_full and run.verdict != "stable") or place == 0,
    )


def _why_not(place: int, run: RunSummary) -> str:
    """Why a run that has points is not drawn."""
    if not run.n_points:
        return ""
    if place >= MOST_DRAWN:
        return f"Not drawn: the page draws the worst {MOST_DRAWN} runs; judge this log alone to see it."
    if not run.curves:
        return "Not drawn: curves are no part of a saved report; judge the log again to see them."
    return "Not drawn: none of its values is finite."


def size(run: RunSummary) -> str:
    """`500 points, steps 0 to 4990`."""
    points = "1 point" if run.n_points == 1 else f"{run.n_points} points"
    unit = UNITS.get(str(run.provenance.get("x", "")), "steps")
    return f"{points}, {unit} {run.first_step} to {run.last_step}" if run.n_points else points


def command_line(report: Report) -> str:
    """The command that judges the same logs again, without the options that were given."""
    sources = list(dict.fromkeys(run.source for run in report.runs))
    more = " …" if len(sources) > MOST_SOURCES else ""
    return shlex.join(["lrdoctor", report.command, *sources[:MOST_SOURCES]]) + more


def counts(runs: Sequence[RunSummary]) -> str:
    """`2 unstable, 1 inconclusive, 5 stable`."""
    n = {verdict: sum(run.verdict == verdict for run in runs) for verdict in WORST_FIRST}
    return ", ".join(f"{count} {verdict}" for verdict, count in n.items() if count)


def passed_over(report: Report) -> Table:
    """Files below the given directories that were not judged."""
    rows = [Row((reason, str(n))) for reason, n in sorted(report.passed_over.items(), key=lambda item: -item[1])]
    return Table.of("Files that were passed over", ("why", "files"), tuple(rows), ("why",))


def unread(report: Report) -> Table:
    """Files that were opened and hold no log."""
    rows = tuple(Row((source, reason)) for source, reason in report.no_logs.items())
    return Table.of("Files that hold no log", ("file", "why"), rows, ("file", "why"))
