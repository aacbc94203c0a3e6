"""`lrdoctor sweep`."""

from __future__ import annotations

from lrdoctor.cli import plans, trials
from lrdoctor.cli.options import Budget, PlanOnly
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.cli.scripts import NO_SCRIPT, Script
from lrdoctor.cli.trials import OF_STUDY, StudyOptions


def sweep(
    plan: PlanOnly = False,
    budget: Budget = None,
    shared: StudyOptions = OF_STUDY,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Sweep the learning rate: the best one, which are infeasible, and how close the best sits to the edge."""
    from lrdoctor.catalogue import SWEEP
    from lrdoctor.runner import Asked

    if plan:
        how = shared.how(None, budget)
        return plans.print_plan_of(SWEEP, Asked(), shared.loaded("sweep", script), how, outputs, as_json=shared.json)
    return trials.run(SWEEP, Asked(), shared, outputs, script, budget=budget)
