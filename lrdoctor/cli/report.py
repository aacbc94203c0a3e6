"""`lrdoctor report`: a saved study or report.json, rendered again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrdoctor.cli.exit_codes import FailOn, conclude, say
from lrdoctor.cli.options import FailOnOption, Json, Quiet, Verbose
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.errors import StoreError

if TYPE_CHECKING:
    from lrdoctor.core.report import Report

REPORT, STUDY = "report.json", "study.json"

StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="A study folder, or a report.json (what --json printed).")
]
To = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--to",
        metavar="TOOL PLACE",
        help="Also export a study's trials: tensorboard DIR, mlflow URI, optuna STORAGE, wandb-offline DIR.",
        show_default=False,
    ),
]


def report(
    study: StudyPath,
    to: To = None,
    json: Json = False,
    fail_on: FailOnOption = FailOn.UNSTABLE,
    quiet: Quiet = False,
    verbose: Verbose = False,
    outputs: Outputs = NOTHING,
) -> int:
    """Render a saved study or report again, in any format; nothing is trained and nothing judged anew.

    Exits as the command did that made it. The curves of logs are no part of a report.json: judge the logs again to see
    them.
    """
    saved, folder = load(study)
    if to is not None:
        from lrdoctor.export import export

        said = export(study if study.is_dir() else study.parent, *to)
        if not quiet:
            say(f"exported {said}")
    return conclude(saved, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, folder=folder)


def load(study: Path) -> tuple[Report, Path | None]:
    """The saved report, and the study folder that it lies in; None where it lies alone.

    Args:
        study: a study folder, or a report.json.

    Raises:
        StoreError: there is none, or it cannot be read.
    """
    from lrdoctor.reports.json import parse

    path = study / REPORT if study.is_dir() else study
    saved = parse(_text(path, study), str(path))
    return saved, path.parent if saved.is_of_trials and (path.parent / STUDY).is_file() else None


def _text(path: Path, study: Path) -> str:
    from lrdoctor.store.files import read_file

    try:
        # what the user names may be a pipe
        is_piped = path == study and path.is_fifo()
        return (path.read_bytes() if is_piped else read_file(path)).decode("utf-8-sig")
    except FileNotFoundError as error:
        if (study / STUDY).is_file():
            raise StoreError(
                f"{study} has no {REPORT}: its study did not come to an end; "
                "run the command that began it again, it resumes"
            ) from error
        raise StoreError(f"{path} does not exist; give a study folder, or what --json printed") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}; give a study folder that you may read") from error
    except UnicodeDecodeError as error:
        raise StoreError(f"{path} is no report of lrdoctor: it is not UTF-8; give what --json printed") from error
