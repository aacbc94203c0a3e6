"""`lrdoctor check`: whether specs are valid; for an editor, a pre-commit hook, the first step of a job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lrdoctor.cli import trials
from lrdoctor.cli.options import Set
from lrdoctor.cli.scripts import NO_SCRIPT
from lrdoctor.errors import SpecError
from lrdoctor.reports.terminal import streams

SpecPaths = Annotated[list[Path], typer.Argument(metavar="SPEC...", help="YAML files that describe studies.")]


def check(specs: SpecPaths, overrides: Set = None) -> int:
    """Validate specs: keys, values and the files that they name. Nothing is imported, trained or saved.

    Exits with 0 when every spec is valid, else with 2; the message has a line for every fault, with its place.
    """
    faults = []
    for path in specs:
        try:
            trials.load_spec(path, overrides, None, NO_SCRIPT, "check")
        except SpecError as error:
            faults.append(str(error))
            continue
        with streams.written(sys.stdout):
            print(f"{path}: valid")
    if faults:
        raise SpecError("\n".join(faults))
    return 0
