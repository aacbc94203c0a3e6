"""How the plan of a command's trials is printed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TypeVar

from lrdoctor.cli.exit_codes import PIPE_WIDTH, commands_ignored, lines_guarded
from lrdoctor.cli.outputs import Outputs
from lrdoctor.errors import SpecError
from lrdoctor.reports.terminal import streams
from lrdoctor.reports.untrusted import for_job

if TYPE_CHECKING:
    from lrdoctor.core.plan import Plan
    from lrdoctor.runner import Asked, How, Procedure
    from lrdoctor.spec import Spec

A = TypeVar("A", bound="Asked")
F = TypeVar("F")


def print_plan_of(
    procedure: Procedure[A, F], asked: A, spec: Spec, how: How, outputs: Outputs, *, as_json: bool
) -> int:
    """Plans the procedure, prints the plan and gives the exit code.

    Raises:
        SpecError: an output of a report is asked for, or a budget, which no plan spends.
    """
    from lrdoctor import runner

    outputs.refuse("--plan trains and judges nothing")
    if how.budget is not None:
        raise SpecError("found --budget with --plan, expected one of them: a plan tells what all of it costs")
    return print_planned(runner.plan(procedure, asked, spec, how), procedure.name, as_json=as_json)


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
