"""What every command that runs trials needs: its spec, the study folder with the engine, and the saved report."""

from __future__ import annotations

import importlib
import platform
import shlex
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lrdoctor.cli.options import AUTO
from lrdoctor.cli.scripts import NO_SCRIPT, Script, spec_of
from lrdoctor.errors import SpecError

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.core.study import Study
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
    if path is None:
        return spec_of(script, out, [*first, *(overrides or [])], fresh, is_trained=command != "inspect")
    return spec.load_spec(path, [*first, *(overrides or [])])


def saved_in(laboratory: Laboratory) -> str:
    """Where the study is, and the spec that does the same where a command was typed without one."""
    out = laboratory.folder.out
    spec = f"; the command as a spec: {out / 'spec.yaml'}" if laboratory.spec.trainer == "command" else ""
    return f"saved in {out}{spec}"


def seeds_for(laboratory: Laboratory, asked: int | None, settled: bool = False) -> tuple[int, ...]:
    """The seeds of a command: the spec's, or with `--seeds auto` as many as its sweep needs.

    Args:
        laboratory: where the sweep is run.
        asked: what `--seeds` was given.
        settled: nothing is left for the sweep to settle, since the rates were given, or nothing is trained.
    """
    from lrdoctor import examine
    from lrdoctor.procedures.sweep import Settings

    spec = laboratory.spec
    if asked != AUTO:
        return tuple(spec.seeds)
    if settled:
        return examine.numbered_on(spec.seeds, examine.FEWEST_SEEDS)
    return examine.enough_seeds(laboratory, Settings(spec.sweep.rates()), spec.seeds)


@contextmanager
def open_laboratory(spec: Spec, out: Path | None, jobs: int | None, fresh: bool, quiet: bool) -> Iterator[Laboratory]:
    """The study folder, the engine and the view of a command that runs trials, closed in the right order."""
    from lrdoctor import examine
    from lrdoctor.reports.terminal.live import SweepView
    from lrdoctor.reports.terminal.text import Screen
    from lrdoctor.store import StudyFolder

    # drawing needs matplotlib, whose import takes half a second: while the workers train there is time for it
    threading.Thread(target=importlib.import_module, args=("lrdoctor.reports.figures",), daemon=True).start()
    where = study_folder(spec, out)
    folder = StudyFolder.open(
        where,
        name=spec.name,
        identity=spec.identity(),
        spec_yaml=spec.to_yaml(where),
        command_line=sys.argv,
        environment=environment(),
        fresh=fresh,
    )
    with (
        folder,
        SweepView(Screen(stderr=True), quiet=quiet) as view,
        examine.open_engine(spec, jobs) as engine,
        examine.interruptible(engine, view),
    ):
        yield examine.Laboratory(spec, folder, engine, view)


def study_folder(spec: Spec, out: Path | None) -> Path:
    """The folder as asked for, else the one of the spec's name."""
    from lrdoctor.store import folder_name

    return out if out is not None else Path("lrdoctor_out") / folder_name(spec.name)


def environment() -> dict[str, str]:
    """What besides the spec decides a curve's bits."""
    from importlib.metadata import PackageNotFoundError, version

    from lrdoctor.core.trial import TRAINING_VERSION

    try:
        torch = version("torch")
    except PackageNotFoundError:  # a command has a torch of its own, which its trials tell
        torch = "not installed"
    return {
        "python": platform.python_version(),
        "torch": torch,
        "machine": platform.machine(),
        "training loop": TRAINING_VERSION,
    }


def save(study: Study, laboratory: Laboratory, command: str) -> Report:
    """Judges the study and writes trials.csv, the figures and report.json into its folder."""
    from lrdoctor import assess, examine
    from lrdoctor.reports import figures
    from lrdoctor.reports import json as json_report

    folder = laboratory.folder
    folder.write_trials_csv(examine.all_trials_table(laboratory, study))
    report = assess.report_of_sweep(study, command, write_figures(laboratory, figures.sweep_figures(study)))
    folder.write_text("report.json", json_report.render(report))
    return report


def write_figures(laboratory: Laboratory, drawn: Mapping[str, bytes]) -> list[str]:
    """Writes the figures; returns their paths relative to the study folder."""
    for name, content in drawn.items():
        laboratory.folder.write_bytes(f"figures/{name}", content)
    return [f"figures/{name}" for name in drawn]
