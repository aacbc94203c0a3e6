"""`lrdoctor warmup`."""

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

Factor = Annotated[
    float | None,
    typer.Option("--factor", min=1.0, help="Base rate over the unstable one.  [default: the spec's warmup.factor, 10]"),
]


def warmup(
    spec: SpecPath = None,
    lr: BestRate = None,
    unstable_lr: UnstableRate = None,
    factor: Factor = None,
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
    quiet: Quiet = False,
    verbose: Verbose = False,
    live: Live = False,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Search the shortest warmup to a rate far above the unstable one, and compare it with the baseline."""
    from lrdoctor import runner

    asked = [] if factor is None else [f"warmup.factor={factor!r}"]
    loaded = trials.load_spec(spec, [*(overrides or []), *asked], seeds, script, "warmup", out, fresh, engine)
    with (
        trials.open_laboratory(loaded, out, jobs, fresh, quiet, trial_timeout) as laboratory,
        trials.watched(laboratory, live),
    ):
        laboratory.exhaustive = exhaustive
        chosen = trials.seeds_for(laboratory, seeds, settled=lr is not None or unstable_lr is not None)
        report = runner.warmup(laboratory, chosen, lr, unstable_lr)
    if not quiet:
        say(trials.saved_in(laboratory))
    return conclude(
        report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, folder=laboratory.folder.out
    )
