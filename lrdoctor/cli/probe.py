"""`lrdoctor probe`."""

from __future__ import annotations

from lrdoctor.cli import trials
from lrdoctor.cli.options import BestRate, Factor
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.cli.scripts import NO_SCRIPT, Script
from lrdoctor.cli.trials import OF_STUDY, StudyOptions


def probe(
    lr: BestRate = None,
    factor: Factor = None,
    shared: StudyOptions = OF_STUDY,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Look at the first steps above lr*, with both losses at every step: some models blow up and come back unseen.

    Without --lr the sweep finds lr*; what the study folder holds of it is not run again.
    """
    from lrdoctor.catalogue import PROBE, AskedOfProbe

    return trials.run(PROBE, AskedOfProbe(learning_rate=lr, factor=factor), shared, outputs, script)
