"""`lrdoctor probe`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrdoctor.cli import trials
from lrdoctor.cli.endings import conclude, say
from lrdoctor.cli.options import (
    BestRate,
    Factor,
    FailOn,
    FailOnOption,
    Fresh,
    Jobs,
    Json,
    Out,
    Quiet,
    Seeds,
    Set,
    SpecPath,
    Verbose,
)
from lrdoctor.cli.outputs import NOTHING, Outputs

if TYPE_CHECKING:
    pass


def probe(
    spec: SpecPath,
    best: BestRate = None,
    factor: Factor = None,
    out: Out = None,
    json: Json = False,
    fail_on: FailOnOption = FailOn.UNSTABLE,
    seeds: Seeds = None,
    jobs: Jobs = None,
    overrides: Set = None,
    fresh: Fresh = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    outputs: Outputs = NOTHING,
) -> int:
    """Look at the first steps above lr*, with both losses at every step: some models blow up and come back unseen.

    Without --lr the sweep finds lr*; what the study folder holds of it is not run again.
    """
    from lrdoctor import runner

    loaded = trials.load_spec(spec, overrides, seeds)
    with trials.open_laboratory(loaded, out, jobs, fresh, quiet) as laboratory:
        chosen = trials.seeds_for(laboratory, seeds, settled=best is not None)
        report = runner.probe(laboratory, chosen, best, factor)
    if not quiet:
        say(f"saved in {laboratory.folder.out}")
    return conclude(
        report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, folder=laboratory.folder.out
    )
