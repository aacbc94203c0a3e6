"""One way to run a procedure, for the command line and for Python: the study folder, the engine, the saved report."""

from __future__ import annotations

import importlib
import platform
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from lrdoctor import assess, examine
from lrdoctor.core.study import Study
from lrdoctor.core.trial import TRAINING_VERSION
from lrdoctor.procedures import clip as clips
from lrdoctor.procedures import probe as probes
from lrdoctor.procedures.sweep import Settings
from lrdoctor.reports import json as json_report
from lrdoctor.reports.terminal.live import SweepView
from lrdoctor.reports.terminal.text import Screen
from lrdoctor.store import StudyFolder, folder_name

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.examine import Laboratory
    from lrdoctor.procedures.treated import Treated
    from lrdoctor.spec import Spec

AUTO = 0
"""Number of seeds that stands for as many as the verdict needs."""


def seeds_for(laboratory: Laboratory, asked: int | None, settled: bool = False) -> tuple[int, ...]:
    """The seeds of a procedure: the spec's, or with AUTO as many as its sweep needs.

    Args:
        laboratory: where the sweep is run.
        asked: None for the spec's, or AUTO.
        settled: nothing is left for the sweep to settle, since the rates were given, or nothing is trained.
    """
    spec = laboratory.spec
    if asked != AUTO:
        return tuple(spec.seeds)
    if settled:
        return examine.numbered_on(spec.seeds, examine.FEWEST_SEEDS)
    return examine.enough_seeds(laboratory, Settings(spec.sweep.rates()), spec.seeds)


@contextmanager
def open_laboratory(
    spec: Spec,
    out: Path | None,
    jobs: int | None,
    fresh: bool,
    quiet: bool,
    engine: str | None = None,
    trial_seconds: float | None = None,
) -> Iterator[Laboratory]:
    """The study folder, the engine and the view of a procedure that runs trials, closed in the right order.

    Args:
        spec: what to train.
        out: the study folder; None for the one of the spec's name below lrdoctor_out/.
        jobs: worker processes; None for one a core.
        fresh: throw away what an earlier study left in the folder.
        quiet: show no progress on standard error.
        engine: name in `ENGINES`; None for the spec's.
        trial_seconds: how long a trial may take; None for any time.
    """
    # drawing needs matplotlib, whose import takes half a second: while the workers train there is time for it
    threading.Thread(target=importlib.import_module, args=("lrdoctor.reports.figures",), daemon=True).start()
    where = study_folder(spec, out)
    folder = StudyFolder.open(
        where,
        name=spec.name,
        identity=spec.identity(),
        spec_yaml=spec.to_yaml(where),
        command_line=sys.argv,
        environment=environment(),
        fresh=fresh,
    )
    with (
        folder,
        SweepView(Screen(stderr=True), quiet=quiet) as view,
        examine.open_engine(spec, jobs, engine, folder.mark, trial_seconds) as running,
        examine.interruptible(running, view),
    ):
        running.tell = view.message
        yield examine.Laboratory(spec, folder, running, view)


def study_folder(spec: Spec, out: Path | None) -> Path:
    """The folder as asked for, else the one of the spec's name."""
    return out if out is not None else Path("lrdoctor_out") / folder_name(spec.name)


def environment() -> dict[str, str]:
    """What besides the spec decides a curve's bits."""
    try:
        torch = version("torch")
    except PackageNotFoundError:  # a command has a torch of its own, which its trials tell
        torch = "not installed"
    return {
        "python": platform.python_version(),
        "torch": torch,
        "machine": platform.machine(),
        "training loop": TRAINING_VERSION,
    }


def sweep(laboratory: Laboratory, seeds: Sequence[int]) -> Report:
    """Sweeps the spec's learning rates, judges the study, and saves the report with its figures."""
    from lrdoctor.reports import figures

    study = examine.sweep(laboratory, Settings(laboratory.spec.sweep.rates()), seeds)
    laboratory.folder.write_trials_csv(examine.all_trials_table(laboratory, study))
    drawn = write_figures(laboratory, figures.sweep_figures(study))
    return _saved(assess.report_of_sweep(study, "sweep", drawn), laboratory)


