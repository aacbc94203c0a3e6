"""`lrdoctor compare`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrdoctor.cli import trials
from lrdoctor.cli.exit_codes import COULD_NOT_JUDGE, PIPE_WIDTH, UNSTABLE, say
from lrdoctor.cli.options import Fresh, Jobs, Json, Quiet, Seeds, Set, Verbose
from lrdoctor.cli.outputs import write_file
from lrdoctor.errors import LrdoctorError, SpecError
from lrdoctor.reports.terminal import streams

if TYPE_CHECKING:
    from lrdoctor.core.compared import StudyComparison

Studies = Annotated[
    list[Path],
    typer.Argument(
        metavar="A B [C...]",
        help="Specs (YAML), which are swept first, or study folders; A is what others are held to.",
    ),
]
ComparisonOut = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="Where the comparison is written.  [default: lrdoctor_out/compare_<names>]"
    ),
]
Page = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write the page here.")]


def compare(
    studies: Studies,
    out: ComparisonOut = None,
    json: Json = False,
    html: Page = None,
    seeds: Seeds = None,
    jobs: Jobs = None,
    overrides: Set = None,
    fresh: Fresh = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Compare studies: which reaches the lower loss, and which has more room, by more than chance.

    Specs are swept and probed first, in lrdoctor_out/<name>; finished trials are not run again. A folder of
    `lrdoctor warmup` stands for the training with that warmup. Exits with 1 when B (or C...) is worse than A in loss or
    margin by more than its interval, and with 2 when it cannot be told.
    """
    if len(studies) < 2:
        raise LrdoctorError("found one study, expected two or more: lrdoctor compare A B, specs or study folders")
    from lrdoctor import comparing
    from lrdoctor.runner import How

    if out is not None:
        comparing.refuse_other(out)
    # folders are read before anything is trained: a spec may be that of one of them, whose report it would replace
    read = {path: comparing.read_study(path) for path in studies if path.is_dir()}
    _refuse_one_folder_for_two([path for path in studies if path not in read], overrides, seeds)
    how = How(seeds=seeds, jobs=jobs, fresh=fresh, quiet=quiet)
    for path in studies:
        if path not in read:
            spec = trials.load_spec(path, overrides, seeds, command="compare")
            read[path] = comparing.read_study(comparing.swept_and_probed(spec, how))
    every = [read[path] for path in studies]
    where = out if out is not None else comparing.default_folder([one.name for one in every])
    found = comparing.compare(every, where)
    page = where / comparing.PAGE
    if html is not None:
        write_file(html, [page.read_text(encoding="utf-8")], "--html")
    if not quiet:
        say(f"saved in {where}")
    _print(found, page, as_json=json, quiet=quiet, verbose=verbose)
    return {"worse": UNSTABLE, "mixed": UNSTABLE, "inconclusive": COULD_NOT_JUDGE}.get(found.outcome, 0)


def _refuse_one_folder_for_two(specs: list[Path], overrides: list[str] | None, seeds: int | None) -> None:
    """
    Raises:
        SpecError: two specs have one name, and so one study folder.
    """
    from lrdoctor.runner import study_folder

    taken: dict[Path, Path] = {}
    for path in dict.fromkeys(specs):
        folder = study_folder(trials.load_spec(path, overrides, seeds, command="compare"), None)
        if folder in taken:
            raise SpecError(
                f"{taken[folder]} and {path}: name: both are studies in {folder}; give one of them another `name`"
            )
        taken[folder] = path


def _print(found: StudyComparison, page: Path, *, as_json: bool, quiet: bool, verbose: bool) -> None:
    with streams.written(sys.stdout):
        if as_json:
            from lrdoctor.reports.compare import as_json as rendered

            sys.stdout.write(rendered(found))
            return
        from lrdoctor.reports.terminal.compare import print_comparison
        from lrdoctor.reports.terminal.screen import print_page
        from lrdoctor.reports.terminal.text import Screen

        # a pipe or a file has no width of its own; COLUMNS still decides where it is set
        width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
        screen = Screen(width=width)
        print_comparison(found, screen, verbose=verbose, quiet=quiet)
        print_page(screen, "" if quiet else str(page))
