"""A report in one line and on one screen: what Python's repr and str say, and with them a failed assertion.

pytest shows the repr of a value up to 240 characters; so the line alone has to say what was found, and where.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdoctor.core.report import Finding, Report

LONGEST_LINE, LONGEST_MESSAGE = 205, 120
"""Characters of what the line says, and of the message in it; pytest shows 240 of a value, cut in the middle."""
LONGEST_NAME = 50
"""Characters of a run's name, of which the end is shown: of a path it says more than the beginning."""
MOST_LINES = 8
"""Entries of a section of the screen."""
PROPOSED = ("recommended", "verified")
LONGEST = 300
"""Characters of an entry of the screen; names and messages come from logs and may be of any length."""


def line(report: Report) -> str:
    """The verdict, what is worst and where, in one line of printable characters."""
    return f"<Report {report.verdict.upper()}: {worst(report)}>"


def worst(report: Report) -> str:
    """What is worst about the report and where; why there is no verdict, or that nothing was found."""
    found = worst_first(report)
    if not found:
        return f"{_cut(report.summary, LONGEST_MESSAGE)}{_of_single_run(report)}"
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return _cut(f"{_cut(found[0].message, LONGEST_MESSAGE)} [{_place(found[0])}]{more}", LONGEST_LINE)


def screen(report: Report) -> str:
    """The verdict, what bears on it and where, what could not be judged, and what to do next: a few printable lines."""
    sections = {
        "found": [f"{_place(finding)}: {finding.message}" for finding in worst_first(report)],
        "not judged": list(_not_judged(report)),
        "to try": list(dict.fromkeys(f"{fix.name}: {fix.why}" for fix in report.fixes if fix.status in PROPOSED)),
        "next": list(report.next_steps),
    }
    head = f"{report.verdict.upper()}: {_cut(report.summary, LONGEST)}"
    return "\n".join([head, *(text for title, of in sections.items() for text in _section(title, of))])


def worst_first(report: Report) -> list[Finding]:
    """Errors, then warnings, of what the verdict rests on."""
    bearing = [
        finding for finding in report.findings if report.counts_for_verdict(finding) and finding.severity != "info"
    ]
    return sorted(bearing, key=lambda finding: finding.severity != "error")


def _section(title: str, entries: list[str]) -> Iterator[str]:
    for i, entry in enumerate(entries[:MOST_LINES]):
        yield f"  {title if i == 0 else '':11} {_cut(entry, LONGEST)}"
    if len(entries) > MOST_LINES:
        yield f"  {'':11} and {len(entries) - MOST_LINES} more"


def _not_judged(report: Report) -> Iterator[str]:
    """The runs without a verdict, each with its reasons."""
    if report.is_of_trials:
        return
    for run in report.runs:
        if run.verdict == "inconclusive":
            reasons = [run.exit_reason] if run.exit_reason else [skip.reason for skip in report.skips_of(run.name)]
            yield f"{_end(run.name)}: {'; '.join(dict.fromkeys(reasons))}"


def _of_single_run(report: Report) -> str:
    """The run, where the sentence does not name it."""
    if len(report.runs) != 1 or report.runs[0].name in report.summary:
        return ""
    return f" [{_end(report.runs[0].name)}]"


def _place(finding: Finding) -> str:
    """`LRD101 in runs/a.csv, steps 300-499`: the rule, the run where it is about one, the steps where it has any."""
    run = f" in {_end(finding.run)}" if finding.run is not None else ""
    first, last = finding.first_step, finding.last_step
    if first is None:
        return f"{finding.code}{run}"
    steps = f"step {first}" if last in (first, None) else f"steps {first}-{last}"
    return f"{finding.code}{run}, {steps}"


def _cut(text: str, most: int) -> str:
    text = _printable(text)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _end(name: str) -> str:
    name = _printable(name)
    return name if len(name) <= LONGEST_NAME else f"...{name[3 - LONGEST_NAME :]}"


def _printable(text: str) -> str:
    """What steers a terminal or breaks a line spelled out; names come from logs."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
