from __future__ import annotations

import functools
import math
import struct
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from typing import Any

import matplotlib
import pytest
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from report_samples import falling, one_seed, rate, run, study, sweep

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.reports.figures import sweep_figures

NAMES = ("figure_7a_objective_vs_learning_rate", "figure_7b_training_loss_above_best")
NORMS = ("figure_9_gradient_norm_by_step", "figure_9_gradient_norm_histogram")
NAN, INF = math.nan, math.inf


def with_norms(of: Run, norms: list[float]) -> Run:
    return replace(of, curves={**of.curves, "grad_norm": Curve.of(norms)})


HEALTHY = sweep((0.001, 0.01, 0.05, 0.1), best_learning_rate=0.01)
EDGE = study(
    [
        rate(0.001, 20.0),
        rate(0.01, 0.2, feasible=3),
        rate(0.02, feasible=0, stage="refinement"),
        rate(0.1, feasible=0),
    ],
    [run(0.01, seed, train=falling(), val=[0.2 + seed]) for seed in range(3)]
    + [run(0.02, train=[*falling(50), 5.0, 3e38, INF], status="diverged")],
    best_learning_rate=0.01,
    unstable_base_learning_rate=0.02,
)
STUDIES = {
    "norms": study(
        [rate(0.01), rate(0.1, feasible=0)],
        [with_norms(run(0.01, train=falling()), [1.0, 2.0, 3.0] * 10), with_norms(run(0.1), [50.0, 1e30, INF])],
        best_learning_rate=0.01,
        unstable_base_learning_rate=0.1,
    ),
    "healthy": HEALTHY,
    "edge": EDGE,
    "nothing feasible": study([rate(0.01, feasible=0), rate(0.1, feasible=0)], [run(0.01, train=falling())]),
    "one rate": sweep((0.01,), best_learning_rate=0.01),
    "negative losses": study(
        [one_seed(0.01, -3.0), one_seed(0.1, -1.0)],
        [run(0.01, train=-falling(), val=[-3.0]), run(0.1, train=[-1.0, 1e30, NAN], val=[-1.0])],
        best_learning_rate=0.01,
    ),
    "nothing judged": study([rate(0.01, n=0, feasible=0), rate(0.1, n=0, feasible=0)]),
    "nothing measured": study([rate(0.01, NAN)], best_learning_rate=0.01),
    "all equal": study([one_seed(0.01, 0.0)], [run(0.01, train=[0.0, 0.0])], best_learning_rate=0.01),
    "one step": study([one_seed(0.01)], [run(0.01, train=[2.0])], best_learning_rate=0.01),
    "empty": study([]),
    "odd name": study([], name="$x_ [red] \x1b[31m\x00 損失 <&> \n" + "long " * 40),
}


@functools.cache
def figures(name: str) -> dict[str, bytes]:
    return sweep_figures(STUDIES[name])


def svg_text(content: bytes) -> str:
    root = ElementTree.fromstring(content)
    return " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_gives_readable_files(name: str) -> None:
    files = figures(name)
    expected = (*NAMES, *NORMS) if name == "norms" else NAMES
    assert sorted(files) == sorted(f"{figure}.{kind}" for figure in expected for kind in ("png", "svg"))
    for figure in expected:
        png = files[f"{figure}.png"]
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", png[16:24])
        assert width == 1040  # a phone's column
        assert 500 < height < 1800
        assert svg_text(files[f"{figure}.svg"])


@pytest.mark.parametrize(
    ("name", "figure", "texts"),
    [
        (
            "edge",
            0,
            [
                "mlp10",
                "lr* = 0.01, unstable from 0.02 (2x lr*)",
                "base learning rate",
                "best validation loss",
                "(median of up to 5 seeds)",
                "5x lr*",
                "infeasible, tried as a check",
                "some seeds infeasible",
                "range over the seeds",
                "unstable from 0.02",
                "best, lr* = 0.01",
            ],
        ),
        ("edge", 1, ["training loss", "step (optimizer updates)", "0.02 = 2x lr*", "ends non-finite"]),
        ("healthy", 0, ["lr* = 0.01, no instability found up to 10x lr*", "(1 seed)", "10x lr*"]),
        ("nothing feasible", 0, ["no feasible learning rate", "infeasible"]),
        ("nothing feasible", 1, ["training loss at rates of which none is feasible", "0.01", "smoothed"]),
        ("norms", 2, ["gradient norms at lr* = 0.01", "at 0.1, the first unstable rate; 100 % above", "seed 0"]),
        ("norms", 3, ["updates, of 1 seed", "clipping would scale these down", "(the axis ends at"]),
        ("nothing judged", 0, ["(2 rates could not be judged)", "no learning rate was judged"]),
        ("nothing measured", 0, ["no objective was measured"]),
        ("negative losses", 1, ["axis ends at"]),
        ("odd name", 0, ["$x_ [red] \\x1b[31m\\x00 損失 <&> \\nlong"]),
    ],
)
def test_figures_say_it_in_real_text(name: str, figure: int, texts: list[str]) -> None:
    shown = svg_text(figures(name)[f"{(*NAMES, *NORMS)[figure]}.svg"])
    assert [text for text in texts if text not in shown] == []


def test_one_seed_has_no_range_to_show() -> None:
    assert "range" not in svg_text(figures("healthy")[f"{NAMES[0]}.svg"])


@pytest.mark.parametrize("name", ["healthy", "edge"])
def test_same_study_gives_the_same_bytes_whatever_the_user_configured(name: str) -> None:
    first = figures(name)
    with matplotlib.rc_context({"font.size": 20, "svg.hashsalt": "other", "lines.linewidth": 5}):
        assert sweep_figures(STUDIES[name]) == first


def test_a_figure_is_laid_out_once_for_both_of_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    laid_out: list[Figure] = []
    real = ConstrainedLayoutEngine.execute

    def execute(engine: ConstrainedLayoutEngine, fig: Figure) -> Any:
        laid_out.append(fig)
        return real(engine, fig)

    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", execute)
    files = sweep_figures(STUDIES["edge"])
    assert len(files) == 2 * len(laid_out) == 2 * len(set(laid_out)) > 0


def test_figures_of_one_page_share_no_id() -> None:
    files = figures("edge")
    roots = [ElementTree.fromstring(files[f"{name}.svg"]) for name in NAMES]
    generated = [{clip.get("id") for clip in root.iter("{http://www.w3.org/2000/svg}clipPath")} for root in roots]
    assert generated[0]
    assert not generated[0] & generated[1]


def test_settings_of_matplotlib_are_left_as_they_were() -> None:
    before = dict(matplotlib.rcParams)
    sweep_figures(STUDIES["empty"])
    assert dict(matplotlib.rcParams) == before
