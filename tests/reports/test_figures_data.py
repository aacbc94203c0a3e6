from __future__ import annotations

import math
from dataclasses import replace

import pytest
from report_samples import falling, one_seed, rate, run, study, sweep

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.study import Rate, Study
from lrdoctor.reports.figures.norms import swept_norms
from lrdoctor.reports.figures.objective import AxisPlot, Point, axis_plot, headline, is_log, y_limits
from lrdoctor.reports.figures.style import cut, log_ticks
from lrdoctor.reports.figures.training import Trace, TrainingCurves, pick_rates, training_curves

NAN, INF = math.nan, math.inf


def test_rates_are_sorted_into_lines_crosses_and_unknown() -> None:
    plot = axis_plot(
        study(
            [
                one_seed(0.001, 3.0),
                rate(0.01, 2.0, feasible=4),
                rate(0.02, feasible=2, stage="refinement"),
                one_seed(0.05, 1.0, stage="check"),
                one_seed(0.06, NAN),
                rate(0.07, n=0, feasible=0),
                rate(0.1, feasible=0),
            ],
            best_learning_rate=0.05,
            unstable_base_learning_rate=0.02,
        )
    )
    assert plot == AxisPlot(
        name="mlp10",
        objective="best_val_loss",
        n_seeds=5,
        lines=(
            (Point(0.001, 3.0, 3.0, 3.0, True), Point(0.01, 2.0, 1.8, INF, True)),
            (Point(0.05, 1.0, 1.0, 1.0, False),),
        ),
        infeasible=((0.02, False), (0.1, True)),
        not_drawn=2,
        best=0.05,
        missing="",
        unstable=0.02,
        stable_up_to=0.01 / 0.05,
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "best learning rate not determined"),
        ({"best_learning_rate": 0.01}, "lr* = 0.01, no instability found up to 10x lr*"),
        (
            {"best_learning_rate": 0.01, "unstable_base_learning_rate": 0.05},
            "lr* = 0.01, unstable from 0.05 (5x lr*)",
        ),
        ({"best_learning_rate": 0.1}, "lr* = 0.1, no higher rate was judged"),
    ],
)
def test_headline_of_the_axis_plot(changes: dict[str, float], words: str) -> None:
    assert headline(axis_plot(sweep((0.01, 0.05, 0.1), **changes))) == words


@pytest.mark.parametrize(
    ("objectives", "log"),
    [((0.1, 0.9), False), ((0.1, 1.1), True), ((-0.1, 10.0), False), ((0.0, 10.0), False), ((), False)],
)
def test_log_axis_only_for_positive_values_over_a_decade(objectives: tuple[float, ...], log: bool) -> None:
    assert is_log([Point(0.1, value, value, value, True) for value in objectives]) is log


@pytest.mark.parametrize(
    ("point", "log"),
    [
        (Point(0.1, 2.0, 1.0, INF, True), False),
        (Point(0.1, 0.0, 0.0, 0.0, True), False),
        (Point(0.1, -2.0, -2.0, -2.0, True), False),
        (Point(0.1, 2.0, -1.0, 300.0, True), True),
    ],
)
def test_limits_hold_the_values(point: Point, log: bool) -> None:
    low, high = y_limits([point], log)
    assert math.isfinite(low)
    assert low < point.objective < high
    assert low > 0 or not log
    assert math.isinf(point.high) or point.high < high


@pytest.mark.parametrize(
    ("tried", "unstable", "picked"),
    [
        ([0.01], None, [0.01]),
        ([0.001, 0.01, 0.02, 0.05, 0.1], None, [0.01, 0.02, 0.05, 0.1]),
        ([0.01, 0.015], None, [0.01, 0.015]),
        ([0.01, 0.012, 0.02, 0.05, 0.1, 1.0], 0.012, [0.01, 0.012, 0.02, 0.05, 0.1]),
        ([0.01, 0.02], 0.03, [0.01, 0.02]),
        ([0.005, 0.01, 0.02], 0.005, [0.01, 0.005, 0.02]),
    ],
)
def test_rates_shown_beside_the_best(tried: list[float], unstable: float | None, picked: list[float]) -> None:
    assert pick_rates(0.01, tried, unstable) == picked


def test_seed_with_the_median_objective_is_drawn_strongly() -> None:
    runs = [run(0.01, seed, train=[float(seed)], val=[val]) for seed, val in enumerate([0.3, 0.1, 0.2])]
    dead = run(0.01, 3, train=[3.0], val=[0.01], status="diverged")
    failed = run(0.01, 4, train=[4.0], status="failed")
    [at_best] = training_curves(study([rate(0.01)], [*runs, dead, failed], best_learning_rate=0.01)).rates
    assert list(at_best.median.curve.value) == [2.0]
    assert [trace.curve.value[0] for trace in at_best.others] == [1.0, 0.0, 3.0]


@pytest.mark.parametrize(
    ("sample", "break_at"),
    [
        (run(train=[1.0, 0.5]), None),
        (run(train=[1.0, 0.5, 9.0, NAN], status="diverged"), (2, 9.0)),
        (run(train=[1.0, INF]), (0, 1.0)),
        (run(train=[1.0, NAN, 0.5]), None),
        (run(train=[1.0, 0.5], status="diverged", exit_reason="grad_norm is nan"), (1, 0.5)),
    ],
)
def test_break_is_at_the_last_finite_loss(sample: Run, break_at: tuple[int, float] | None) -> None:
    curves = training_curves(study([rate(0.01)], [sample], best_learning_rate=0.01))
    assert curves.rates[0].median.break_at == break_at


