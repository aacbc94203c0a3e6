"""`lrdoctor clip`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from lrdoctor.cli import trials
from lrdoctor.cli.endings import conclude, say
from lrdoctor.cli.options import (
    BestRate,
    Engine,
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
    TrialTimeout,
    UnstableRate,
    Verbose,
)
from lrdoctor.cli.outputs import NOTHING, Outputs
from lrdoctor.cli.scripts import NO_SCRIPT, Script

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.examine import Laboratory
    from lrdoctor.procedures.clip import Clipping

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
    spec: SpecPath = None,
    out: Out = None,
    json: Json = False,
    fail_on: FailOnOption = FailOn.UNSTABLE,
    seeds: Seeds = None,
    jobs: Jobs = None,
    trial_timeout: TrialTimeout = None,
    engine: Engine = None,
    overrides: Set = None,
    fresh: Fresh = False,
    lr: BestRate = None,
    unstable_lr: UnstableRate = None,
    percentile: Percentile = None,
    harder: Harder = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Study the gradient norms at lr*, clip at their 90th percentile, and prove it at the unstable learning rates.

    Runs the sweep first where the study folder has none. The verdict is that of the spec's own training.
    """
    from lrdoctor import examine
    from lrdoctor.procedures import clip as clips
    from lrdoctor.procedures.sweep import Settings

    loaded = trials.load_spec(spec, overrides, seeds, script, "clip", out, fresh, engine)
    settings = clips.Settings(percentile if percentile is not None else loaded.clip.percentile, search_harder=harder)
    with trials.open_laboratory(loaded, out, jobs, fresh, quiet, trial_timeout) as laboratory:
        chosen = trials.seeds_for(laboratory, seeds, settled=lr is not None or unstable_lr is not None)
        study = examine.rates(laboratory, Settings(loaded.sweep.rates()), chosen, lr, unstable_lr)
        clipping = examine.confirm_clipping(laboratory, examine.clip(laboratory, settings, chosen, study), chosen)
        report = _save(clipping, laboratory)
    if not quiet:
        say(trials.saved_in(laboratory))
    return conclude(
        report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, folder=laboratory.folder.out
    )


def _save(clipping: Clipping, laboratory: Laboratory) -> Report:
    """Judges the study and writes trials.csv, the figures and report.json into its folder."""
    from lrdoctor import assess, examine
    from lrdoctor.reports import figures
    from lrdoctor.reports import json as json_report

    folder, study = laboratory.folder, clipping.study
    folder.write_trials_csv(examine.all_trials_table(laboratory, study))
    report = assess.report_of_clip(clipping, "clip")
    swept = trials.write_figures(laboratory, figures.sweep_figures(study)) if clipping.was_swept else []
    runs, unstable = study.runs + clipping.runs, report.unstable_base_learning_rate
    norms = figures.clip_figures(study.name, runs, report.clip, unstable)
    report = replace(
        report,
        sweep=report.sweep and replace(report.sweep, figures=tuple(swept)),
        clip={**report.clip, "figures": trials.write_figures(laboratory, norms)},
    )
    folder.write_text("report.json", json_report.render(report))
    return report
