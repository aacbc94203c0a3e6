"""What pytest adds to a failed `assert lrdoctor.diagnose("run.csv").verdict == "stable"`: what was found, and where.

Of two texts that differ pytest shows the texts alone, and 'unstable' says too little. While it explains the comparison,
the report that the verdict was taken from is still a local variable of the frame that asserts; there it is looked for.
pytest finds this module by the entry point `lrdoctor`; `-p no:lrdoctor` leaves it out. It imports nothing by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdoctor.core.report import Report

VERDICTS = ("stable", "unstable", "inconclusive")


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """The lines of the failed comparison of a report's verdict; None for any other."""
    # what is no text is not compared: arrays have no single answer
    verdicts = [side for side in (left, right) if isinstance(side, str) and side in VERDICTS]
    report = _report_in_sight(verdicts, sys._getframe(1)) if op == "==" and verdicts else None
    if report is None:
        return None
    from lrdoctor.core import brief

    # without the screen's first line: pytest shows about 640 characters, and what is worst has been said
    return [f"{left!r} == {right!r}: {brief.worst(report)}", *str(report).splitlines()[1:]]


def _report_in_sight(verdicts: Sequence[str], frame: FrameType | None) -> Report | None:
    """The last report with one of the verdicts among the local variables of the nearest frame that has any report."""
    module = sys.modules.get("lrdoctor.core.report")
    while module is not None and frame is not None:
        reports = [value for value in frame.f_locals.values() if type(value) is module.Report]
        if reports:
            return next((report for report in reversed(reports) if report.verdict in verdicts), None)
        frame = frame.f_back
    return None
