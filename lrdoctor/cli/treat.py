"""`lrdoctor treat`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrdoctor.cli import plans, trials
from lrdoctor.cli.endings import conclude, say
from lrdoctor.cli.options import (
    AUTO,
    BestRate,
    Engine,
    FailOn,
    FailOnOption,
    Fresh,
    Jobs,
    Json,
    Live,
    MaxTrialSteps,
    Out,
    PlanOnly,
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
    from lrdoctor.procedures.treated import Treated

Everything = Annotated[
    bool,
    typer.Option(
        "--all", help="Try every fix: also after one that suffices, and where the room above lr* is 5x to 10x."
    ),
]

AddNorm = Annotated[
    bool,
    typer.Option(
        "--add-norm", help="Also try a norm as the last operation of every residual branch, on a copy of the model."
    ),
]

SEEDS_TO_COME = "--seeds auto begins with these seeds; each one that is added adds a trial to every rate and fix"


def treat(
    spec: SpecPath = None,
    everything: Everything = False,
    add_norm: AddNorm = False,
    plan: PlanOnly = False,
    max_trial_steps: MaxTrialSteps = None,
    lr: BestRate = None,
    unstable_lr: UnstableRate = None,
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
    live: Live = False,
    outputs: Outputs = NOTHING,
    script: Script = NO_SCRIPT,
) -> int:
    """Run the whole procedure: sweep, checks, then every fix in the documented order, each one re-run and judged.

    Ends with a prescription: one fix or pair with its numbers, as code and as a spec that runs. The verdict is that of
    the training without it.
    """
    from lrdoctor import examine

    loaded = trials.load_spec(spec, overrides, seeds, script, "treat", out, fresh, engine)

    def procedure(laboratory: Laboratory) -> Treated:
        chosen = trials.seeds_for(laboratory, seeds, settled=plan or lr is not None or unstable_lr is not None)
        return examine.treat(laboratory, chosen, lr, unstable_lr, everything, add_norm)

    if plan:
        outputs.refuse("--plan trains and judges nothing")
        found = plans.planned(
            loaded, out, jobs, fresh, quiet, procedure, best=lr, unstable=unstable_lr, budget=max_trial_steps
        )
        if seeds == AUTO:
            found = replace(found, assumptions=(*found.assumptions, SEEDS_TO_COME))
        return plans.print_planned(found, "treat", as_json=json)
    with (
        trials.open_laboratory(loaded, out, jobs, fresh, quiet, trial_timeout) as laboratory,
        trials.watched(laboratory, live),
    ):
        laboratory.budget = max_trial_steps
        treated = procedure(laboratory)
        report = _save(treated, laboratory)
    if not quiet:
        say(trials.saved_in(laboratory))
    return conclude(
        report, fail_on, as_json=json, quiet=quiet, verbose=verbose, outputs=outputs, folder=laboratory.folder.out
    )


def _save(treated: Treated, laboratory: Laboratory) -> Report:
    """Judges, and writes trials.csv, the figures, the prescription and report.json into the study folder."""
    from lrdoctor import assess, examine
    from lrdoctor.reports import figures
    from lrdoctor.reports import json as json_report

    folder, study = laboratory.folder, treated.study
    folder.write_trials_csv(examine.all_trials_table(laboratory, study))
    report = assess.report_of_treat(treated, trials.write_figures(laboratory, figures.sweep_figures(study)))
    _write_spec(report, treated, laboratory)
    report = _with_figures(report, treated, laboratory)
    folder.write_text("report.json", json_report.render(report))
    return report


def _write_spec(report: Report, treated: Treated, laboratory: Laboratory) -> None:
    """Writes the spec with the prescribed fix in it."""
    from lrdoctor import assess

    changes, prescription = assess.prescription_changes(treated), report.treat["prescription"]
    if changes is None:
        return
    out, file = laboratory.folder.out, prescription["spec_file"]
    comment = f"{report.summary}\nThe learning rate to use: {prescription['base_learning_rate']:.4g}"
    laboratory.folder.write_text(file, laboratory.spec.patched_yaml(out, changes, comment))


def _with_figures(report: Report, treated: Treated, laboratory: Laboratory) -> Report:
    """Draws the figures of every part of the procedure that was run."""
    from lrdoctor.reports import figures

    name, sections = treated.study.name, dict[str, Any]()
    runs = (*treated.study.runs, *treated.runs)
    if treated.probed is not None and report.probe is not None:
        drawn = figures.probe_figures(name, treated.probed.runs, report.probe)
        sections["probe"] = replace(report.probe, figures=tuple(trials.write_figures(laboratory, drawn)))
    if treated.warmup is not None:
        drawn = figures.warmup_figures(report, name, treated.warmup.runs)
        sections["warmup"] = {**report.warmup, "figures": trials.write_figures(laboratory, drawn)}
    if treated.clipping is not None:
        drawn = figures.clip_figures(name, runs, report.clip, report.unstable_base_learning_rate)
        sections["clip"] = {**report.clip, "figures": trials.write_figures(laboratory, drawn)}
    drawn = figures.treat_figures(report, name)
    sections["treat"] = {**report.treat, "figures": trials.write_figures(laboratory, drawn)}
    return replace(report, **sections)
