"""`lrdoctor clip`."""

from __future__ import annotations

from typing import Annotated

import typer

from lrdoctor.cli import trials
from lrdoctor.cli.options import BestRate, UnstableRate
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.cli.scripts import NO_SCRIPT, Script
from lrdoctor.cli.trials import OF_STUDY, StudyOptions

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
    lr: BestRate = None,
    unstable_lr: UnstableRate = None,
    percentile: Percentile = None,
    harder: Harder = False,
    shared: StudyOptions = OF_STUDY,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Study the gradient norms at lr*, clip at their 90th percentile, and prove it at the unstable learning rates.

    Runs the sweep first where the study folder has none. The verdict is that of the spec's own training.
    """
    from lrdoctor.catalogue import CLIP, AskedOfClip

    asked = AskedOfClip(learning_rate=lr, unstable_learning_rate=unstable_lr, percentile=percentile, harder=harder)
    return trials.run(CLIP, asked, shared, outputs, script)
