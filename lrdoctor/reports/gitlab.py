"""GitLab's code quality report: a JSON list that merge requests show beside the changed lines."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from lrdoctor.core.report import Report
from lrdoctor.reports.notices import Notice, notices
from lrdoctor.reports.places import Place, place_of_log, place_of_study
from lrdoctor.reports.untrusted import one_line

SEVERITIES = {"error": "critical", "warning": "minor", "info": "info"}
LONGEST = 1000


def render(report: Report, folder: Path | None) -> str:
    """The list as strict JSON text in ASCII, with a newline at the end; `[]` where there is nothing to look at."""
    of_study = place_of_study(folder)
    seen: Counter[str] = Counter()
    entries = [_entry(n, of_study if n.source is None else place_of_log(n.source), seen) for n in notices(report)]
    return json.dumps(entries, indent=2, allow_nan=False) + "\n"


def _entry(notice: Notice, place: Place | None, seen: Counter[str]) -> dict[str, Any]:
    file = one_line(place.file if place is not None else notice.source or "lrdoctor", LONGEST)
    run = "" if notice.run is None else f"{notice.run}: "
    more = f" (the first of {notice.count})" if notice.count > 1 else ""
    return {
        "description": f"{notice.title}: {one_line(run + notice.message, LONGEST)}{more}",
        "check_name": notice.code,
        "fingerprint": _fingerprint(notice, file, seen),
        "severity": SEVERITIES[notice.severity],
        "location": {"path": file, "lines": {"begin": (place.line if place is not None else None) or 1}},
    }


def _fingerprint(notice: Notice, file: str, seen: Counter[str]) -> str:
    """The same for the same finding whatever its numbers are, so that GitLab tells new ones from known ones.

    Args:
        notice: what was found.
        file: where.
        seen: how often each was met before; those that differ in their words alone are told apart by their order.
    """
    what = "\0".join((notice.code, notice.severity, notice.title, notice.run or "", file))
    seen[what] += 1
    return hashlib.sha256(f"{what}\0{seen[what]}".encode("utf-8", "surrogatepass")).hexdigest()
