"""What of a report a reader of CI has to look at, the worst first: what annotations and code quality entries say.

Trials of one study are judged over their seeds, and single ones are *meant* to become unstable at high rates: of a
study only what is said of it as a whole counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import get_args

from lrdoctor.core.report import Finding, Report, RunSummary, Severity
from lrdoctor.reports.gates import is_known

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
VERDICT, NOT_JUDGED, BASELINE, MARGIN = "verdict", "not-judged", "baseline", "min-margin"
"""Codes of what no rule says."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One thing to look at."""

    severity: Severity
    code: str
    """A rule's, or one of the above."""
    title: str
    message: str
    run: str | None = None
    source: str | None = None
    """The log that it is about; None for a study."""
    first_step: int | None = None
    count: int = 1
    """Findings of this kind in the run, of which this is the first."""
    is_known: bool = False
    """Whether the baseline has it too."""


def notices(report: Report) -> list[Notice]:
    """Everything, the worst first; of one severity what the baseline lacks before what it has."""
    found = [*_gates(report), *_rules(report), *_verdict(report), *_not_judged(report)]
    return sorted(found, key=lambda notice: (SEVERITIES.index(notice.severity), notice.is_known))


def bearing(report: Report) -> tuple[Finding, ...]:
    """The findings that the verdict rests on: those of logs, and of a study those about the whole."""
    return tuple(f for f in report.findings if f.run is None or not report.is_of_trials)


def _rules(report: Report) -> Iterator[Notice]:
    """One for each rule, severity and run."""
    sources = {run.name: run.source for run in report.runs}
    groups: dict[tuple[str, str, str | None], list[Finding]] = {}
    for finding in bearing(report):
        groups.setdefault((finding.code, finding.severity, finding.run), []).append(finding)
    for alike in groups.values():
        first = alike[0]
        yield Notice(
            severity=first.severity,
            code=first.code,
            title=first.name,
            message=first.message,
            run=first.run,
            source=None if first.run is None else sources.get(first.run),
            first_step=first.first_step,
            count=len(alike),
            is_known=is_known(report, first),
        )


def _gates(report: Report) -> Iterator[Notice]:
    for one in report.baseline.worse if report.baseline else ():
        if one.what != "finding":
            yield _of_study("error" if one.fails else "info", BASELINE, "worse than the baseline", one.message)
    for reason in report.baseline.not_compared if report.baseline else ():
        yield _of_study("warning", BASELINE, "not compared with the baseline", reason)
    if report.min_margin and report.min_margin.status != "passed":
        severity: Severity = "error" if report.min_margin.status == "failed" else "warning"
        yield _of_study(severity, MARGIN, "stability margin", report.min_margin.message)


def _verdict(report: Report) -> Iterator[Notice]:
    """An unstable verdict that no single finding stands for, such as that of a probe."""
    if report.verdict == "unstable" and not any(f.severity == "error" for f in bearing(report)):
        known = report.baseline is not None and report.baseline.verdict == "unstable"
        yield _of_study("error", VERDICT, "unstable", report.summary, is_known=known)


def _not_judged(report: Report) -> Iterator[Notice]:
    if report.is_of_trials or not report.runs:
        if report.verdict == "inconclusive":
            yield _of_study("warning", NOT_JUDGED, "could not be judged", report.summary)
        return
    for run in report.runs:
        if run.verdict == "inconclusive":
            message = why_not_judged(run, report)
            yield Notice(
                severity="warning",
                code=NOT_JUDGED,
                title="could not be judged",
                message=message,
                run=run.name,
                source=run.source,
            )


def why_not_judged(run: RunSummary, report: Report) -> str:
    """Why a log has no verdict."""
    reasons: Iterable[str] = (skip.reason for skip in report.skips_of(run.name))
    return run.exit_reason or "; ".join(dict.fromkeys(reasons)) or "its values allow no verdict"


def _of_study(severity: Severity, code: str, title: str, message: str, is_known: bool = False) -> Notice:
    return Notice(severity=severity, code=code, title=title, message=message, is_known=is_known)
