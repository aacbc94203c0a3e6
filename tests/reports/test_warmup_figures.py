from __future__ import annotations

import doctest
import functools
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from report_samples import RATES, rate, report, run, sweep_of
from warmup_samples import RUNS, TABLES, short_run

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.reports.figures import warmup as curves_module
from lrdoctor.reports.figures import warmup_figures
from lrdoctor.reports.figures.series import series
from lrdoctor.reports.figures.warmup import MOST_CURVES, thinned, warmup_curves
from lrdoctor.reports.figures.with_fix import with_warmup

NAMES = ("figure_6_training_loss_by_warmup_steps", "figure_8_objective_with_warmup")
SAMPLES: dict[str, list[Run]] = {
    "held": RUNS,
    "own": RUNS,
    "nothing": RUNS,
    "failed": [short_run(0.5, 1, status="failed", exit_reason="killed")],
}


@functools.cache
def figures(name: str) -> dict[str, bytes]:
    return warmup_figures(report(warmup=TABLES[name], sweep=sweep_of(RATES)), "mlp10", SAMPLES[name])


def svg_text(content: bytes) -> str:
    root = ElementTree.fromstring(content)
    return " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))


@pytest.mark.parametrize(
    ("name", "figure", "texts"),
    [
        (
            "held",
            0,
            [
                "mlp10",
                "warmup to 0.5",
                "axis ends at 63",
                "17 steps: holds in 3 of 5",
                "1 step: holds in 0 of 5",
                "update, counted from 1",
                "training loss",
                "learning rate",
                "ends non-finite",
                "other seeds",
            ],
        ),
        (
            "held",
            1,
            [
                "warmup verified: highest stable rate",
                "0.02 without, 0.5 with",
                "without: infeasible",
                "warmup, 17 steps",
                "base learning rate",
                "best validation loss",
                "lr* 0.004642",
                "unstable without it from 0.01",
            ],
        ),
        ("own", 1, ["the spec's warmup, 5 steps: infeasible", "warmup, 17 steps"]),
        ("nothing", 0, ["warmup to 0.5", "1 step: holds in 0 of 5"]),
        ("nothing", 1, ["no warmup held: nothing to compare", "without"]),
        ("failed", 0, ["no trial could be judged"]),
        ("failed", 1, ["no warmup held"]),
    ],
)
def test_figures_say_it_in_real_text(name: str, figure: int, texts: list[str]) -> None:
    shown = svg_text(figures(name)[f"{NAMES[figure]}.svg"])
    assert [text for text in texts if text not in shown] == []


@pytest.mark.parametrize("name", TABLES)
def test_every_search_gives_four_files(name: str) -> None:
    files = figures(name)
    assert sorted(files) == sorted(f"{figure}.{kind}" for figure in NAMES for kind in ("png", "svg"))
    assert all(files[f"{figure}.png"].startswith(b"\x89PNG") for figure in NAMES)


def test_same_search_gives_the_same_bytes_whatever_the_user_configured() -> None:
    with matplotlib.rc_context({"font.size": 20, "svg.hashsalt": "other"}):
        assert warmup_figures(report(warmup=TABLES["held"], sweep=sweep_of(RATES)), "mlp10", RUNS) == figures("held")


@pytest.mark.parametrize(
    ("name", "base", "steps"), [("held", 0.5, [1, 10, 17, 30]), ("nothing", 0.5, [1, 30]), ("failed", 0.5, [])]
)
def test_figure_6_shows_the_rate_that_was_reached(name: str, base: float, steps: list[int]) -> None:
    curves = warmup_curves("x", TABLES[name], SAMPLES[name])
    assert curves.base_learning_rate == base
    assert [trace.warmup_steps for trace in curves.traces] == steps


def test_many_warmups_are_thinned_out_around_the_one_that_holds() -> None:
    rows = tuple(replace(TABLES["held"].tried[0], warmup_steps=n) for n in (1, 2, 4, 8, 16, 17, 32, 64))
    runs = [short_run(0.5, row.warmup_steps) for row in rows]
    curves = warmup_curves("x", replace(TABLES["held"], tried=rows), runs)
    assert (len(curves.traces), curves.not_drawn) == (MOST_CURVES, 2)
    assert [trace.warmup_steps for trace in curves.traces] == [4, 8, 16, 17, 32, 64]


def test_whole_runs_and_other_rates_are_not_in_figure_6() -> None:
    curves = warmup_curves("x", TABLES["held"], [*RUNS, run(0.5, 9)])
    assert [len(trace.others) for trace in curves.traces] == [1, 0, 2, 2]
    assert curves.cut_above


def test_a_spike_of_one_step_survives_thinning() -> None:
    values = np.ones(50_000)
    values[[3, 40_000]] = 9.0
    thin = thinned(Curve.of(values))
    assert list(thin.step[thin.value == 9.0]) == [4, 40_001]
    assert thin.step[0] == 1


def test_doctests() -> None:
    assert doctest.testmod(curves_module).failed == 0


def test_a_line_of_figure_8_ends_where_a_rate_is_infeasible() -> None:
    rows = [rate(1.0), rate(0.1), rate(0.3, feasible=0), rate(0.5, n=0, feasible=0), rate(0.01)]
    one = series("x", rows)
    assert [[point.learning_rate for point in line] for line in one.lines] == [[0.01, 0.1], [1.0]]
    assert one.infeasible == (0.3,)


def test_figure_8_adds_the_sweep_up_to_the_base_rate() -> None:
    swept = [rate(0.001), rate(0.01, 9.0), rate(3.0)]
    plot = with_warmup("x", TABLES["held"], swept, 0.01, 0.05)
    assert plot.without.rates == (0.001, 0.01, 0.05, 0.5)
    assert plot.without.points[1].objective == 0.2  # of the comparison
    assert plot.with_fix.rates == (0.01, 0.05, 0.5)
