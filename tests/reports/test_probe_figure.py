from __future__ import annotations

import functools
import math
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import pytest
from report_samples import trial

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.sections import Peak, Probe, ProbedSeed
from lrdoctor.reports.figures import probe_figures
from lrdoctor.reports.figures.probe import LOG_CEILING, probe_plot

QUIET = 0.1 + 2.0 * np.exp(-np.arange(300) / 40)
PNG, SVG = "figure_5_every_step.png", "figure_5_every_step.svg"


def blown(height: float, at: int = 5) -> np.ndarray:
    values = QUIET.copy()
    values[at] = height
    return values


def run(seed: int, train: Sequence[float] | np.ndarray, val: Sequence[float] | np.ndarray = (), **changes: Any) -> Run:
    one = replace(trial(0.2, seed, 1000), stop_after=300, procedure="probe")
    curves = {"train_loss": Curve.of(train), "val_loss": Curve.of(val)}
    return Run(f"seed={seed}", f"{seed}", curves, trial=one, provenance={"evaluated": 256}, **changes)


Sample = tuple[str, tuple[Run, ...], Probe]


def probed(*runs: Run, eval_every: int = 50) -> Sample:
    """Name, runs and `Report.probe`, as the figure takes them."""
    seeds = tuple(_seed(run) for run in runs if run.status != "failed")
    said: dict[str, Any] = {"verdict": "stable", "n_unstable": 0, "n_hidden": 0, "missed": "", "note": ""}
    counts: dict[str, Any] = {"n_steps": 300, "n_seeds": len(runs), "n_judged": len(seeds)}
    at: dict[str, Any] = {"base_learning_rate": 0.2, "factor": 2.0, "eval_every": eval_every, "evaluated": 256}
    return "conv", runs, Probe(**at, **counts, **said, seeds=seeds)


def _seed(run: Run) -> ProbedSeed:
    def peak(curve: Curve) -> Peak | None:
        finite = curve.finite
        at = int(np.argmax(finite.value)) if len(finite) else 0
        return Peak(int(finite.step[at]), float(finite.value[at])) if len(finite) else None

    assert run.trial is not None
    train, val = peak(run.train_loss), peak(run.val_loss)
    return ProbedSeed(
        run=run.name,
        seed=run.trial.seed,
        first_loss=2.1,
        limit=4.2,
        train_peak=train,
        val_peak=val,
        train_seen=None,
        val_seen=None,
        blew_up=any(top is not None and top.value > 4.2 for top in (train, val)),
        shown=False,
        found=(),
    )


SAMPLES = {
    "blown up": probed(*(run(seed, blown(10.0 + seed), blown(50.0 * (seed + 1))) for seed in range(3))),
    "quiet": probed(run(0, QUIET, QUIET)),
    "no validation": probed(run(0, QUIET), run(1, QUIET)),
    "nan": probed(run(0, [2.0, 1e30, math.nan], [5.0, 1e35], status="diverged")),
    "negative": probed(run(0, -QUIET, -QUIET)),
    "one step": probed(run(0, [2.0], [2.0])),
    "all equal": probed(run(0, [0.0, 0.0], [0.0, 0.0])),
    "no schedule in sight": probed(run(0, QUIET, QUIET), eval_every=1000),
    "failed": probed(run(0, [], [], status="failed", exit_reason="out of memory")),
    "nothing": probed(),
}


@functools.cache
def figure(name: str) -> dict[str, bytes]:
    return probe_figures(*SAMPLES[name])


@pytest.mark.parametrize("name", SAMPLES)
def test_every_probe_gives_two_readable_files(name: str) -> None:
    files = figure(name)
    assert sorted(files) == [PNG, SVG]
    # a second row has the whole run, where that is longer than what the first one shows
    is_longer = probe_plot(*SAMPLES[name]).whole is not None
    assert struct.unpack(">II", files[PNG][16:24]) == (1720, 1540 if is_longer else 880)
    assert "step (optimizer updates)" in svg_text(files[SVG])


def svg_text(content: bytes) -> str:
    root = ElementTree.fromstring(content)
    return " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        (
            "blown up",
            [
                "learning rate 0.2 = 2x lr*",
                "training loss, first 150 steps",
                "the whole run, 300 steps",
                "evaluation loss (256 examples)",
                "every 50 steps",
                "other seeds",
            ],
        ),
        ("no validation", ["no validation data"]),
        ("failed", ["no seed was judged"]),
        ("nan", ["axis ends at"]),
    ],
)
def test_figure_5_says_it_in_real_text(name: str, texts: list[str]) -> None:
    shown = svg_text(figure(name)[SVG])
    assert [text for text in texts if text not in shown] == []


def test_the_same_probe_gives_the_same_bytes_whatever_the_user_configured() -> None:
    with matplotlib.rc_context({"font.size": 20, "svg.hashsalt": "other"}):
        assert probe_figures(*SAMPLES["blown up"]) == figure("blown up")


def test_the_seed_with_the_median_peak_is_drawn_strongly_in_both_panels() -> None:
    train, val = probe_plot(*SAMPLES["blown up"]).panels
    assert train.median is not None
    assert val.median is not None
    assert (train.median.every.value.max(), val.median.every.value.max()) == (11.0, 100.0)
    assert len(train.others) == len(val.others) == 2
    assert train.median.scheduled.step.tolist() == [49, 99, 149]


@pytest.mark.parametrize(
    ("sample", "n_shown"),
    [
        (probed(run(0, QUIET, QUIET), eval_every=1), 50),
        (probed(run(0, QUIET, QUIET), eval_every=50), 150),
        (probed(run(0, QUIET, QUIET), eval_every=1000), 300),
        (probed(run(0, QUIET, blown(50.0, at=120)), eval_every=10), 242),
        (probed(run(0, [2.0, 1.0])), 2),
        (SAMPLES["nothing"], 150),
    ],
)
def test_the_early_part_holds_evaluations_of_the_schedule_and_the_peak(sample: Sample, n_shown: int) -> None:
    assert probe_plot(*sample).n_shown == n_shown


@pytest.mark.parametrize(
    ("values", "log", "high", "cut"),
    [
        ([2.0, 1.9, 1.8], False, 2.0, False),
        ([2.0, 90.0, 1.8], True, 90.0, False),
        ([2.0, 1e9, 1.8], True, LOG_CEILING * 2.0, True),
        ([-2.0, 100.0, -1.0], False, 18.0, True),
    ],
)
def test_the_value_axis(values: list[float], log: bool, high: float, cut: bool) -> None:
    panel = probe_plot(*probed(run(0, values))).panels[0]
    assert (panel.log_y, panel.high, panel.cut_above) == (log, high, cut)
    assert panel.low == min(values)
