"""`lrdoctor probe`."""

from __future__ import annotations

from dataclasses import replace
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
from lrdoctor.cli.scripts import NO_SCRIPT, Script

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.examine import Laboratory
    from lrdoctor.procedures.probe import Probed


def probe(
    spec: SpecPath = None,
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
    script: Script = NO_SCRIPT,
) -> int:
    """Look at the first steps above lr*, with both losses at every step: some models blow up and come back unseen.

    Without --lr the sweep finds lr*; what the study folder holds of it is not run again.
    """
    from lrdoctor import examine
    from lrdoctor.procedures.probe import Settings
    from lrdoctor.procedures.sweep import Settings as Grid

    loaded = trials.load_spec(spec, overrides, seeds, script, "probe", out, fresh)
    settings = Settings(factor=loaded.probe.factor if factor is None else factor, steps=loaded.probe.steps)
    with trials.open_laboratory(loaded, out, jobs, fresh, quiet) as laboratory:
        chosen = trials.seeds_for(laboratory, seeds, settled=best is not None)
        probed = examine.probe(laboratory, settings, Grid(loaded.sweep.rates()), chosen, best)
        report = _save(probed, laboratory)
    if not quiet:
        say(trials.saved_in(laboratory))
    return conclude(
        report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, folder=laboratory.folder.out
    )


def _save(probed: Probed, laboratory: Laboratory) -> Report:
    """Judges the probe and writes trials.csv, the figures and report.json into the study folder."""
    from lrdoctor import assess, examine
    from lrdoctor.reports import figures
    from lrdoctor.reports import json as json_report

    folder = laboratory.folder
    folder.write_trials_csv(examine.all_trials_table(laboratory, probed.study))
    study = probed.study
    swept = trials.write_figures(laboratory, figures.sweep_figures(study)) if study.rates else []
    report = assess.report_of_probe(probed, "probe", swept)
    if report.probe:  # drawn from the report, so that both say the same
        drawn = trials.write_figures(laboratory, figures.probe_figures(study.name, probed.runs, report.probe))
        report = replace(report, probe=replace(report.probe, figures=tuple(drawn)))
    folder.write_text("report.json", json_report.render(report))
    return report
