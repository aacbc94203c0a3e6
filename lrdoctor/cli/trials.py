"""What every command that runs trials needs. The runner is imported when it is used: `--help` does not wait for it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lrdoctor.cli.exit_codes import FailOn, conclude, say
from lrdoctor.cli.groups import options_of, with_group
from lrdoctor.cli.options import (
    Engine,
    Exhaustive,
    FailOnOption,
    Fresh,
    Jobs,
    Json,
    Live,
    Out,
    Quiet,
    Seeds,
    Set,
    SpecPath,
    TrialTimeout,
    Verbose,
)
from lrdoctor.cli.outputs import Outputs
from lrdoctor.cli.scripts import NO_SCRIPT, Script, spec_of
from lrdoctor.errors import SpecError

if TYPE_CHECKING:
    from lrdoctor.runner import A, F, How, Procedure
    from lrdoctor.spec import Spec

PARAMETER = "shared"


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """Options of every command that runs trials into a study folder; each field is one."""

    spec: SpecPath = None
    out: Out = None
    json: Json = False
    fail_on: FailOnOption = FailOn.UNSTABLE
    seeds: Seeds = None
    jobs: Jobs = None
    trial_timeout: TrialTimeout = None
    engine: Engine = None
    overrides: Set = None
    exhaustive: Exhaustive = False
    fresh: Fresh = False
    quiet: Quiet = False
    verbose: Verbose = False
    live: Live = False

    def loaded(self, command: str, script: Script, overrides: Sequence[str] = ()) -> Spec:
        """The spec; see `load_spec`.

        Args:
            command: of lrdoctor's.
            script: the user's, in place of a spec.
            overrides: what options of the command say, by the spec's keys.
        """
        every = [*(self.overrides or []), *overrides]
        return load_spec(self.spec, every, self.seeds, script, command, self.out, self.fresh, self.engine)

    def how(self, max_trial_steps: int | None = None, budget: str | None = None) -> How:
        """Where and how the trials are run."""
        from lrdoctor.runner import How

        return How(
            out=self.out,
            seeds=self.seeds,
            jobs=self.jobs,
            trial_seconds=self.trial_timeout,
            max_trial_steps=max_trial_steps,
            budget=budget,
            exhaustive=self.exhaustive,
            fresh=self.fresh,
            quiet=self.quiet,
            live=self.live,
        )


OF_STUDY = StudyOptions()


def with_study(command: Callable[..., int]) -> Callable[..., int]:
    """The command with an option for each field of its parameter `shared`; any other command as it is."""
    return with_group(command, PARAMETER, list(options_of(StudyOptions)), lambda given: StudyOptions(**given))


def run(
    procedure: Procedure[A, F],
    asked: A,
    shared: StudyOptions,
    outputs: Outputs,
    script: Script,
    *,
    overrides: Sequence[str] = (),
    max_trial_steps: int | None = None,
    budget: str | None = None,
) -> int:
    """Runs the procedure, prints its report, and gives the exit code.

    Args:
        procedure: one of `lrdoctor.catalogue`.
        asked: by options of its own.
        shared: the options that it shares with others.
        outputs: what to write, and what the report is held against.
        script: the command to train with, in place of a spec.
        overrides: what its own options say by keys of the spec.
        max_trial_steps: steps that may be run in all; None for any number.
        budget: what may be spent, with a report of what is there at its end; None for anything.
    """
    from lrdoctor import runner

    spec = shared.loaded(procedure.name, script, overrides)
    report = runner.run(procedure, asked, spec, shared.how(max_trial_steps, budget))
    folder = runner.study_folder(spec, shared.out)
    if not shared.quiet:
        same = f"; the command as a spec: {folder / 'spec.yaml'}" if spec.trainer == "command" else ""
        say(f"saved in {folder}{same}")
    return conclude(
        report,
        shared.fail_on,
        as_json=shared.json,
        quiet=shared.quiet,
        verbose=shared.verbose,
        outputs=outputs,
        folder=folder,
    )


def load_spec(
    path: Path | None,
    overrides: Sequence[str] | None,
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
    first = [f"seeds={list(range(seeds))}"] if seeds else []  # None or AUTO leaves those of the spec
    first += [] if engine is None else [f"engine={engine}"]
    if path is None:
        return spec_of(script, out, [*first, *(overrides or [])], fresh, is_trained=command != "inspect")
    return spec.load_spec(path, [*first, *(overrides or [])])
