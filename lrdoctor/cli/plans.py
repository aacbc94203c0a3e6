"""How the plan of a command's trials is printed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from lrdoctor.cli.exit_codes import PIPE_WIDTH, commands_ignored, lines_guarded
from lrdoctor.reports.terminal import streams
from lrdoctor.reports.untrusted import for_job

if TYPE_CHECKING:
    from lrdoctor.core.plan import Plan


def print_planned(plan: Plan, command: str, *, as_json: bool) -> int:
    """Prints the plan and gives the exit code."""
    with streams.written(sys.stdout), commands_ignored(as_json):
        if as_json:
            from lrdoctor.reports import json as json_report

            sys.stdout.write(for_job(json_report.render_plan(plan, command)))
        else:
            from lrdoctor.reports.terminal.plan import print_plan
            from lrdoctor.reports.terminal.text import Screen

            # a pipe or a file has no width of its own; COLUMNS still decides where it is set
            width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
            with lines_guarded():
                print_plan(plan, Screen(width=width))
    return 0