def probe(laboratory: Laboratory, seeds: Sequence[int], best: float | None, factor: float | None) -> Report:
    """Makes the short run above lr*, judges it, and saves the report with its figures.

    Args:
        laboratory: where it is run.
        seeds: one short run for each.
        best: lr*; None to take that of a sweep.
        factor: the rate as a multiple of lr*; None for the spec's.
    """
    from lrdoctor.reports import figures

    spec = laboratory.spec
    settings = probes.Settings(factor=spec.probe.factor if factor is None else factor, steps=spec.probe.steps)
    probed = examine.probe(laboratory, settings, Settings(spec.sweep.rates()), seeds, best)
    laboratory.folder.write_trials_csv(examine.all_trials_table(laboratory, probed.study))
    swept = write_figures(laboratory, figures.sweep_figures(probed.study)) if probed.study.rates else []
    report = assess.report_of_probe(probed, "probe", swept)
    if report.probe:  # drawn from the report, so that both say the same
        of = (probed.study.name, probed.runs, report.probe)
        drawn = write_figures(laboratory, figures.probe_figures(*of) | figures.probe_norm_figures(*of))
        report = replace(report, probe=replace(report.probe, figures=tuple(drawn)))
    return _saved(report, laboratory)


def warmup(laboratory: Laboratory, seeds: Sequence[int], best: float | None, unstable: float | None) -> Report:
    """Searches a warmup for rates above the unstable one, judges it, and saves the report with its figures.

    Args:
        laboratory: where it is run; its spec says how far above.
        seeds: of every trial.
        best: lr*; None to take that of a sweep.
        unstable: the lowest unstable rate; None for the same.
    """
    from lrdoctor.reports import figures

    study = examine.rates(laboratory, Settings(laboratory.spec.sweep.rates()), seeds, best, unstable)
    found = examine.warmup(laboratory, study, seeds)
    if found is not None:
        found = examine.confirm_warmup(laboratory, found, study, seeds)
    laboratory.folder.write_trials_csv(examine.all_trials_table(laboratory, study))
    swept = write_figures(laboratory, figures.sweep_figures(study)) if study.rates else []
    report = assess.report_of_warmup(study, found, swept)
    if found is not None and report.warmup is not None:
        drawn = write_figures(laboratory, figures.warmup_figures(report, study.name, found.runs))
        report = replace(report, warmup=replace(report.warmup, figures=tuple(drawn)))
    return _saved(report, laboratory)


def clip(
    laboratory: Laboratory,
    seeds: Sequence[int],
    best: float | None,
    unstable: float | None,
    percentile: float | None,
    harder: bool,
) -> Report:
    """Studies the gradient norms at lr* and clips at the unstable rates, judges, and saves the report with its figures.

    Args:
        laboratory: where it is run.
        seeds: of every trial.
        best: lr*; None to take that of a sweep.
        unstable: the lowest unstable rate; None for the same.
        percentile: of the norms, the first threshold; None for the spec's.
        harder: also try harder thresholds at the best clipped rate.
    """
    from lrdoctor.reports import figures

    spec = laboratory.spec
    settings = clips.Settings(spec.clip.percentile if percentile is None else percentile, search_harder=harder)
    study = examine.rates(laboratory, Settings(spec.sweep.rates()), seeds, best, unstable)
    clipping = examine.confirm_clipping(laboratory, examine.clip(laboratory, settings, seeds, study), seeds)
    study = clipping.study
    laboratory.folder.write_trials_csv(examine.all_trials_table(laboratory, study))
    report = assess.report_of_clip(clipping, "clip")
    swept = write_figures(laboratory, figures.sweep_figures(study)) if clipping.was_swept else []
    norms = write_figures(
        laboratory,
        figures.clip_figures(study.name, study.runs + clipping.runs, report.clip, report.unstable_base_learning_rate),
    )
    report = replace(
        report,
        sweep=report.sweep and replace(report.sweep, figures=tuple(swept)),
        clip=report.clip and replace(report.clip, figures=tuple(norms)),
    )
    return _saved(report, laboratory)


