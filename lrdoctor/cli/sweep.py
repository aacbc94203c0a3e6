"""`lrdoctor sweep`."""

from __future__ import annotations

from lrdoctor.cli import trials
from lrdoctor.cli.endings import conclude, say
from lrdoctor.cli.options import (
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
    Verbose,
)
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.cli.scripts import NO_SCRIPT, Script


def sweep(
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
    quiet: Quiet = False,
    verbose: Verbose = False,
    live: Live = False,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Sweep the learning rate: the best one, which are infeasible, and how close the best sits to the edge."""
    from lrdoctor import runner

    loaded = trials.load_spec(spec, overrides, seeds, script, "sweep", out, fresh, engine)
    with (
        trials.open_laboratory(loaded, out, jobs, fresh, quiet, trial_timeout) as laboratory,
        trials.watched(laboratory, live),
    ):
        laboratory.exhaustive = exhaustive
        report = runner.sweep(laboratory, trials.seeds_for(laboratory, seeds))
    if not quiet:
        say(trials.saved_in(laboratory))
    return conclude(
        report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, folder=laboratory.folder.out
    )
