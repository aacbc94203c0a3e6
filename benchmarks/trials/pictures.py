"""Contact sheets of the zoo for the eye that labels it: one a workload, a row a rate, a column a seed.

In every panel: the training loss (thin) and its running median (thick), the control in grey, the validation loss as
dots, the trivial level dashed. All panels of a sheet share their axes; what leaves the top is said in the title.

    python -m benchmarks.trials.curves CURVES && python -m benchmarks.trials.pictures CURVES
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.trials.trivial import trivial_level
from benchmarks.trials.workloads import SEEDS, ZOO, Workload

HEADROOM = 20.0
"""The axis ends this many times above the control's greatest loss, so that a divergence leaves room for the rest."""

Values = npt.NDArray[np.float64]


def sheet(workload: Workload, curves: dict[str, Any]) -> Figure:
    """The contact sheet of one workload."""
    level = trivial_level(workload)
    controls = [_values(curves[f"control {seed}"]["train"]) for seed in SEEDS]
    finite = np.concatenate([_values(c["train"]) for c in curves.values()])
    finite = finite[np.isfinite(finite)]
    top = min(float(finite.max()), HEADROOM * max(float(np.nanmax(c[np.isfinite(c)])) for c in controls))
    figure = Figure(figsize=(16, 2.5 * len(workload.rates)), layout="constrained")
    axes = figure.subplots(len(workload.rates), len(SEEDS), sharex=True, sharey=True)
    for row, rate in zip(axes, workload.rates, strict=True):
        for panel, seed, control in zip(row, SEEDS, controls, strict=True):
            _draw(panel, curves[f"{rate:g} {seed}"], control, level)
            panel.set_title(f"{rate:g}, seed {seed}: {_numbers(curves[f'{rate:g} {seed}'], control)}", fontsize=6)
    if finite.min() > 0:
        axes[0, 0].set_yscale("log")
        axes[0, 0].set_ylim(max(float(finite.min()), top * 1e-6) * 0.8, top * 1.2)
    else:
        axes[0, 0].set_yscale("symlog", linthresh=2.0)
        axes[0, 0].set_ylim(float(finite.min()) * 1.2, top * 1.2)
    figure.suptitle(f"{workload.name} ({workload.kind}, {workload.optimizer.get('name', 'own optimizer')})")
    return figure


def _draw(panel: Axes, curve: dict[str, Any], control: Values, level: float | None) -> None:
    loss = _values(curve["train"])
    window = max(3, len(control) // 20)
    smooth = [float(np.median(loss[max(0, i - window + 1) : i + 1])) for i in range(len(loss))]
    panel.plot(control, color="0.7", linewidth=0.6)
    panel.plot(loss, color="tab:blue", linewidth=0.5)
    panel.plot(smooth, color="navy", linewidth=1.4)
    if curve["val"]:
        panel.plot([s for s, _ in curve["val"]], _values([v for _, v in curve["val"]]), "o", color="tab:red", ms=3)
    if level is not None:
        panel.axhline(level, color="tab:green", linestyle="--", linewidth=0.8)
    panel.tick_params(labelsize=6)


def _numbers(curve: dict[str, Any], control: Values) -> str:
    """First loss, the greatest one and how far above the control, the mean of the middle and the last tenth."""
    loss = _values(curve["train"])
    tenth = max(1, len(control) // 10)
    step = int(np.nanargmax(loss))
    middle = loss[len(loss) // 2 - tenth // 2 : len(loss) // 2 + tenth // 2].mean()
    val = curve["val"][-1][1] if curve["val"] else None
    return (
        f"{curve['status']}, {len(loss)} steps: first {loss[0]:.3g} max {loss[step]:.3g} at {step} "
        f"(control {control[step]:.3g}) mid {middle:.3g} last {loss[-tenth:].mean():.3g} "
        f"val {'-' if val is None else format(val, '.3g')}"
    )


def _values(found: list[float | None]) -> Values:
    return np.array([np.inf if v is None else v for v in found], dtype=np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", type=Path, help="folder that benchmarks.trials.curves has written; pictures go there")
    parser.add_argument("--only", nargs="*", default=[w.name for w in ZOO])
    options = parser.parse_args()
    for workload in ZOO:
        found = options.curves / f"{workload.name}.json"
        if workload.name in options.only and found.exists():
            sheet(workload, json.loads(found.read_text())).savefig(options.curves / f"{workload.name}.png", dpi=75)


if __name__ == "__main__":
    main()
