"""`lrdoctor diagnose`: judges logs that exist already."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

import typer

from lrdoctor.api import LARGEST_ALPHA, SMALLEST_ALPHA
from lrdoctor.cli import threads
from lrdoctor.cli.exit_codes import FailOn, conclude
from lrdoctor.cli.options import FailOnOption, Json, Quiet
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.errors import LogError

NEXT_KEY = re.compile(r",(?=[^,=]*=)")
"""The comma before a further KEY=; other commas belong to the name of a column."""


class Objective(StrEnum):
    """What the training does with its loss."""

    AUTO = "auto"
    MINIMIZED = "minimized"
    REINFORCEMENT = "reinforcement"
    ADVERSARIAL = "adversarial"


def _budget(alpha: float) -> float:
    if not SMALLEST_ALPHA <= alpha < LARGEST_ALPHA:
        raise typer.BadParameter(
            f"found {alpha:g}, expected a number of {SMALLEST_ALPHA:g} or more and below {LARGEST_ALPHA}"
        )
    return alpha


Paths = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Logs: files, directories (every log below them), - for standard input."),
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="Read every log as this format.  [default: told by the content]"),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        metavar="KEY=COLUMN,...",
        help="Which column holds what: loss, val_loss, lr, grad_norm, step, epoch; may be repeated.",
    ),
]
ObjectiveOption = Annotated[
    Objective,
    typer.Option(
        "--objective",
        help="Whether the loss is minimized; of reinforcement learning and of adversarial networks it may rise.",
    ),
]
Alpha = Annotated[
    float,
    typer.Option("--alpha", callback=_budget, help="Share of healthy runs that may be taken for unstable."),
]
VerboseLogs = Annotated[
    bool,
    typer.Option(
        "-v",
        "--verbose",
        help="Every run in full: all findings with evidence, what was read and what not, the fixes' code.",
    ),
]


def diagnose(
    paths: Paths,
    format_name: Format = None,
    columns: Columns = None,
    objective: ObjectiveOption = Objective.AUTO,
    alpha: Alpha = 0.01,
    json: Json = False,
    fail_on: FailOnOption = FailOn.UNSTABLE,
    quiet: Quiet = False,
    verbose: VerboseLogs = False,
    outputs: Outputs = NOTHING,
) -> int:
    """Judge training logs of any common format: is the run unstable, from which step on, and what to try.

    Formats: CSV, TSV and JSON lines of most loggers, Hugging Face's trainer_state.json, TensorBoard, W&B, MLflow and
    DVCLive, and the text that trainers print. Exits with 1 when a run is unstable, else with 2 when a log could not be
    read or judged, else with 0.
    """
    threads.one_for_numpy()
    from lrdoctor import api

    mapping = column_mapping(columns or [])
    report = api.diagnose(paths, format=format_name, columns=mapping, objective=objective.value, alpha=alpha)
    return conclude(report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs)


def column_mapping(options: list[str]) -> dict[str, str]:
    """The values of --columns as key -> column.

    Raises:
        LogError: a part is no KEY=COLUMN, or a key is unknown or given twice.
    """
    from lrdoctor.logs.aliases import USER_KEYS

    keys = ", ".join(USER_KEYS)
    mapping: dict[str, str] = {}
    meant: dict[str, str] = {}
    for part in (part for option in options for part in NEXT_KEY.split(option)):
        key, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column:
            raise LogError(f"--columns {part}: expected KEY=COLUMN, such as loss=train/loss; keys are {keys}")
        if key not in USER_KEYS:
            raise LogError(f"--columns {part}: unknown key {key!r}, expected one of {keys}")
        if (other := meant.get(USER_KEYS[key])) is not None:
            raise LogError(f"--columns {part}: given before as {other}={mapping[other]}; give one column for it")
        mapping[key] = column
        meant[USER_KEYS[key]] = key
    return mapping
