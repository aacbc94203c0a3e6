"""`lrdoctor warmup`."""

from __future__ import annotations

from typing import Annotated

import typer

from lrdoctor.cli import trials
from lrdoctor.cli.options import BestRate, UnstableRate
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.cli.scripts import NO_SCRIPT, Script
from lrdoctor.cli.trials import OF_STUDY, StudyOptions

Factor = Annotated[
    float | None,
    typer.Option("--factor", min=1.0, help="Base rate over the unstable one.  [default: the spec's warmup.factor, 10]"),
]


def warmup(
    lr: BestRate = None,
    unstable_lr: UnstableRate = None,
    factor: Factor = None,
    shared: StudyOptions = OF_STUDY,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Search the shortest warmup to a rate far above the unstable one, and compare it with the baseline."""
    from lrdoctor.catalogue import WARMUP
    from lrdoctor.runner import Asked

    asked = Asked(learning_rate=lr, unstable_learning_rate=unstable_lr)
    further = [] if factor is None else [f"warmup.factor={factor!r}"]
    return trials.run(WARMUP, asked, shared, outputs, script, overrides=further)
