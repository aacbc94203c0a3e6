"""Options that several commands have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from lrdoctor.cli.exit_codes import FailOn
from lrdoctor.core.budget import budget_of
from lrdoctor.engines import NAMED


def positive(value: float | None) -> float | None:
    """The value of an option, when it is a finite number above 0."""
    if value is not None and not 0 < value < float("inf"):
        raise typer.BadParameter(f"found {value:g}, expected a finite number above 0")
    return value


AUTO = 0
"""Number of seeds that stands for `--seeds auto`."""


MOST_SEEDS = 1000
"""Seeds of a study; a verdict needs a few, and a plan of many takes its time by itself."""
LONGEST_COUNT = 18
"""Digits that a number of seeds may have and be read."""


def seed_count(text: str) -> int:
    """What `--seeds` was given: a number from 1 on, or `AUTO`."""
    if text == "auto":
        return AUTO
    if not text.isdecimal() or not text.strip("0"):
        raise typer.BadParameter(f"found {text[:40]!r}, expected a number from 1 on, or auto")
    if len(text) > LONGEST_COUNT or int(text) > MOST_SEEDS:
        raise typer.BadParameter(
            f"found {text[:40]}, expected {MOST_SEEDS} at most: every seed is a trial at every rate"
        )
    return int(text)


SpecPath = Annotated[
    Path | None,
    typer.Argument(
        metavar="SPEC | -- CMD...",
        help="The YAML file that describes the training and its sweep; or, behind --, the command that trains.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Study folder.  [default: lrdoctor_out/<name of the spec>]")
]
Json = Annotated[bool, typer.Option("--json", help="Print report.json on standard output and nothing else.")]
FailOnOption = Annotated[FailOn, typer.Option("--fail-on", help="Least severity that exits with 1.")]
Seeds = Annotated[
    int | None,
    typer.Option(
        "--seeds",
        metavar="N|auto",
        parser=seed_count,
        help="Use the seeds 0 .. N-1 in place of the spec's; auto: the spec's, 3 at least, and more until the verdict "
        "is settled, 15 at most.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", min=1, help="Worker processes.  [default: one a core, or one a visible GPU]"),
]


def engine_block(text: str) -> str:
    """What `--engine` was given, as the value of the spec's key.

    >>> engine_block("dask"), engine_block("dask=tcp://10.0.0.1:8786")
    ('{"name": "dask"}', '{"name": "dask", "address": "tcp://10.0.0.1:8786"}')
    """
    name, equals, address = text.partition("=")
    kind = NAMED.get(name)
    if kind is None or (equals and not (address and kind.address)):
        at = [f"{known}=ADDRESS such as {known}={of.address}" for known, of in NAMED.items() if of.address]
        raise typer.BadParameter(f"found {text!r}, expected {', '.join(NAMED)}, or {' or '.join(at)}")
    return json.dumps({"name": name, **({"address": address} if address else {})})


Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="|".join(f"{name}[=ADDRESS]" if kind.address else name for name, kind in NAMED.items()),
        parser=engine_block,
        help=f"Where trials run: {', or '.join(kind.where for kind in NAMED.values())}.",
    ),
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the spec; may be repeated.")
]
Exhaustive = Annotated[
    bool,
    typer.Option("--exhaustive", help="Train every seed at every rate, also those that cannot change the answer."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Throw the study folder's trials away and begin anew.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress; the verdict and the headline only.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Also list the findings of every single run.")]

BestRate = Annotated[
    float | None,
    typer.Option("--lr", callback=positive, help="lr*, the best learning rate.  [default: that of the study's sweep]"),
]
Factor = Annotated[
    float | None,
    typer.Option(
        "--factor", callback=positive, help="The rate to run at, as a multiple.  [default: that of the spec's block]"
    ),
]
UnstableRate = Annotated[
    float | None,
    typer.Option(
        "--unstable-lr", callback=positive, help="The lowest unstable one.  [default: that of the study's sweep]"
    ),
]
TrialTimeout = Annotated[
    float | None,
    typer.Option(
        "--trial-timeout",
        metavar="SECONDS",
        callback=positive,
        help="End a trial that takes longer; it counts as failed.  [default: any time]",
    ),
]
PlanOnly = Annotated[
    bool,
    typer.Option("--plan", help="Print the trials and what they would cost, and train none of them."),
]
MaxTrialSteps = Annotated[
    int | None,
    typer.Option(
        "--max-trial-steps", metavar="N", min=1, help="Run N steps at most, over all trials and controls of this call."
    ),
]


def budget_text(text: str) -> str:
    """What `--budget` was given, where it can be read."""
    try:
        return budget_of(text).given
    except ValueError as unread:
        raise typer.BadParameter(str(unread)) from None


Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="TIME|N-steps",
        parser=budget_text,
        help="Spend this much (30m, 2h, 20k-steps) where it decides most, judge what is there and name what was left "
        "out; the same command goes on with it.  [default: as much as it takes]",
    ),
]
Live = Annotated[
    bool, typer.Option("--live", help="Write live.html into the study folder while it runs; it reloads by itself.")
]
