"""The playbook's figures, redrawn for the user's own model. The only place that imports matplotlib.

A figure is two modules: the data step (what is drawn, as plain values) and the ink step (matplotlib calls).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.reports.figures.objective import axis_plot
from lrdoctor.reports.figures.objective_ink import draw_axis_plot
from lrdoctor.reports.figures.probe import probe_plot
from lrdoctor.reports.figures.probe_ink import draw_probe
from lrdoctor.reports.figures.style import files
from lrdoctor.reports.figures.training import training_curves
from lrdoctor.reports.figures.training_ink import draw_training_curves

__all__ = ["probe_figures", "sweep_figures"]


def sweep_figures(study: Study) -> dict[str, bytes]:
    """Figures 7a and 7b of a finished sweep, each as PNG and as SVG: file name -> content.

    The same study gives the same bytes. What cannot be drawn is said in the figure.

    Args:
        study: a sweep: its rates, and the runs that were made for them.
    """
    return {
        **files("figure_7a_objective_vs_learning_rate", draw_axis_plot(axis_plot(study))),
        **files("figure_7b_training_loss_above_best", draw_training_curves(training_curves(study))),
    }


def probe_figures(name: str, runs: Sequence[Run], probe: Mapping[str, Any]) -> dict[str, bytes]:
    """Figure 5 of a probe as PNG and as SVG: file name -> content. The same probe gives the same bytes.

    Args:
        name: of the study.
        runs: the short runs.
        probe: `Report.probe` of these runs.
    """
    return files("figure_5_every_step", draw_probe(probe_plot(name, runs, probe)))
