"""`lrdoctor treat`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from lrdoctor.cli import plans, trials
from lrdoctor.cli.endings import conclude, say
from lrdoctor.cli.options import (
    AUTO,
    BestRate,
    Engine,
    Exhaustive,
    FailOn,
    FailOnOption,
    Fresh,
    Jobs,
    Json,
    Live,
    MaxTrialSteps,
    Out,
    PlanOnly,
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
    from lrdoctor.examine import Laboratory
    from lrdoctor.procedures.treated import Treated

Everything = Annotated[
    bool,
    typer.Option(
        "--all", help="Try every fix: also after one that suffices, and where the room above lr* is 5x to 10x."
    ),
]

AddNorm = Annotated[
    bool,
    typer.Option(
        "--add-norm", help="Also try a norm as the last operation of every residual branch, on a copy of the model."
    ),
]

SEEDS_TO_COME = "--seeds auto begins with these seeds; each one that is added adds a trial to every rate and fix"


def treat(
    spec: SpecPath = None,
    everything: Everything = False,
    add_norm: AddNorm = False,
    plan: PlanOnly = False,
    max_trial_steps: MaxTrialSteps = None,
    lr: BestRate = None,
    unstable_lr: UnstableRate = None,
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
    """Run the whole procedure: sweep, checks, then every fix in the documented order, each one re-run and judged.

    Ends with a prescription: one fix or pair with its numbers, as code and as a spec that runs. The verdict is that of
    the training without it.
    """
    from lrdoctor import examine, runner

    loaded = trials.load_spec(spec, overrides, seeds, script, "treat", out, fresh, engine)

    def procedure(laboratory: Laboratory) -> Treated:
        laboratory.exhaustive = exhaustive
        chosen = trials.seeds_for(laboratory, seeds, settled=plan or lr is not None or unstable_lr is not None)
        return examine.treat(laboratory, chosen, lr, unstable_lr, everything, add_norm)

    if plan:
        outputs.refuse("--plan trains and judges nothing")
        found = plans.planned(
            loaded, out, jobs, fresh, quiet, procedure, best=lr, unstable=unstable_lr, budget=max_trial_steps
        )
        if seeds == AUTO:
            found = replace(found, assumptions=(*found.assumptions, SEEDS_TO_COME))
        return plans.print_planned(found, "treat", as_json=json)
    with (
        trials.open_laboratory(loaded, out, jobs, fresh, quiet, trial_timeout) as laboratory,
        trials.watched(laboratory, live),
    ):
        laboratory.budget = max_trial_steps
        report = runner.treat(procedure(laboratory), laboratory)
    if not quiet:
        say(trials.saved_in(laboratory))
    return conclude(
        report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, folder=laboratory.folder.out
    )
