"""`lrdoctor inspect`."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from lrdoctor.cli import trials
from lrdoctor.cli.exit_codes import FailOn, conclude
from lrdoctor.cli.options import FailOnOption, Json, Quiet, Set, SpecPath
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.cli.scripts import NO_SCRIPT, Script

Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Of the initial weights and the batch.  [default: the spec's first]")
]
WithSharpness = Annotated[
    bool,
    typer.Option("--sharpness", help="Also measure the top Hessian eigenvalue: some 20 to 60 double backward passes."),
]
VerboseSites = Annotated[
    bool, typer.Option("-v", "--verbose", help="Every residual add, layer and evidence; the code.")
]


def inspect(
    spec: SpecPath = None,
    sharpness: WithSharpness = False,
    seed: Seed = None,
    json: Json = False,
    fail_on: FailOnOption = FailOn.UNSTABLE,
    overrides: Set = None,
    quiet: Quiet = False,
    verbose: VerboseSites = False,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Look at the model with one real batch: residual adds, where the norms stand, what grows with depth.

    Nothing is trained and nothing is saved. Only what ran for this batch is seen.
    """
    from lrdoctor import runner

    loaded = trials.load_spec(spec, overrides, None, script, "inspect")
    report = runner.inspect(loaded, seed, sharpness, quiet)
    trained = f"-- {shlex.join(script.words)}" if spec is None else shlex.quote(str(spec))
    return conclude(report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, trained=trained)
