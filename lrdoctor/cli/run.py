"""`lrdoctor run -- CMD...`: runs a training script as it is, records every update, and judges what was recorded."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
import time
from contextlib import nullcontext, redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrdoctor.cli import threads
from lrdoctor.cli.diagnose import Alpha, Objective, ObjectiveOption, VerboseLogs
from lrdoctor.cli.endings import INTERRUPTED, UNSTABLE, conclude, say
from lrdoctor.cli.options import FailOn, FailOnOption, Quiet
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.errors import LrdoctorError

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.launch import Ended
    from lrdoctor.logs.recordings import Recorded

RUNS = Path("lrdoctor_out")

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
    from lrdoctor import launch
    from lrdoctor.commands import processes
    from lrdoctor.recording.settings import Recording

    launch.refuse_blind(command)
    if record_only:
        outputs.refuse("--record-only judges nothing")
        if stop_on is not None:
            raise LrdoctorError("--record-only judges nothing, so that --stop-on has nothing to go by; leave one out")
    folder = _folder(out, launch.script_name(command))
    if not quiet:
        say(f"recording into {folder}")
    settings = Recording(directory=str(folder.resolve()))
    given = None if objective is Objective.AUTO else objective.value
    environment = settings.environment(os.environ)  # the script's own, before numpy is told anything
    watch, mark = None, secrets.token_hex(16)
    if stop_on is not None:
        threads.one_for_numpy()
        from lrdoctor.watching.recording import RecordingWatch

        environment[processes.MARK] = mark
        watch = RecordingWatch(folder, launch.script_name(command), objective=given, alpha=alpha)
    ended = launch.run(
        command,
        environment,
        stdout=sys.stderr if json else None,
        until=watch.is_unstable if watch else None,
        end=lambda group, is_gone: processes.end(group, mark, is_gone),
    )
    if watch is not None and watch.alarm is not None and ended.was_stopped:
        say(f"ended the script: {watch.alarm.text}")
    if record_only:
        if not quiet:
            say(f"recorded in {folder}; to judge it: lrdoctor diagnose {shlex.quote(str(folder / 'steps.csv'))}")
        return ended.code
    threads.one_for_numpy()
    report = _judge(folder, command, ended, given, alpha)
    _save(folder, report)
    # standard output is the script's, unless it was given another one
    with nullcontext() if json else redirect_stdout(sys.stderr):
        code = conclude(report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs)
    return INTERRUPTED if ended.was_interrupted and code != UNSTABLE else code


def _folder(out: Path | None, name: str) -> Path:
    """Makes the folder.

    Raises:
        LrdoctorError: it cannot be made, or holds a recording.
    """
    from lrdoctor.recording.settings import HOOKED
    from lrdoctor.store.files import explained, folder_name

    if out is None:
        stamp = RUNS / f"{folder_name(name)}-{time.strftime('%Y%m%d-%H%M%S')}"
        out = next(path for path in (stamp, *(Path(f"{stamp}-{k}") for k in range(2, 1000))) if not path.exists())
    with explained("make", out):
        out.mkdir(parents=True, exist_ok=True)
    if (out / HOOKED).exists():
        raise LrdoctorError(f"--out {out}: holds a recording already; pass another folder")
    return out


def _judge(folder: Path, command: list[str], ended: Ended, objective: str | None, alpha: float) -> Report:
    from lrdoctor.assess.recorded import Script, report_of_recording
    from lrdoctor.launch import script_name
    from lrdoctor.logs.gather import Gathered, Unread, with_objective
    from lrdoctor.logs.recordings import blow_up, read_folder

    name = script_name(command)
    recorded = read_folder(folder, name)
    failed = ended.words if ended.returncode != 0 else None
    if ended.was_stopped:
        failed = "was ended by --stop-on unstable"
    script = Script(
        facts={
            "command": command,
            "exit_code": ended.code,
            "signal": ended.by_signal,
            "exception": recorded.facts.get("exception"),
            "seconds": round(ended.seconds, 3),
            "folder": str(folder),
            "framework": recorded.facts.get("framework"),
            "clipping": recorded.facts.get("clipping") or [],
            "backwards_per_update": recorded.facts.get("backwards_per_update"),
            "world_size": recorded.facts.get("world_size"),
            "notes": _notes(folder, recorded),
        },
        failure=failed,
        blow_up=None if failed is None or ended.was_interrupted or ended.was_stopped else blow_up(recorded),
    )
    if recorded.runs:
        runs = tuple(with_objective(recorded.runs, objective))
        return report_of_recording(Gathered(runs=runs), script, alpha=alpha)
    reason = _why_nothing(folder, recorded)
    if failed is not None:
        reason = f"the script {failed}; {reason}"
    return report_of_recording(Gathered(unread=(Unread(name, reason),)), script, alpha=alpha)


def _notes(folder: Path, recorded: Recorded) -> list[str]:
    from lrdoctor.recording.settings import UNRECORDED

    beside = folder / UNRECORDED
    notes = [recorded.facts["failure"]] if recorded.facts.get("failure") else []
    return notes + (beside.read_text(encoding="utf-8").splitlines() if beside.is_file() else [])


def _why_nothing(folder: Path, recorded: Recorded) -> str:
    """Why there is no row."""
    from lrdoctor.recording.settings import HOOKED

    if recorded.facts.get("failure"):
        return f"the recorder failed: {recorded.facts['failure']}"
    if n := recorded.facts.get("n_backwards"):
        return (
            f"{n} losses were backwarded, but no update of an optimizer was seen, and no clipping that stands for one; "
            "update by a torch optimizer"
        )
    if not (folder / HOOKED).exists():
        return (
            "no Python process of the command could be reached: it uses no Python, or one that does not look at "
            "PYTHONPATH (python -I, -E or -S, a container, another machine); run the script by python itself"
        )
    return "no process of the command updated parameters by torch: no backward pass was seen"


def _save(folder: Path, report: Report) -> None:
    """Writes report.json and report.html beside the recording."""
    from lrdoctor.reports import html
    from lrdoctor.reports import json as json_report
    from lrdoctor.store.files import write_atomic

    write_atomic(folder / "report.json", json_report.render(report).encode())
    write_atomic(folder / "report.html", html.render(report, None).encode())
