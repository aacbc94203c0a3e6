"""GitHub: annotations of a job, and the summary of its step.

Workflow commands as GitHub documents them: `::error file=...,line=...,title=...::message`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lrdoctor.core.report import Report
from lrdoctor.reports import markdown
from lrdoctor.reports.notices import Notice, notices
from lrdoctor.reports.places import Place, place_of_log, place_of_study
from lrdoctor.reports.untrusted import one_line

KINDS = {"error": "error", "warning": "warning", "info": "notice"}
MOST_OF_A_KIND = 10
"""Annotations of a kind that GitHub shows of a step; it drops the others."""
LONGEST_TITLE, LONGEST_MESSAGE = 200, 2000
LARGEST_SUMMARY = 1024 * 1024
"""Bytes of a step's summary; GitHub drops a larger one as a whole."""
ROOM = 1024
"""Bytes of it that are left free, for the lines that a step adds itself."""


def annotation_lines(report: Report, folder: Path | None) -> Iterator[str]:
    """One line each, the worst first, at most `MOST_OF_A_KIND` of a kind; then a line for those left out."""
    of_study = place_of_study(folder)
    counts = dict.fromkeys(KINDS.values(), 0)
    for notice in notices(report):
        kind = KINDS["info" if notice.is_known else notice.severity]
        counts[kind] += 1
        if counts[kind] <= MOST_OF_A_KIND:
            yield _annotation(kind, notice, of_study if notice.source is None else place_of_log(notice.source))
    for kind, count in counts.items():
        if count > MOST_OF_A_KIND:
            yield f"{count - MOST_OF_A_KIND} more of kind {kind} are not annotated; the report has them"


def _annotation(kind: str, notice: Notice, place: Place | None) -> str:
    title = f"{notice.code} {notice.title}" + (" (known)" if notice.is_known else "")
    properties = {"title": one_line(title, LONGEST_TITLE)}
    if place is not None and one_line(place.file, len(place.file)) == place.file:  # else GitHub would not find it
        line = {} if place.line is None else {"line": str(place.line)}
        properties = {"file": place.file, **line, **properties}
    words = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {words}::{_data(_message(notice))}"


def _message(notice: Notice) -> str:
    run = "" if notice.run is None else f"{notice.run}: "
    more = f" (the first of {notice.count})" if notice.count > 1 else ""
    # GitHub drops an annotation without a message
    return one_line(f"{run}{notice.message.strip() or notice.title}", LONGEST_MESSAGE) + more


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(report: Report, folder: Path | None, used: int) -> str:
    """Markdown for $GITHUB_STEP_SUMMARY; a line that says so where there is no room for it.

    Args:
        report: what was judged.
        folder: the study folder; None for logs.
        used: bytes that the file holds already.
    """
    text = markdown.render(report, folder) + "\n"
    if used + len(text.encode()) <= LARGEST_SUMMARY - ROOM:
        return text
    short = f"lrdoctor: {report.verdict}; this step's summary has no room for its report\n"
    return short if used + len(short) <= LARGEST_SUMMARY else ""
