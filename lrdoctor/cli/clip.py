"""`lrdoctor clip`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lrdoctor.cli import trials
from lrdoctor.cli.endings import conclude, say
from lrdoctor.cli.options import (
    BestRate,
    Engine,
    Exhaustive,
    FailOn,
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
    UnstableRate,
    Verbose,
)
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.cli.scripts import NO_SCRIPT, Script

if TYPE_CHECKING:
    pass

HIGHEST_PERCENTILE = 100.0


def _percentile(value: float | None) -> float | None:
    if value is not None and not 0 < value <= HIGHEST_PERCENTILE:
        raise typer.BadParameter(f"found {value:g}, expected a number above 0 and at most {HIGHEST_PERCENTILE:g}")
    return value


Percentile = Annotated[
    float | None,
    typer.Option(
        "--percentile",
        callback=_percentile,
        help="The first threshold, as a percentile of the gradient norms at lr*.  [default: the spec's]",
    ),
]
Harder = Annotated[
    bool,
    typer.Option("--harder", help="Also try harder thresholds at the best clipped rate, for a better loss."),
]


def clip(
    spec: SpecPath = None,
    out: Out = None,
    json: Json = False,
    fail_on: FailOnOption = FailOn.UNSTABLE,
    seeds: Seeds = None,
    jobs: Jobs = None,
    trial_timeout: TrialTimeout = None,
    engine: Engine = None,
    overrides: Set = None,
    exhaustive: Exhaustive = False,
    fresh: Fresh = False,
    lr: BestRate = None,
    unstable_lr: UnstableRate = None,
    percentile: Percentile = None,
    harder: Harder = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    live: Live = False,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Study the gradient norms at lr*, clip at their 90th percentile, and prove it at the unstable learning rates.

    Runs the sweep first where the study folder has none. The verdict is that of the spec's own training.
    """
    from lrdoctor import runner

    loaded = trials.load_spec(spec, overrides, seeds, script, "clip", out, fresh, engine)
    with (
        trials.open_laboratory(loaded, out, jobs, fresh, quiet, trial_timeout) as laboratory,
        trials.watched(laboratory, live),
    ):
        laboratory.exhaustive = exhaustive
        chosen = trials.seeds_for(laboratory, seeds, settled=lr is not None or unstable_lr is not None)
        report = runner.clip(laboratory, chosen, lr, unstable_lr, percentile, harder)
    if not quiet:
        say(trials.saved_in(laboratory))
    return conclude(
        report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, folder=laboratory.folder.out
    )
