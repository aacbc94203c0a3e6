"""`lrdoctor warmup`."""

from __future__ import annotations

from collections.abc import Sequence
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
    from lrdoctor.core.study import Study
    from lrdoctor.examine import Laboratory

Factor = Annotated[
    float | None,
    typer.Option("--factor", min=1.0, help="Base rate over the unstable one.  [default: the spec's warmup.factor, 10]"),
]


def warmup(
    spec: SpecPath = None,
    lr: BestRate = None,
    unstable_lr: UnstableRate = None,
    factor: Factor = None,
    out: Out = None,
    json: Json = False,
    fail_on: FailOnOption = FailOn.UNSTABLE,
    seeds: Seeds = None,
    jobs: Jobs = None,
    trial_timeout: TrialTimeout = None,
    engine: Engine = None,
    overrides: Set = None,
    fresh: Fresh = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Search the shortest warmup to a rate far above the unstable one, and compare it with the baseline."""
    from lrdoctor import examine
    from lrdoctor.procedures.sweep import Settings

    asked = [] if factor is None else [f"warmup.factor={factor!r}"]
    loaded = trials.load_spec(spec, [*(overrides or []), *asked], seeds, script, "warmup", out, fresh, engine)
    with trials.open_laboratory(loaded, out, jobs, fresh, quiet, trial_timeout) as laboratory:
        chosen = trials.seeds_for(laboratory, seeds, settled=lr is not None or unstable_lr is not None)
        study = examine.rates(laboratory, Settings(loaded.sweep.rates()), chosen, lr, unstable_lr)
        report = _search(laboratory, study, chosen)
    if not quiet:
        say(trials.saved_in(laboratory))
    return conclude(
        report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, folder=laboratory.folder.out
    )


def _search(laboratory: Laboratory, study: Study, seeds: Sequence[int]) -> Report:
    """Searches, judges, and writes trials.csv, the figures and report.json into the study folder."""
    from lrdoctor import assess, examine
    from lrdoctor.reports import figures
    from lrdoctor.reports import json as json_report

    folder = laboratory.folder
    found = examine.warmup(laboratory, study, seeds)
    if found is not None:
        found = examine.confirm_warmup(laboratory, found, study, seeds)
    folder.write_trials_csv(examine.all_trials_table(laboratory, study))
    swept = trials.write_figures(laboratory, figures.sweep_figures(study)) if study.rates else []
    report = assess.report_of_warmup(study, found, swept)
    if found is not None:
        drawn = trials.write_figures(laboratory, figures.warmup_figures(report, study.name, found.runs))
        report = replace(report, warmup={**report.warmup, "figures": drawn})
    folder.write_text("report.json", json_report.render(report))
    return report
