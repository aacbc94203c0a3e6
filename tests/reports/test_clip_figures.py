from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from clip_studies import run
from matplotlib.figure import Figure
from section_samples import attempt, section
from test_figures import svg_text

from lrdoctor.core.fix_sections import ClipResult
from lrdoctor.reports.figures import clip_figures
from lrdoctor.reports.figures.norms import Mark, bar_edges, norm_plot
from lrdoctor.reports.figures.norms_draw import draw_norms_by_step

NORMS = [1.0, 2.0, 3.0, 50.0, math.inf]
NAMES = ("figure_9_gradient_norm_by_step", "figure_9_gradient_norm_histogram")


def clip(*tried: tuple[float, float], best: tuple[float, float] | None = None, **changes: Any) -> ClipResult:
    fields: dict[str, Any] = {
        "norms": {
            "base_learning_rate": 0.01,
            "seeds": [0, 1],
            "left_out": [],
            "n_norms": 7,
            "percentiles": [{"percentile": 90.0, "median": 4.0, "low": 4.0, "high": 4.0}],
        },
        "attempts": [attempt()] + [attempt(percentile=q, clip_norm=n) for q, n in tried],
        "percentile": best[0] if best else None,
        "clip_norm": best[1] if best else None,
    }
    made: ClipResult = section("clip", fields | changes)
    return made


RUNS = [run(0.01, 0, NORMS), run(0.01, 1, [0.0, 5.0]), run(0.01, 2, [7.0]), run(0.1, 0, [9.0])]
RUNS += [run(0.01, 0, [8.0], clip=2.0)]


def test_only_the_norms_that_the_thresholds_come_from_are_drawn() -> None:
    plot = norm_plot("mlp", RUNS, clip((90.0, 4.0)))
    assert plot is not None
    assert plot.seeds == (0, 1)
    assert [curve.value.tolist() for curve in plot.curves] == [[1.0, 2.0, 3.0, 50.0], [5.0]]
    assert (sum(plot.counts), plot.not_drawn) == (5, 1)
    assert plot.low < 1.0 < 50.0 < plot.high


@pytest.mark.parametrize(
    ("of", "marks"),
    [
        (clip(), (Mark(4.0, 90.0, 0.4),)),
        (clip((90.0, 4.0), best=(90.0, 4.0)), (Mark(4.0, 90.0, 0.4),)),
        (clip((90.0, 4.0), (80.0, 2.5), best=(80.0, 2.5)), (Mark(4.0, 90.0, 0.4), Mark(2.5, 80.0, 0.6))),
    ],
)
def test_the_thresholds_are_marked(of: ClipResult, marks: tuple[Mark, ...]) -> None:
    plot = norm_plot("mlp", RUNS, of)
    assert plot is not None
    assert plot.marks == marks


@pytest.mark.parametrize(
    ("low", "high", "at"), [(1.0, 50.0, 4.0), (2.0, 2.0, 2.0), (1e-9, 1e9, 3.0), (1.0, 2.0, 9.0), (1.0, 2.0, 0.1)]
)
def test_no_bar_lies_across_the_threshold(low: float, high: float, at: float) -> None:
    edges = bar_edges(low, high, at)
    assert edges == sorted(set(edges))
    assert edges[0] < low <= high < edges[-1]
    if edges[0] <= at <= edges[-1]:
        assert at in edges


def test_trials_of_other_optimizers_and_models_are_not_the_specs_own() -> None:
    (one,) = [made for made in RUNS if made.trial is not None and made.trial.base_learning_rate == 0.1]
    assert one.trial is not None
    others = [replace(one, trial=replace(one.trial, **{key: value})) for key, value in OTHERS.items()]
    plot = norm_plot("mlp", [*RUNS, *others], clip((90.0, 4.0)), unstable=0.1)
    assert plot is not None
    assert plot.unstable is not None
    assert plot.unstable.seeds == (0,)


OTHERS: dict[str, Any] = {"optimizer": "adam", "rewrite": "zero_init", "autoclip_percentile": 10.0, "clip_norm": 1.0}


def test_a_seed_has_one_colour_in_both_panels() -> None:
    runs = [*RUNS[:2], run(0.1, 1, [9.0, 8.0]), run(0.1, 2, [9.0, 7.0])]
    plot = norm_plot("mlp", runs, clip((90.0, 4.0)), unstable=0.1)
    assert plot is not None
    assert plot.unstable is not None
    figure = Figure()
    draw_norms_by_step(replace(plot, unstable=replace(plot.unstable, seeds=(1, 2), curves=plot.curves)))(figure)
    first, second = ({str(line.get_label()): line.get_color() for line in axes.lines} for axes in figure.axes)
    assert [label for label in (*first, *second) if label.startswith("seed")] == [
        "seed 0",
        "seed 1",
        "seed 1",
        "seed 2",
    ]
    assert first["seed 1"] == second["seed 1"]
    assert len({first["seed 0"], first["seed 1"], second["seed 2"]}) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()][:3] == ["seed 0", "seed 1", "seed 2"]


def test_the_figures_are_the_same_bytes_again_and_say_what_they_show() -> None:
    drawn = clip_figures("mlp", RUNS, clip((90.0, 4.0), best=(80.0, 2.5)))
    assert sorted(drawn) == sorted(f"{name}.{kind}" for name in NAMES for kind in ("png", "svg"))
    assert clip_figures("mlp", RUNS, clip((90.0, 4.0), best=(80.0, 2.5))) == drawn
    for name, texts in zip(
        NAMES, (["seed 0", "seed 1"], ["clipping would scale these down", "updates, of 2 seeds"]), strict=True
    ):
        text = svg_text(drawn[f"{name}.svg"])
        for wanted in ["gradient norms at lr* = 0.01; 40 % above 4", "4, 90th percentile", "2.5, 80th", *texts]:
            assert wanted in text


def test_a_threshold_below_the_norms_is_not_named_by_their_percentile() -> None:
    text = svg_text(clip_figures("mlp", RUNS, clip((90.0, 4.0), best=(0.0, 0.5)))[f"{NAMES[0]}.svg"])
    assert "0.5, below nearly all norms" in text
    assert "0th percentile" not in text.replace("90th percentile", "")


@pytest.mark.parametrize("of", [clip(norms=None), None, clip()])
def test_nothing_is_drawn_of_nothing(of: ClipResult | None) -> None:
    assert clip_figures("mlp", [run(0.01, 0, [0.0, math.nan])], of) == {}