def treat(treated: Treated, laboratory: Laboratory) -> Report:
    """Judges a treatment, and saves the report, its figures, and the spec with the prescribed fix in it.

    Args:
        treated: what `examine.treat` found.
        laboratory: where it was run.
    """
    from lrdoctor.reports import figures

    folder, study = laboratory.folder, treated.study
    folder.write_trials_csv(examine.all_trials_table(laboratory, study))
    report = assess.report_of_treat(treated, write_figures(laboratory, figures.sweep_figures(study)))
    changes = assess.prescription_changes(treated)
    if report.treat is not None and report.treat.prescription is not None and changes is not None:
        prescription = report.treat.prescription
        comment = f"{report.summary}\nThe learning rate to use: {prescription.base_learning_rate:.4g}"
        folder.write_text(prescription.spec_file, laboratory.spec.patched_yaml(folder.out, changes, comment))
    return _saved(_with_figures(report, treated, laboratory), laboratory)


def _with_figures(report: Report, treated: Treated, laboratory: Laboratory) -> Report:
    """Draws the figures of every part of the procedure that was run."""
    from lrdoctor.reports import figures

    name = treated.study.name
    if treated.probed is not None and report.probe is not None:
        drawn = write_figures(laboratory, figures.probe_figures(name, treated.probed.runs, report.probe))
        report = replace(report, probe=replace(report.probe, figures=tuple(drawn)))
    if treated.warmup is not None and report.warmup is not None:
        drawn = write_figures(laboratory, figures.warmup_figures(report, name, treated.warmup.runs))
        report = replace(report, warmup=replace(report.warmup, figures=tuple(drawn)))
    if report.clip is not None:
        runs = (*treated.study.runs, *treated.runs)
        drawn = write_figures(
            laboratory, figures.clip_figures(name, runs, report.clip, report.unstable_base_learning_rate)
        )
        report = replace(report, clip=replace(report.clip, figures=tuple(drawn)))
    drawn = write_figures(laboratory, figures.treat_figures(report, name))
    return replace(report, treat=report.treat and replace(report.treat, figures=tuple(drawn)))


def inspect(spec: Spec, seed: int | None, sharpness: bool, quiet: bool, engine: str | None = None) -> Report:
    """Looks at the model with one real batch; nothing is trained and nothing saved.

    Args:
        spec: with the model and the data.
        seed: of the initial weights and the batch; None for the spec's first.
        sharpness: measure the top eigenvalue of the loss Hessian too.
        quiet: show nothing on standard error.
        engine: name in `ENGINES`; None for a process of this machine.
    """
    with (
        SweepView(Screen(stderr=True), quiet=quiet) as view,
        examine.open_inspector(spec, engine or "local") as running,
        examine.interruptible(running, view),
    ):
        seen = examine.inspect(running, spec.seeds[0] if seed is None else seed, sharpness, spec.model_change)
    study = Study(name=spec.name, runs=(), spec=spec.model_dump(mode="json"))
    return assess.report_of_inspection(seen, study)


def _saved(report: Report, laboratory: Laboratory) -> Report:
    laboratory.folder.write_text("report.json", json_report.render(report))
    return replace(report, folder=laboratory.folder.out)


def write_figures(laboratory: Laboratory, drawn: Mapping[str, bytes]) -> list[str]:
    """Writes the figures; returns their paths relative to the study folder."""
    for name, content in drawn.items():
        laboratory.folder.write_bytes(f"figures/{name}", content)
    return [f"figures/{name}" for name in drawn]
