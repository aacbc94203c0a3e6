"""What --baseline and --min-margin say of a report, in the lines that every format shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdoctor.core.report import Finding, Report
    from lrdoctor.core.sections import Comparison

MOST_GONE = 5
"""Runs of the baseline that are named one by one."""
LABELS = {"passed": "ok", "failed": "below", "unknown": "unknown"}
Line = tuple[str, str]
"""A label of one word and a sentence."""


def lines(report: Report) -> Iterator[Line]:
    """The result of each of the two that was asked for; nothing where none was."""
    if report.baseline:
        yield from _baseline(report.baseline)
    if report.min_margin:
        yield LABELS[report.min_margin.status], report.min_margin.message


def _baseline(compared: Comparison) -> Iterator[Line]:
    for one in compared.worse:
        yield "worse", one.message + ("" if one.fails else " (counts only with another --fail-on)")
    for reason in compared.not_compared:
        yield "unknown", reason
    if gone := compared.gone:
        more = f" and {len(gone) - MOST_GONE} more" if len(gone) > MOST_GONE else ""
        yield "gone", f"judged in the baseline and not now: {', '.join(gone[:MOST_GONE])}{more}"
    if not compared.worse and not compared.not_compared:
        yield "same", f"nothing is new or worse than in {compared.file}"


def is_known(report: Report, finding: Finding) -> bool:
    """Whether the baseline has the finding too, no less severe; without a baseline nothing is known."""
    if report.baseline is None:
        return False
    return (finding.run, finding.code) not in report.baseline.worse_findings
