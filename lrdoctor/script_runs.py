"""A recorded run of a user's script: its folder, what is judged of it, and what is saved beside the recording.

What needs numpy is imported when it is used: `lrdoctor run` tells numpy of one thread first.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lrdoctor.errors import LrdoctorError

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.launch import Ended
    from lrdoctor.logs.recordings import Recorded

RUNS = Path("lrdoctor_out")


def new_folder(out: Path | None, name: str) -> Path:
    """Makes the folder of a recording.

    Args:
        out: as asked for; None for one of the script's name and the time.
        name: of the script.

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


def judge(folder: Path, command: Sequence[str], ended: Ended, objective: str | None, alpha: float) -> Report:
    """The report on what was recorded.

    Args:
        folder: of the recording.
        command: that was run.
        ended: how it ended.
        objective: whether a rise of the loss is a failure, as `logs.gather` takes it; None to tell it by the names.
        alpha: share of healthy runs that may be taken for unstable.
    """
    from lrdoctor.assess.recorded import Script, report_of_recording
    from lrdoctor.commands.endings import died_by_itself
    from lrdoctor.launch import script_name
    from lrdoctor.logs.gather import Gathered, Unread, with_objective
    from lrdoctor.logs.recordings import blow_up, read_folder

    name = script_name(command)
    recorded = read_folder(folder, name)
    failed = ended.words if ended.returncode != 0 else None
    if ended.was_stopped:
        failed = "was ended by --stop-on unstable"
    was_told = ended.was_interrupted or ended.was_stopped
    is_own = failed is not None and not was_told and died_by_itself(ended.returncode, recorded.facts.get("ended"))
    script = Script(
        facts={
            "command": list(command),
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
        blow_up=blow_up(recorded) if is_own else None,
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


def save(folder: Path, report: Report) -> None:
    """Writes report.json beside the recording."""
    from lrdoctor.reports import json as json_report
    from lrdoctor.store.files import write_atomic

    write_atomic(folder / "report.json", json_report.render(report).encode())
