"""The command line: wires, prints, exits. The only place where errors become exit codes.

0 judged, nothing at or above --fail-on; 1 instability; 2 could not judge; 3 a bug in lrdoctor; 130 interrupted.
"""

from __future__ import annotations

import functools
import importlib
import os
import platform
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn, ParamSpec

import typer

from lrdoctor import __version__
from lrdoctor.errors import Interrupted, LrdoctorError
from lrdoctor.reports.terminal import streams

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.core.study import Study
    from lrdoctor.examine import Laboratory
    from lrdoctor.spec import Spec

PIPE_WIDTH = 110
"""Columns of the report where standard output is no terminal."""

UNSTABLE, COULD_NOT_JUDGE, BUG, INTERRUPTED = 1, 2, 3, 130

app = typer.Typer(
    name="lrdoctor",
    help="Finds out why a PyTorch model's training is unstable, by the Deep Learning Tuning Playbook's procedure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

P = ParamSpec("P")


class FailOn(StrEnum):
    """The least severity that makes a command exit with 1."""

    UNSTABLE = "unstable"
    WARNING = "warning"
    NEVER = "never"


SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="The YAML file that describes model, data and sweep.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Study folder.  [default: lrdoctor_out/<name of the spec>]")
]
Json = Annotated[bool, typer.Option("--json", help="Print report.json on standard output and nothing else.")]
FailOnOption = Annotated[FailOn, typer.Option("--fail-on", help="Least severity that exits with 1.")]
Seeds = Annotated[int | None, typer.Option("--seeds", min=1, help="Use the seeds 0 .. N-1 in place of the spec's.")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", min=1, help="Worker processes.  [default: one a core, or one a visible GPU]"),
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the spec; may be repeated.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Throw the study folder's trials away and begin anew.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress; the verdict and the headline only.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Also list the findings of every single run.")]


def main() -> NoReturn:
    """The console script."""
    streams.open_missing()
    # Typer turns a KeyboardInterrupt into exit code 1, which would read as "unstable".
    signal.signal(signal.SIGINT, _exit_interrupted)
    app(prog_name="lrdoctor")
    raise AssertionError("typer exits by itself")


def _exit_interrupted(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(INTERRUPTED)


def _exit_codes(command: Callable[P, int]) -> Callable[P, None]:
    """A command that returns its exit code, with every exception turned into one."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs)
        except Interrupted as stop:
            _say(f"lrdoctor: {stop}")
            code = INTERRUPTED
        except LrdoctorError as error:
            _say(f"lrdoctor: error: {error}")
            code = COULD_NOT_JUDGE
        except Exception:
            _say(f"lrdoctor: a bug in lrdoctor; please report it with {_save_traceback()}")
            code = BUG
        raise typer.Exit(code)

    return run


def _say(text: str) -> None:
    with suppress(LrdoctorError), streams.written(sys.stderr):
        print(text, file=sys.stderr)


def _save_traceback() -> str:
    """Writes the current exception to a file; returns the file's path, or the traceback where none can be written."""
    text = f"lrdoctor {__version__}, Python {sys.version}\n{' '.join(sys.argv)}\n\n{traceback.format_exc()}"
    path = Path.cwd() / f"lrdoctor-crash-{os.getpid()}.txt"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        return f"this traceback:\n{text}"
    return str(path)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"lrdoctor {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Finds out why a PyTorch model's training is unstable, by the Deep Learning Tuning Playbook's procedure."""


@app.command()
@_exit_codes
def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to write.")] = Path(),
) -> int:
    """Write a starter lrdoctor.yaml and workload.py that run as they are."""
    from lrdoctor.starter import write_starter

    files = write_starter(folder)
    with streams.written(sys.stdout):
        for path in files:
            print(f"wrote {path}")
    _say(f"next: lrdoctor sweep {folder / 'lrdoctor.yaml'}")
    return 0


@app.command()
@_exit_codes
def sweep(
    spec: SpecPath,
    out: Out = None,
    json: Json = False,
    fail_on: FailOnOption = FailOn.UNSTABLE,
    seeds: Seeds = None,
    jobs: Jobs = None,
    overrides: Set = None,
    fresh: Fresh = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Sweep the learning rate: the best one, which are infeasible, and how close the best sits to the edge."""
    from lrdoctor import examine
    from lrdoctor.procedures.sweep import Settings

    loaded = _load(spec, overrides, seeds)
    with _laboratory(loaded, out, jobs, fresh, quiet) as laboratory:
        study = examine.sweep(laboratory, Settings(loaded.sweep.rates()), loaded.seeds)
        report = _save(study, laboratory, "sweep")
    if not quiet:
        _say(f"saved in {laboratory.folder.out}")
    return _conclude(report, fail_on, as_json=json, quiet=quiet, verbose=verbose)


@app.command()
@_exit_codes
def rules(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="A rule's code, such as LRD201.")] = None,
) -> int:
    """List the rules, or print one rule's manual page."""
    from lrdoctor.rules import RULES

    text = [f"{rule.code}  {rule.severity:8}{rule.name:34}{rule.summary}" for rule in RULES]
    if code is not None:
        found = next((rule for rule in RULES if rule.code == code.upper()), None)
        if found is None:
            raise LrdoctorError(f"there is no rule {code}; known: {', '.join(rule.code for rule in RULES)}")
        text = [f"{found.code} {found.name} ({found.severity}, {found.instability})", "", found.manual.strip()]
    with streams.written(sys.stdout):
        print(*text, sep="\n")
    return 0


def _load(path: Path, overrides: list[str] | None, seeds: int | None) -> Spec:
    from lrdoctor.spec import load_spec

    first = [] if seeds is None else [f"seeds={list(range(seeds))}"]
    return load_spec(path, [*first, *(overrides or [])])


@contextmanager
def _laboratory(spec: Spec, out: Path | None, jobs: int | None, fresh: bool, quiet: bool) -> Iterator[Laboratory]:
    """The study folder, the engine and the view of a command that runs trials, closed in the right order."""
    from lrdoctor import examine
    from lrdoctor.engines import ENGINES
    from lrdoctor.engines.entry import load
    from lrdoctor.reports.terminal.live import SweepView
    from lrdoctor.reports.terminal.text import Screen
    from lrdoctor.store import StudyFolder, folder_name

    # drawing needs matplotlib, whose import takes half a second: while the workers train there is time for it
    threading.Thread(target=importlib.import_module, args=("lrdoctor.reports.figures",), daemon=True).start()
    where = out if out is not None else Path("lrdoctor_out") / folder_name(spec.name)
    folder = StudyFolder.open(
        where,
        name=spec.name,
        identity=spec.identity(),
        spec_yaml=spec.to_yaml(where),
        command_line=sys.argv,
        environment=_environment(),
        fresh=fresh,
    )
    with (
        folder,
        SweepView(Screen(stderr=True), quiet=quiet) as view,
        load(ENGINES["local"])(examine.ENTRY, spec.workload(), jobs=jobs, preload=examine.PRELOAD) as engine,
        examine.interruptible(engine, view),
    ):
        yield examine.Laboratory(spec, folder, engine, view)


def _environment() -> dict[str, str]:
    """What besides the spec decides a curve's bits."""
    from importlib.metadata import version

    return {"python": platform.python_version(), "torch": version("torch"), "machine": platform.machine()}


def _save(study: Study, laboratory: Laboratory, command: str) -> Report:
    """Judges the study and writes trials.csv, the figures and report.json into its folder."""
    from lrdoctor import diagnose, examine
    from lrdoctor.reports import figures
    from lrdoctor.reports import json as json_report

    folder = laboratory.folder
    folder.write_trials_csv(examine.trials_table(study))
    drawn = figures.sweep_figures(study)
    for name, content in drawn.items():
        folder.write_bytes(f"figures/{name}", content)
    report = diagnose.report_of_sweep(study, command, [f"figures/{name}" for name in drawn])
    folder.write_text("report.json", json_report.render(report))
    return report


def _conclude(report: Report, fail_on: FailOn, *, as_json: bool, quiet: bool, verbose: bool) -> int:
    """Prints the report and gives the exit code."""
    with streams.written(sys.stdout):
        if as_json:
            from lrdoctor.reports import json as json_report

            sys.stdout.write(json_report.render(report))
        else:
            from lrdoctor.reports.terminal.result import print_report
            from lrdoctor.reports.terminal.text import Screen

            # a pipe or a file has no width of its own; COLUMNS still decides where it is set
            width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
            print_report(report, Screen(width=width), verbose=verbose, quiet=quiet)
    if report.verdict == "inconclusive":
        return COULD_NOT_JUDGE
    severity = report.worst_severity()
    fails = {FailOn.UNSTABLE: ("error",), FailOn.WARNING: ("error", "warning"), FailOn.NEVER: ()}[fail_on]
    return UNSTABLE if severity in fails else 0
