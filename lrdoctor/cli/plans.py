"""What every command that can plan its trials needs: the walk through them, and how the plan is printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lrdoctor.cli.endings import PIPE_WIDTH, commands_ignored, lines_guarded
from lrdoctor.reports.terminal import streams
from lrdoctor.reports.untrusted import for_job

if TYPE_CHECKING:
    from lrdoctor.core.plan import Plan
    from lrdoctor.examine import Laboratory
    from lrdoctor.spec import Spec


def planned(
    spec: Spec,
    out: Path | None,
    jobs: int | None,
    fresh: bool,
    quiet: bool,
    procedure: Callable[[Laboratory], object],
    *,
    best: float | None = None,
    unstable: float | None = None,
    budget: int | None = None,
) -> Plan:
    """What the procedure would train; see `examine.rehearse`."""
    from lrdoctor import examine
    from lrdoctor.reports.terminal.live import SweepView
    from lrdoctor.reports.terminal.text import Screen
    from lrdoctor.runner import environment, study_folder

    with (
        SweepView(Screen(stderr=True), quiet=quiet) as view,
        examine.open_engine(spec, jobs) as engine,
        examine.interruptible(engine, view),
    ):
        engine.tell = view.message
        view.message("planning; nothing is saved")
        return examine.rehearse(
            spec,
            study_folder(spec, out),
            procedure,
            engine=engine,
            environment=environment(),
            fresh=fresh,
            best=best,
            unstable=unstable,
            budget=budget,
        )


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
