"""What every judging command writes besides its report, and what it is held against: one set of options for all.

A command takes them as one parameter, `outputs: Outputs`; `with_options` shows a field of it as an option each.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from lrdoctor.errors import LrdoctorError
from lrdoctor.reports.terminal import streams

if TYPE_CHECKING:
    import inspect

    import typer

    from lrdoctor.assess import Baseline
    from lrdoctor.cli.options import positive
    from lrdoctor.core.report import Report

PARAMETER = "outputs"
RENDERS_ANY = "report"
"""The command that judges nothing itself: its report is that of the command that did."""
SUMMARY = "GITHUB_STEP_SUMMARY"


def _file(option: str, what: str) -> Any:
    import typer

    return typer.Option(option, metavar="FILE", help=what)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Each annotated field is an option."""

    html: Annotated[Path | None, _file("--html", "Also write the report as one HTML page.")] = None
    no_html: Annotated[bool, typer.Option("--no-html", help="Write no report.html into the study folder.")] = False
    junit: Annotated[Path | None, _file("--junit", "Also write JUnit XML: a case for every rule and run.")] = None
    gitlab: Annotated[Path | None, _file("--gitlab", "Also write GitLab's code quality JSON.")] = None
    markdown: Annotated[Path | None, _file("--markdown", "Also write Markdown, for a comment.")] = None
    github: Annotated[
        bool, typer.Option("--github", help="Annotate the GitHub job, and append to $GITHUB_STEP_SUMMARY.")
    ] = False
    baseline: Annotated[
        Path | None, _file("--baseline", "Exit with 1 only for what is new or worse than in this report.json.")
    ] = None
    min_margin: Annotated[
        float | None,
        typer.Option(
            "--min-margin", metavar="X", callback=positive, help="Exit with 1 when the stability margin is below X."
        ),
    ] = None
    known: Baseline | None = None
    """The baseline as it was before the command began: the command may write the same file."""

    @property
    def files(self) -> dict[str, Path]:
        """Format -> where to write it."""
        from lrdoctor.reports import FORMATS

        chosen = {name: getattr(self, name, None) for name in FORMATS}
        return {name: path for name, path in chosen.items() if path is not None}

    def prepared(self, command: str) -> Outputs:
        """The same with the baseline read.

        Args:
            command: the one that judges.

        Raises:
            LrdoctorError: the baseline cannot be read or is of another command, or an output cannot be written. Better
                now than after hours of trials.
        """
        for name, path in self.files.items():
            if path.is_dir():
                raise LrdoctorError(f"--{name} {path}: found a folder, expected the name of a file")
        if self.baseline is None:
            return self
        known = _read(self.baseline)
        if command != RENDERS_ANY:
            known.refuse_other(command)
        return replace(self, known=known)

    def refuse(self, why: str) -> None:
        """
        Raises:
            LrdoctorError: one of the options was given, where nothing is judged.
        """
        if self != NOTHING:
            given = [option.name for option in _options() if getattr(self, option.name)]
            options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise LrdoctorError(f"{why}, so that there is nothing for {options}; leave one or the other out")

    def held_against(self, report: Report, failing: tuple[str, ...]) -> Report:
        """The report with what --baseline and --min-margin say of it.

        Args:
            report: what was judged.
            failing: severities of findings that exit with 1.
        """
        if self.known is not None:
            from lrdoctor.assess import compare

            report = replace(report, baseline=compare(report, self.known, failing))
        if self.min_margin is not None:
            from lrdoctor.assess import hold_to_margin

            report = replace(report, min_margin=hold_to_margin(report, self.min_margin))
        return report

    def write(self, report: Report, folder: Path | None) -> None:
        """Writes the files that were asked for.

        Raises:
            LrdoctorError: a file cannot be written.
        """
        if not self.files:
            return
        from lrdoctor.engines.entry import load
        from lrdoctor.reports import FORMATS

        for name, path in self.files.items():
            made = load(FORMATS[name])(report, folder)
            write_file(path, [made] if isinstance(made, str) else made, f"--{name}")

    def write_page(self, report: Report, folder: Path | None) -> str:
        """Writes report.html into a study folder, or beside a recording, unless --no-html was given; its path, that of
        --html where there is no folder, and "" for none.

        Raises:
            LrdoctorError: the file cannot be written.
        """
        if folder is None or self.no_html:
            return "" if self.html is None else str(self.html)
        from lrdoctor.reports import html
        from lrdoctor.store.files import write_whole

        path = folder / "report.html"
        with _told(path, "report.html"):
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, [html.render(report, folder).encode()])
        return str(path)

    def annotate(self, report: Report, folder: Path | None, *, as_json: bool) -> None:
        """With --github: the annotations, and the summary where the job has a file for it.

        GitHub reads both streams of a step; standard output is the report's alone with --json.
        """
        if not self.github:
            return
        from lrdoctor.reports import github

        stream = sys.stderr if as_json else sys.stdout
        with streams.written(stream):
            stream.writelines(f"{line}\n" for line in github.annotation_lines(report, folder))
        if where := os.environ.get(SUMMARY):
            path = Path(where)
            used = path.stat().st_size if path.is_file() else 0
            with _told(path, f"--github, ${SUMMARY}"):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("a", encoding="utf-8", newline="\n") as file:
                    file.write(github.summary(report, folder, used))


NOTHING = Outputs()


def with_options(command: Callable[..., int]) -> Callable[..., int]:
    """The command with an option for each field of its parameter `outputs`; any other command as it is."""
    from lrdoctor.cli.groups import with_group

    return with_group(command, PARAMETER, _options(), lambda given: Outputs(**given).prepared(command.__name__))


def _options() -> list[inspect.Parameter]:
    # where typer is not used, nothing needs the options as such
    import typer

    from lrdoctor.cli.groups import options_of
    from lrdoctor.cli.options import positive

    return list(options_of(Outputs, {"Baseline": object, "typer": typer, "positive": positive}))


def _read(path: Path) -> Baseline:
    from lrdoctor.assess import Baseline
    from lrdoctor.core import saved_json

    try:
        document = saved_json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise LrdoctorError(
            f"--baseline {path}: cannot be read: {error.strerror}; give the report.json of an earlier run"
        ) from error
    except ValueError as error:
        raise LrdoctorError(
            f"--baseline {path}: found text that is not JSON ({error}); give the report.json of an earlier run"
        ) from error
    return Baseline.of(document, str(path))


def write_file(path: Path, pieces: Iterable[str], option: str) -> None:
    """Writes the file of an option, whole or not at all.

    Raises:
        LrdoctorError: it cannot be written; an old file is as it was.
    """
    from lrdoctor.store.files import write_output

    with _told(path, option):
        write_output(path, pieces)


@contextmanager
def _told(path: Path, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LrdoctorError(
            f"{option} {path}: cannot be written: {error.strerror}; give a file that you may write to"
        ) from error


def messages(report: Report) -> Iterator[tuple[str, str]]:
    """What --baseline and --min-margin say, for standard error where standard output is JSON."""
    from lrdoctor.reports import gates

    return gates.lines(report)
