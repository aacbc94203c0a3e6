"""What every command that runs trials needs. The runner is imported when it is used: `--help` does not wait for it."""

from __future__ import annotations

import shlex
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from lrdoctor.cli.options import AUTO
from lrdoctor.cli.scripts import NO_SCRIPT, Script, spec_of
from lrdoctor.errors import SpecError

if TYPE_CHECKING:
    from lrdoctor.examine import Laboratory
    from lrdoctor.spec import Spec


def load_spec(
    path: Path | None,
    overrides: list[str] | None,
    seeds: int | None,
    script: Script = NO_SCRIPT,
    command: str = "sweep",
    out: Path | None = None,
    fresh: bool = False,
    engine: str | None = None,
) -> Spec:
    """The spec in a file, or that of a command of the user's.

    Args:
        path: of the file.
        overrides: of its keys.
        seeds: what `--seeds` was given.
        script: the command, and its options.
        command: of lrdoctor's, for messages.
        out: the study folder that was asked for.
        fresh: whether what it holds is thrown away.
        engine: what `--engine` was given, as the value of the spec's key.

    Raises:
        LrdoctorError: neither or both are given, or the one that is cannot be used.
    """
    from lrdoctor import spec

    if path is not None and path.suffix == ".py":
        line = f"python {shlex.quote(str(path))}"
        raise SpecError(
            f"{path} is a Python script, expected a spec (YAML); to run this script as it is: lrdoctor {command} -- "
            f"{line}, and to record it once and judge its training: lrdoctor run -- {line}"
        )
    script.refuse_beside(path, command)
    first = [] if seeds is None or seeds == AUTO else [f"seeds={list(range(seeds))}"]
    first += [] if engine is None else [f"engine={engine}"]
    if path is None:
        return spec_of(script, out, [*first, *(overrides or [])], fresh, is_trained=command != "inspect")
    return spec.load_spec(path, [*first, *(overrides or [])])


def saved_in(laboratory: Laboratory) -> str:
    """Where the study is, and the spec that does the same where a command was typed without one."""
    out = laboratory.folder.out
    spec = f"; the command as a spec: {out / 'spec.yaml'}" if laboratory.spec.trainer == "command" else ""
    return f"saved in {out}{spec}"


def seeds_for(laboratory: Laboratory, asked: int | None, settled: bool = False) -> tuple[int, ...]:
    """See `runner.seeds_for`."""
    from lrdoctor import runner

    return runner.seeds_for(laboratory, runner.AUTO if asked == AUTO else None, settled)


def open_laboratory(
    spec: Spec, out: Path | None, jobs: int | None, fresh: bool, quiet: bool, trial_timeout: float | None = None
) -> AbstractContextManager[Laboratory]:
    """See `runner.open_laboratory`."""
    from lrdoctor import runner

    return runner.open_laboratory(spec, out, jobs, fresh, quiet, trial_seconds=trial_timeout)


def watched(laboratory: Laboratory, live: bool) -> AbstractContextManager[None]:
    """See `live.live`."""
    from lrdoctor import live as pages

    return pages.live(laboratory, live)
