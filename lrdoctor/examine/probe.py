"""The short run above lr*, run."""

from __future__ import annotations

from collections.abc import Sequence

from lrdoctor.core.study import Study
from lrdoctor.examine.laboratory import Laboratory, baseline_trial
from lrdoctor.examine.range_test import grid
from lrdoctor.examine.sweep import sweep
from lrdoctor.procedures import probe as probes
from lrdoctor.procedures import sweep as sweeps


def probe(
    laboratory: Laboratory,
    settings: probes.Settings,
    seeds: Sequence[int],
    best: float | None,
) -> probes.Probed:
    """Runs the short run with every seed.

    Args:
        laboratory: where.
        settings: of the probe.
        seeds: of the probe, and of the sweep.
        best: lr*, as the user gave it; None for the one of the sweep, which runs what is missing of it.

    Raises:
        WorkloadError: the workload does not work, or every trial of the sweep failed.
        Interrupted: the user stopped it; what was finished is saved.
    """
    spec = laboratory.spec
    if best is None:
        study = sweep(laboratory, sweeps.Settings(grid(laboratory)), seeds)
    else:
        study = Study(name=spec.name, runs=(), spec=spec.resolved(laboratory.folder.out), best_learning_rate=best)
    if study.best_learning_rate is None:
        return probes.Probed(
            study=study, base_learning_rate=None, settings=settings, eval_every=spec.steps_between_evaluations
        )
    rate = probes.probed_rate(study.best_learning_rate, settings)
    trials = [probes.probe_trial(baseline_trial(spec, rate, seed), settings) for seed in seeds]
    return probes.Probed(
        study=study,
        base_learning_rate=rate,
        settings=settings,
        eval_every=spec.steps_between_evaluations,
        runs=tuple(laboratory.run("probe", trials)),
    )
