"""How a command ends: what it prints, and the exit code. The only place where errors become exit codes.

0 judged, nothing at or above --fail-on; 1 instability; 2 could not judge; 3 a bug in lrdoctor; 130 interrupted.
"""

from __future__ import annotations

import functools
import io
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, ParamSpec

from lrdoctor import __version__
from lrdoctor.cli.outputs import NOTHING, Outputs, messages
from lrdoctor.errors import Interrupted, LrdoctorError
from lrdoctor.reports.numbers import printable
from lrdoctor.reports.terminal import streams
from lrdoctor.reports.untrusted import for_job, in_github, no_command

if TYPE_CHECKING:
    from lrdoctor.core.report import Report

PIPE_WIDTH = 110
"""Columns of the report where standard output is no terminal."""


class FailOn(StrEnum):
    """The least severity that makes a command exit with 1."""

    UNSTABLE = "unstable"
    WARNING = "warning"
    NEVER = "never"


UNSTABLE, COULD_NOT_JUDGE, BUG, INTERRUPTED = 1, 2, 3, 130

FAILS = {FailOn.UNSTABLE: ("error",), FailOn.WARNING: ("error", "warning"), FailOn.NEVER: ()}
"""--fail-on -> the severities that exit with 1."""

CONCLUDED: list[int] = []
"""Exit codes of the commands that came to their end in this process."""

P = ParamSpec("P")


def begin() -> None:
    """What comes before any command. Python and typer turn Ctrl-C into exit code 1, which would read as "unstable"."""
    streams.open_missing()
    signal.signal(signal.SIGINT, _exit_interrupted)


