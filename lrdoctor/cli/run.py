"""`lrdoctor run -- CMD...`: runs a training script as it is, records every update, and judges what was recorded."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from contextlib import nullcontext, redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lrdoctor.cli import threads
from lrdoctor.cli.diagnose import Alpha, Objective, ObjectiveOption, VerboseLogs
from lrdoctor.cli.exit_codes import INTERRUPTED, UNSTABLE, FailOn, conclude, say
from lrdoctor.cli.options import FailOnOption, Quiet
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.errors import LrdoctorError

Command = Annotated[
    list[str], typer.Argument(metavar="-- COMMAND...", help="What you type to train: python train.py --lr 0.1")
]
RunFolder = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder of the recording.  [default: lrdoctor_out/<script>-<time>]"),
]
RecordOnly = Annotated[bool, typer.Option("--record-only", help="Judge nothing; the exit code is the script's own.")]


class StopOn(StrEnum):
    """What ends a script that is recorded."""

    UNSTABLE = "unstable"


StopOnOption = Annotated[
    StopOn | None,
    typer.Option(
        "--stop-on",
        help="End the script (SIGTERM, after 3 s SIGKILL, to all its processes) as soon as its training is unstable.",
    ),
]
RunJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Print report.json on standard output; what the script prints there goes to standard error."
    ),
]


def run(
    command: Command,
    out: RunFolder = None,
    record_only: RecordOnly = False,
    stop_on: StopOnOption = None,
    objective: ObjectiveOption = Objective.AUTO,
    alpha: Alpha = 0.01,
    json: RunJson = False,
    fail_on: FailOnOption = FailOn.UNSTABLE,
    quiet: Quiet = False,
    verbose: VerboseLogs = False,
    outputs: Outputs = NOTHING,
) -> int:
    """Run a training script as it is, record its loss, rate and gradient norm at every update, and judge them.

    The script's streams are its own; the report is printed on standard error. Exits with 1 when the training is
    unstable, else with 2 when it could not be judged or its script failed, else with 0. With --stop-on unstable it is
    judged while it trains.
    """
    from lrdoctor import launch, script_runs
    from lrdoctor.commands import processes
    from lrdoctor.recording.settings import Recording

    launch.refuse_blind(command)
    if record_only:
        outputs.refuse("--record-only judges nothing")
        if stop_on is not None:
            raise LrdoctorError("--record-only judges nothing, so that --stop-on has nothing to go by; leave one out")
    folder = script_runs.new_folder(out, launch.script_name(command))
    if not quiet:
        say(f"recording into {folder}")
    settings = Recording(directory=str(folder.resolve()))
    given = None if objective is Objective.AUTO else objective.value
    environment = settings.environment(os.environ)  # the script's own, before numpy is told anything
    watch, mark = None, secrets.token_hex(16)
    # told by this, all that the command started is found, also what left its group
    environment[processes.MARK] = mark
    if stop_on is not None:
        threads.one_for_numpy()
        from lrdoctor.watching.recording import RecordingWatch

        watch = RecordingWatch(folder, launch.script_name(command), objective=given, alpha=alpha)
    ended = launch.run(
        command,
        environment,
        stdout=sys.stderr if json else None,
        until=watch.is_unstable if watch else None,
        end=lambda group, is_gone: processes.end(group, mark, is_gone),
        # a SIGKILL cannot be passed on, and whoever sends one wants the training to end
        guard=None if sys.platform == "win32" else lambda pid: processes.Guard(pid, mark),
    )
    if watch is not None and watch.alarm is not None and ended.was_stopped:
        say(f"ended the script: {watch.alarm.text}")
    if record_only:
        if not quiet:
            say(f"recorded in {folder}; to judge it: lrdoctor diagnose {shlex.quote(str(folder / 'steps.csv'))}")
        return ended.code
    threads.one_for_numpy()
    report = script_runs.judge(folder, command, ended, given, alpha)
    script_runs.save(folder, report)
    # standard output is the script's, unless it was given another one
    with nullcontext() if json else redirect_stdout(sys.stderr):
        code = conclude(report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, beside=folder)
    return INTERRUPTED if ended.was_interrupted and code != UNSTABLE else code
