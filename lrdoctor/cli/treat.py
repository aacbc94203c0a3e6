"""`lrdoctor treat`."""

from __future__ import annotations

from typing import Annotated

import typer

from lrdoctor.cli import plans, trials
from lrdoctor.cli.options import BestRate, Budget, MaxTrialSteps, PlanOnly, UnstableRate
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.cli.scripts import NO_SCRIPT, Script
from lrdoctor.cli.trials import OF_STUDY, StudyOptions
from lrdoctor.errors import SpecError

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


def treat(
    everything: Everything = False,
    add_norm: AddNorm = False,
    plan: PlanOnly = False,
    budget: Budget = None,
    max_trial_steps: MaxTrialSteps = None,
    lr: BestRate = None,
    unstable_lr: UnstableRate = None,
    shared: StudyOptions = OF_STUDY,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Run the whole procedure: sweep, checks, then every fix in the documented order, each one re-run and judged.

    Ends with a prescription: one fix or pair with its numbers, as code and as a spec that runs. The verdict is that of
    the training without it.
    """
    from lrdoctor.catalogue import TREAT, AskedOfTreat

    if budget is not None and max_trial_steps is not None:
        raise SpecError(
            "found --budget and --max-trial-steps, expected one of them: --budget ends with what is there, "
            "--max-trial-steps before a stage that does not fit"
        )
    asked = AskedOfTreat(learning_rate=lr, unstable_learning_rate=unstable_lr, everything=everything, add_norm=add_norm)
    if plan:
        how = shared.how(max_trial_steps, budget)
        return plans.print_plan_of(TREAT, asked, shared.loaded("treat", script), how, outputs, as_json=shared.json)
    return trials.run(TREAT, asked, shared, outputs, script, max_trial_steps=max_trial_steps, budget=budget)
