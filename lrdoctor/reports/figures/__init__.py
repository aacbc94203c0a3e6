"""The playbook's figures, redrawn for the user's own model. The only place that imports matplotlib.

A figure is two modules: the data step (what is drawn, as plain values) and the ink step (matplotlib calls).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from lrdoctor.core.compared import ComparedStudy
from lrdoctor.core.fix_sections import ClipResult
from lrdoctor.core.report import Report
from lrdoctor.core.run import Run
from lrdoctor.core.sections import Probe
from lrdoctor.core.study import Study
from lrdoctor.reports.figures.apart import ComparedTraining, apart
from lrdoctor.reports.figures.apart_draw import draw_apart
from lrdoctor.reports.figures.norms import NormPlot, norm_plot, probed_norms, swept_norms
from lrdoctor.reports.figures.norms_draw import draw_norm_histogram, draw_norms_by_step
from lrdoctor.reports.figures.objective import axis_plot
from lrdoctor.reports.figures.objective_draw import draw_axis_plot
from lrdoctor.reports.figures.probe import probe_plot
from lrdoctor.reports.figures.probe_draw import draw_probe, draw_probes
from lrdoctor.reports.figures.several import Several, training_of
from lrdoctor.reports.figures.several_draw import draw_several
from lrdoctor.reports.figures.style import files
from lrdoctor.reports.figures.training import training_curves
from lrdoctor.reports.figures.training_draw import draw_training_curves
from lrdoctor.reports.figures.treat import ALL_FIXES, all_treatments, treatments
from lrdoctor.reports.figures.warmup import failed_target, warmup_curves
from lrdoctor.reports.figures.warmup_draw import draw_warmup_curves
from lrdoctor.reports.figures.with_fix import with_warmup
from lrdoctor.reports.figures.with_fix_draw import draw_with_fix

__all__ = [
    "clip_figures",
    "compare_figures",
    "probe_figures",
    "probe_norm_figures",
    "sweep_figures",
    "treat_figures",
    "warmup_figures",
]


def sweep_figures(study: Study) -> dict[str, bytes]:
    """Figures 7a, 7b and 9 of a finished sweep, each as PNG and as SVG: file name -> content.

    The same study gives the same bytes. What cannot be drawn is said in the figure; figure 9 is not there where no
    gradient norm was recorded.

    Args:
        study: a sweep: its rates, and the runs that were made for them.
    """
    return {
        **files("figure_7a_objective_vs_learning_rate", lambda figure: draw_axis_plot(axis_plot(study))(figure)),
        **files(
            "figure_7b_training_loss_above_best", lambda figure: draw_training_curves(training_curves(study))(figure)
        ),
        **_norm_files("figure_9_gradient_norm", lambda: swept_norms(study)),
    }


def _norm_files(name: str, norms: Callable[[], NormPlot | None]) -> dict[str, bytes]:
    """The norms by step and as bars; no file where there are none. What cannot be drawn is said in the figures."""
    with suppress(ArithmeticError, ValueError):
        if norms() is None:
            return {}
    return {
        **files(f"{name}_by_step", lambda figure: draw_norms_by_step(_known(norms()))(figure)),
        **files(f"{name}_histogram", lambda figure: draw_norm_histogram(_known(norms()))(figure)),
    }


def _known(plot: NormPlot | None) -> NormPlot:
    assert plot is not None
    return plot


def clip_figures(
    name: str, runs: Sequence[Run], clip: ClipResult | None, unstable: float | None = None
) -> dict[str, bytes]:
    """Figure 9 as two figures, the norms against the step and their histogram: file name -> content.

    No file when there are no norms; `clip` says why.

    Args:
        name: of the study.
        runs: its trials.
        clip: `Report.clip`.
        unstable: the lowest unstable rate, whose norms stand below; None where there is none.
    """
    return _norm_files("figure_9_gradient_norm", lambda: norm_plot(name, runs, clip, unstable) if clip else None)


def warmup_figures(report: Report, name: str, runs: Sequence[Run]) -> dict[str, bytes]:
    """Figures 6 and 8 of a warmup search, each as PNG and as SVG: file name -> content.

    Args:
        report: with its `warmup` section.
        name: of the study.
        runs: with the trials of the search among them.
    """
    if report.warmup is None:
        return {}
    by_steps = [
        curves
        for curves in (failed_target(name, report.warmup, runs), warmup_curves(name, report.warmup, runs))
        if curves is not None
    ]
    swept = report.sweep.rates if report.sweep else ()
    compared = with_warmup(name, report.warmup, swept, report.best_learning_rate, report.unstable_base_learning_rate)
    return {
        **files("figure_6_training_loss_by_warmup_steps", draw_warmup_curves(by_steps)),
        **files("figure_8_objective_with_warmup", draw_with_fix(compared)),
    }


def probe_figures(name: str, runs: Sequence[Run], probe: Probe) -> dict[str, bytes]:
    """Figure 5 of a probe as PNG and as SVG: file name -> content. The same probe gives the same bytes.

    Args:
        name: of the study.
        runs: the short runs.
        probe: `Report.probe` of these runs.
    """
    return files("figure_5_every_step", lambda figure: draw_probe(probe_plot(name, runs, probe))(figure))


def probe_norm_figures(name: str, runs: Sequence[Run], probe: Probe) -> dict[str, bytes]:
    """Figure 9 of the short runs: file name -> content; none where no gradient norm was recorded.

    Args:
        name: of the study.
        runs: the short runs.
        probe: `Report.probe` of these runs.
    """
    rows = {seed.run for seed in probe.seeds}
    of = [run for run in runs if run.name in rows]
    rate = probe.base_learning_rate
    return _norm_files("figure_9_gradient_norm_of_short_run", lambda: probed_norms(name, rate, probe.factor, of))


def treat_figures(report: Report, name: str) -> dict[str, bytes]:
    """Figure 8 of all fixes that were swept, and of each of them, as PNG and as SVG: file name -> content.

    Args:
        report: with its `treat` section.
        name: of the study.
    """
    drawn: dict[str, bytes] = {}
    if report.treat is None:
        return drawn
    if together := all_treatments(name, report.treat):
        drawn |= files(ALL_FIXES, draw_several(together))
    for file, plot in treatments(name, report.treat).items():
        drawn |= files(file, draw_with_fix(plot))
    return drawn


def compare_figures(
    studies: Sequence[ComparedStudy],
    runs: Sequence[Sequence[Run]],
    probed: Sequence[tuple[Probe, Sequence[Run]] | None],
) -> dict[str, bytes]:
    """Figures 4 and 5 of several studies, each as PNG and as SVG: file name -> content.

    Figure 5 is drawn of the studies that have a short run, and is not there where none has.

    Args:
        studies: what is compared.
        runs: of each study the whole trainings that are compared.
        probed: of each study its short run with the trials; None where it has none.
    """
    name = f"{len(studies)} studies compared"
    objectives = Several(
        name=name,
        headline="objective at each learning rate",
        objective=studies[0].objective,
        n_seeds=max((rate.n_judged for study in studies for rate in study.rates), default=0),
        trainings=tuple(training_of(study.name, study.rates, study.best_learning_rate) for study in studies),
    )
    tried = [
        ComparedTraining(study.name, study.best_learning_rate, study.rates, tuple(of))
        for study, of in zip(studies, runs, strict=True)
    ]
    drawn = {
        **files("figure_4_objective_vs_learning_rate", draw_several(objectives)),
        **files("figure_4_training_loss_low_and_high", lambda figure: draw_apart(apart(name, tried))(figure)),
    }
    plots = [probe_plot(study.name, of[1], of[0]) for study, of in zip(studies, probed, strict=True) if of is not None]
    if plots:
        drawn |= files("figure_5_every_step_side_by_side", draw_probes(plots))
    return drawn