def _exit_interrupted(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(INTERRUPTED)


def exit_codes(command: Callable[P, int]) -> Callable[P, None]:
    """A command that returns its exit code, as typer has it, with every exception turned into one."""
    from typer import Exit

    ended = coded(command)

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        raise Exit(ended(*args, **kwargs))

    return run


def coded(command: Callable[P, int]) -> Callable[P, int]:
    """A command that returns its exit code, with every exception turned into one."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            code = command(*args, **kwargs)
        except Interrupted as stop:
            say(f"lrdoctor: {stop}")
            code = INTERRUPTED
        except LrdoctorError as error:
            say(f"lrdoctor: error: {error}")
            code = COULD_NOT_JUDGE
        except MemoryError:
            say("lrdoctor: error: the memory is used up; give it less at a time, or more memory")
            code = COULD_NOT_JUDGE
        except ImportError as error:
            say(f"lrdoctor: a package is missing, too old or damaged: {error}\ntry `pip install --upgrade lrdoctor`")
            code = BUG
        except Exception:
            say(f"lrdoctor: a bug in lrdoctor; please report it with {_save_traceback()}")
            code = BUG
        CONCLUDED.append(code)
        return code

    return run


@contextmanager
def every_end_ours() -> Iterator[None]:
    """Keeps typer's own ends apart from verdicts: what it cannot handle would be exit code 1, "unstable"."""
    try:
        yield
    except SystemExit as end:
        if end.code != UNSTABLE or CONCLUDED[-1:] == [UNSTABLE]:
            raise
        # typer ends so where the reader of --help has gone away
        code = COULD_NOT_JUDGE if isinstance(end.__context__, OSError) else BUG
        raise SystemExit(code) from end
    except Exception as error:
        say(f"lrdoctor: the command line cannot be read, a bug in lrdoctor or in typer; report {_save_traceback()}")
        raise SystemExit(BUG) from error


def say(text: str) -> None:
    """Prints a message on standard error, the control characters of names that it quotes spelled out."""
    with suppress(LrdoctorError), streams.written(sys.stderr):
        print(*(no_command(printable(line)) for line in text.split("\n")), sep="\n", file=sys.stderr)


def _save_traceback() -> str:
    """Writes the current exception to a file; returns the file's path, or the traceback where none can be written."""
    text = f"lrdoctor {__version__}, Python {sys.version}\n{' '.join(sys.argv)}\n\n{traceback.format_exc()}"
    path = Path.cwd() / f"lrdoctor-crash-{os.getpid()}.txt"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        return f"this traceback:\n{text}"
    return str(path)


def conclude(
    report: Report,
    fail_on: FailOn,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    outputs: Outputs = NOTHING,
    folder: Path | None = None,
    beside: Path | None = None,
    trained: str = "",
) -> int:
    """Prints the report, writes what was asked for besides it, and gives the exit code.

    Args:
        report: what was judged.
        fail_on: the least severity that exits with 1.
        as_json: prints report.json.
        quiet: prints the verdict and the headline only.
        verbose: prints every single finding.
        outputs: what to write, and what the report is held against.
        folder: the study folder; None for logs.
        beside: the folder of a recording, which is no study and has a page too.
        trained: the spec or command that was looked at, as one types it, where no folder has it.
    """
    report = outputs.held_against(report, FAILS[fail_on])
    typed = _as_typed(report, folder, trained)
    page = outputs.write_page(typed, folder if beside is None else beside)
    with streams.written(sys.stdout), commands_ignored(as_json, outputs.github):
        _print(report if as_json else typed, as_json=as_json, quiet=quiet, verbose=verbose, page=page)
    if as_json:
        for label, words in messages(report):
            say(f"lrdoctor: {label}: {words}")
    outputs.annotate(typed, folder, as_json=as_json)
    outputs.write(typed, folder)
    return exit_code(report, fail_on)


def _as_typed(report: Report, folder: Path | None, trained: str) -> Report:
    """The report with its specs named as a command line takes them; saved ones hold wherever the folder lies."""
    if folder is not None:
        trained = f"{shlex.quote(str(folder / 'spec.yaml'))} --out {shlex.quote(str(folder))}"
    if trained:
        steps = tuple(
            step.replace(" SPEC", f" {trained}", 1) if step.startswith("lrdoctor ") else step
            for step in report.next_steps
        )
        report = replace(report, next_steps=steps)
    treat = report.treat
    if folder is None or treat is None or treat.prescription is None:
        return report
    named = replace(treat.prescription, spec_file=str(folder / treat.prescription.spec_file))
    return replace(report, treat=replace(treat, prescription=named))


def _print(report: Report, *, as_json: bool, quiet: bool, verbose: bool, page: str) -> None:
    if as_json:
        from lrdoctor.reports import json as json_report

        sys.stdout.writelines(map(for_job, json_report.parts(report)))
    else:
        from lrdoctor.reports.terminal.result import print_report
        from lrdoctor.reports.terminal.screen import print_page, print_screen
        from lrdoctor.reports.terminal.text import Screen

        # a pipe or a file has no width of its own; COLUMNS still decides where it is set
        width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
        with lines_guarded():
            screen = Screen(width=width)
            if verbose or quiet:
                print_report(report, screen, verbose=verbose, quiet=quiet)
                print_page(screen, page if verbose else "")
            else:
                print_screen(report, screen, page)


@contextmanager
def commands_ignored(as_json: bool = False, asked: bool = False) -> Iterator[None]:
    """Keeps a GitHub job from taking a printed line for a command to it, whether or not --github was given: names and
    lines of logs are printed, and a long one may be wrapped anywhere. A JSON document has nothing around it."""
    if as_json or not (asked or in_github()):
        yield
        return
    import secrets

    token = secrets.token_hex()
    print(f"::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        print(f"::{token}::", flush=True)


@contextmanager
def lines_guarded() -> Iterator[None]:
    """In a GitHub job, no line of what is printed looks like a command to it, however it was wrapped."""
    if not in_github():
        yield
        return
    held = io.TextIOWrapper(io.BytesIO(), sys.stdout.encoding, sys.stdout.errors, write_through=True)
    try:
        with redirect_stdout(held):
            yield
    finally:
        held.seek(0)
        for line in held.read().splitlines():
            print(no_command(line))


def exit_code(report: Report, fail_on: FailOn) -> int:
    """Of several logs the worst wins: one that is unstable outweighs one that could not be read.

    With a baseline only what is new or worse counts, and what the baseline knew and this report does not.
    """
    if report.is_of_trials and report.verdict == "inconclusive":
        return COULD_NOT_JUDGE
    margin = report.min_margin.status if report.min_margin else None
    if report.baseline:
        fails, is_incomplete = any(one.fails for one in report.baseline.worse), bool(report.baseline.not_compared)
    else:
        fails, is_incomplete = report.worst_severity() in FAILS[fail_on], report.is_incomplete
    if fails or margin == "failed":
        return UNSTABLE
    return COULD_NOT_JUDGE if is_incomplete or margin == "unknown" else 0
