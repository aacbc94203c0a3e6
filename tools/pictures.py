"""Redraws docs/pictures/: python -m tools.pictures [--studies]

`sample_runs.svg` is drawn from the files of sample_runs/. The others are figures of real studies of the bundled
workloads, which `--studies` runs first, in some two minutes on two cores; studies that lie in --out are resumed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrdoctor.assess import report_of_logs
from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Report
from lrdoctor.logs.gather import gather
from lrdoctor.reports.figures import style
from tools.sample_runs import FOLDER, SAMPLES, Sample

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
COLUMNS, PANEL_INCHES = 3, (3.0, 1.7)
INK = {"stable": style.BLUE, "unstable": style.VERMILION, "inconclusive": style.GREY}

STUDIES = {
    "rnn": ["treat", "configs/rnn.yaml"],
    "conv_stride1": [
        "probe", "configs/conv_stride1.yaml", "--lr", "0.1", "--seeds", "5", "--set", "eval_every=50",
    ],
}  # fmt: skip
"""Name of a study -> the command that runs it."""
FROM_STUDIES = {
    "figure_5_conv_stride1.png": ("conv_stride1", "figure_5_every_step.png"),
    "figure_7b_rnn.png": ("rnn", "figure_7b_training_loss_above_best.png"),
    "figure_8_rnn.png": ("rnn", "figure_8_objective_with_warmup_and_clip_gradients.png"),
    "figure_9_rnn.png": ("rnn", "figure_9_gradient_norm_by_step.png"),
    "../figure_7a_rnn.png": ("rnn", "figure_7a_objective_vs_learning_rate.png"),
}
"""Picture -> the study and its figure."""


def gallery() -> bytes:
    """All samples beside each other, as SVG; the same bytes every time."""
    return style.files("sample_runs", _draw)["sample_runs.svg"]


def _draw(figure: Figure) -> str:
    rows = -(-len(SAMPLES) // COLUMNS)
    figure.set_size_inches(COLUMNS * PANEL_INCHES[0], rows * PANEL_INCHES[1])
    panels = figure.subplots(rows, COLUMNS).flat
    for axes, sample in zip(panels, SAMPLES, strict=False):
        _draw_sample(axes, sample)
    for axes in list(panels)[len(SAMPLES) :]:
        axes.set_axis_off()
    figure.supxlabel("step", fontsize=9)
    return "The training losses of the sample runs on logarithmic axes, the first finding of each marked."


def _draw_sample(axes: Axes, sample: Sample) -> None:
    report = report_of_logs(gather([str(FOLDER / sample.file)]))
    # drawn from what was judged, so that a picture never shows another curve
    loss = report.runs[0].curves["train_loss"].finite
    axes.plot(loss.step, loss.value, color=INK[report.verdict], linewidth=0.8)
    style.make_log(axes, "y", *_limits(loss))
    axes.set_title(f"{sample.file}\n{report.verdict} {_codes(report)}".rstrip(), fontsize=8)
    axes.tick_params(labelsize=7, which="both")
    _mark(axes, report, loss)


def _limits(loss: Curve) -> tuple[float, float]:
    """The loss with some room above, for the arrow, and two ticks at least."""
    low, high = float(loss.value.min()), float(loss.value.max())
    room = max((high / low) ** 0.1, 1.3)
    return low / room, high * room**3


def _codes(report: Report) -> str:
    return " ".join(finding.code for finding in report.findings)


def _mark(axes: Axes, report: Report, loss: Curve) -> None:
    """An arrow at the first step that was found to be wrong, where there is one."""
    first = [f.first_step for f in report.findings if f.severity == "error" and f.first_step is not None]
    if not first:
        return
    at = min(int(np.searchsorted(loss.step, min(first))), len(loss) - 1)
    axes.annotate(
        "", (loss.step[at], loss.value[at]), xytext=(0, 22), textcoords="offset points", arrowprops={"arrowstyle": "->"}
    )


def run_studies(out: Path) -> None:
    """Runs the studies and copies their figures."""
    for name, command in STUDIES.items():
        asked = [sys.executable, "-m", "lrdoctor", *command, "--out", str(out / name), "--fail-on", "never", "-q"]
        subprocess.run(asked, cwd=ROOT, check=True)
    for picture, (name, figure) in FROM_STUDIES.items():
        (PICTURES / picture).write_bytes((out / name / "figures" / figure).read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", action="store_true", help="also run the studies and take their figures")
    parser.add_argument("--out", type=Path, default=ROOT / "lrdoctor_out" / "pictures", help="folder of these studies")
    given = parser.parse_args()
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "sample_runs.svg").write_bytes(gallery())
    if given.studies:
        run_studies(given.out)


if __name__ == "__main__":
    main()