def test_long_curve_is_thinned_and_keeps_its_spike() -> None:
    values = falling(20_000)
    values[12_345] = 7.0
    curves = training_curves(study([rate(0.01)], [run(train=values)], best_learning_rate=0.01))
    trace: Trace = curves.rates[0].median
    assert len(trace.curve) <= 180
    assert 12_345 in trace.curve.step
    assert (curves.high, curves.cut_above) == (7.0, False)


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ([2.0, 0.2], (False, 0.2, 2.0, False)),
        ([2.0, 0.02], (True, 0.02, 2.0, False)),
        ([2.0, 0.0], (False, 0.0, 2.0, False)),
        ([-2.0, -5.0], (False, -5.0, -2.0, False)),
    ],
)
def test_value_axis(train: list[float], expected: tuple[bool, float, float, bool]) -> None:
    curves = training_curves(study([rate(0.01)], [run(train=train)], best_learning_rate=0.01))
    assert (curves.log_y, curves.low, curves.high, curves.cut_above) == expected


@pytest.mark.parametrize(("usual", "high"), [([2.0, 1.0], 60.0), ([-1.0, -3.0], 1.0)])
def test_axis_ends_before_a_loss_on_its_way_to_infinity(usual: list[float], high: float) -> None:
    runs = [run(0.01, train=usual), run(0.1, train=[*usual, 1e30, INF], status="diverged")]
    sample = study([rate(0.01), rate(0.1)], runs, best_learning_rate=0.01, loss_at_init=None)
    curves = training_curves(sample)
    assert (curves.high, curves.cut_above) == (high, True)


@pytest.mark.parametrize(
    ("sample", "missing"),
    [
        (study([rate(0.01, feasible=0)]), "no feasible learning rate"),
        (study([rate(0.01, n=0, feasible=0)]), "no learning rate was judged"),
        (study([rate(0.01)]), "best learning rate not determined"),
        (study([rate(0.01)], best_learning_rate=0.01), "no training loss was recorded at lr*"),
        (
            study([rate(0.01)], [run(train=[NAN])], best_learning_rate=0.01),
            "no training loss was recorded at lr*",
        ),
    ],
)
def test_what_is_missing_is_said(sample: Study, missing: str) -> None:
    assert training_curves(sample) == TrainingCurves("mlp10", missing, (), False, 0.0, 1.0, False)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (8e-5, 2.0, [1e-4, 1e-3, 0.01, 0.1, 1.0]),
        (0.004, 0.3, [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]),
        (1e-12, 1e3, [1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 0.01, 1.0, 100.0]),
    ],
)
def test_log_ticks_are_round_and_few(low: float, high: float, ticks: list[float]) -> None:
    assert log_ticks(low, high) == pytest.approx(ticks)


def test_title_is_cut_by_the_width_of_its_characters() -> None:
    assert cut("損失" * 10, 6) == "損失…"
    assert cut("loss", 4) == "loss"


def test_curve_of_a_trace_is_the_raw_one() -> None:
    sample = study([rate(0.01)], [run(train=[3.0, 2.0, 2.5])], best_learning_rate=0.01)
    curve = Curve.of([3.0, 2.0, 2.5])
    assert training_curves(sample).rates[0].median == Trace(curve, curve, None)  # too few points to smooth


def test_without_a_best_rate_trainings_over_the_whole_range_are_shown() -> None:
    lrs = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
    sample = study([rate(lr, feasible=0) for lr in lrs], [run(lr, train=[1.0, 2.0]) for lr in lrs])
    curves = training_curves(sample)
    assert [(of.learning_rate, of.multiple) for of in curves.rates] == [
        (0.001, None), (0.01, None), (0.03, None), (0.3, None),
    ]  # fmt: skip


def test_norms_of_a_sweep_are_those_of_the_best_and_of_the_first_unstable_rate() -> None:
    def normed(lr: float, seed: int, norms: list[float]) -> Run:
        of = run(lr, seed)
        return replace(of, curves={**of.curves, "grad_norm": Curve.of(norms)})

    runs = [
        normed(0.01, 1, [1.0] * 9 + [2.0]),
        normed(0.01, 0, [1.0] * 9 + [4.0]),
        normed(0.1, 0, [0.5, 9.0, 1e9, INF]),
    ]
    plot = swept_norms(study([rate(0.01), rate(0.1)], runs, best_learning_rate=0.01, unstable_base_learning_rate=0.1))
    assert plot is not None
    assert plot.seeds == (0, 1)
    # the median over the seeds of the 90th percentile of each
    assert plot.marks[0].clip_norm == pytest.approx((1.1 + 1.3) / 2)
    assert (plot.marks[0].share, plot.high > 400.0) == (0.1, True)
    assert plot.unstable is not None
    assert plot.unstable.share == pytest.approx(2 / 3)
    assert (sum(plot.unstable.counts), plot.unstable.cut_above) == (3, True)


@pytest.mark.parametrize("rates", [[], [rate(0.01, n=0, feasible=0)], [rate(0.01)]])
def test_no_norms_no_figure(rates: list[Rate]) -> None:
    assert swept_norms(study(rates, [run(0.01)], best_learning_rate=0.01 if rates else None)) is None
