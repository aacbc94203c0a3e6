"""Made-up sweeps, and what the rules for studies say of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from synthetic_studies import decay, rate, run_of

from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.study import Cut, Rate, Stage, Study
from lrdoctor.procedures.sweep import measure
from lrdoctor.rules import judge_study

BEST = 0.1


def sweep(*rates: Rate) -> Study:
    """The measured study of these rates."""
    return measure(Study(name="s", runs=(), rates=tuple(sorted(rates, key=lambda r: r.base_learning_rate))))


def judged(study: Study) -> tuple[list[str], list[str]]:
    """Codes of the findings, codes of the skips."""
    results = list(judge_study(study))
    return [r.code for r in results if isinstance(r, Finding)], [r.code for r in results if isinstance(r, Skip)]


LOWER = rate(0.05, objective=1.2)
STAR = rate(BEST, objective=0.9)


def feasible(*rates: float, stage: str = "grid") -> list[Rate]:
    return [rate(r, objective=1.1, stage=stage) for r in rates]


def unstable(r: float, stage: str = "grid") -> Rate:
    return rate(r, unstable=True, stage=stage)


@pytest.mark.parametrize(
    ("rates", "findings", "skips"),
    [
        # the margin, and whether a swept rate lies between lr* and the edge
        ([unstable(0.2)], ["LRD401"], []),
        ([*feasible(0.15), unstable(0.2)], ["LRD401"], []),
        ([*feasible(0.15), unstable(0.21)], ["LRD402"], []),
        ([unstable(0.21)], ["LRD401"], []),
        ([unstable(0.49)], ["LRD401"], []),
        ([unstable(0.5)], ["LRD402"], []),
        ([unstable(0.8)], ["LRD402"], []),
        ([*feasible(0.2, stage="check"), unstable(0.21)], ["LRD401"], []),
        ([*feasible(0.2), unstable(0.5, "check")], ["LRD402"], []),
        ([*feasible(0.2), unstable(1.0, "check")], ["LRD402"], []),
        ([*feasible(0.2), unstable(1.099)], ["LRD402"], []),
        ([*feasible(0.2), unstable(1.2)], [], []),
        # no instability up to ten times the best rate, within a tenth
        (feasible(0.2, 0.5, 1.0), [], []),
        (feasible(0.2, 0.5, 0.91), [], []),
        (feasible(0.2, 0.5, 0.89), [], ["LRD402"]),
        (feasible(0.2), [], ["LRD402"]),
        ([*feasible(0.2, 0.5), rate(1.0, n_judged=0)], [], ["LRD402"]),  # its trials failed
        # corners
        ([], ["LRD403"], ["LRD402"]),
        (feasible(0.5, 1.0, stage="check"), ["LRD403"], []),
        ([unstable(0.4, "check")], ["LRD401", "LRD403"], []),
    ],
)
def test_verdict_on_a_sweep(rates: list[Rate], findings: list[str], skips: list[str]) -> None:
    assert judged(sweep(LOWER, STAR, *rates)) == (findings, skips)


@pytest.mark.parametrize(
    ("stage", "rates", "findings", "skips"),
    [
        # while the grid or its seeds are not done lr* may move: neither an edge nor room is told
        ("grid", [unstable(0.2)], [], ["LRD401", "LRD402"]),
        ("extension", [unstable(0.2)], [], ["LRD401", "LRD402"]),
        (None, [unstable(0.2)], [], ["LRD401", "LRD402"]),
        (None, [*feasible(0.2), unstable(1.2)], [], ["LRD401", "LRD402"]),
        # nor is a corner, which the next rates would show to be none
        ("extension", [], [], ["LRD401", "LRD402", "LRD403"]),
        # the checks can only find the edge further down
        ("check", [unstable(0.2)], ["LRD401"], []),
        ("check", [*feasible(0.2), unstable(1.2)], [], ["LRD401"]),
        ("check", feasible(0.2), [], ["LRD401", "LRD402"]),
        ("check", feasible(0.2, 0.5, 1.0), [], ["LRD401"]),
        # so can the bisection, down to the rate below
        ("refinement", [unstable(0.2)], ["LRD401"], []),
        ("refinement", [*feasible(0.2), unstable(1.2)], [], ["LRD401"]),
        ("refinement", [*feasible(0.2, 0.3), unstable(0.5)], ["LRD402"], []),
        ("refinement", [*feasible(0.2, 0.9), unstable(1.2)], [], []),
    ],
)
def test_a_sweep_that_a_budget_ended_says_what_no_further_trial_can_change(
    stage: Stage | None, rates: list[Rate], findings: list[str], skips: list[str]
) -> None:
    study = replace(sweep(LOWER, STAR, *rates), cut=Cut(stage=stage, left_out="1 trial"))
    assert judged(study) == (findings, skips)


def test_where_nothing_trains_yet_a_budget_leaves_that_open() -> None:
    found = sweep(unstable(0.1), unstable(0.2))
    assert judged(found)[0] == ["LRD401"]
    assert judged(replace(found, cut=Cut(stage="extension", left_out="1 trial"))) == ([], ["LRD401", "LRD402"])


@pytest.mark.parametrize(
    ("rates", "findings", "skips"),
    [
        ([], [], ["LRD402"]),
        ([rate(0.1, n_judged=0)], [], ["LRD402"]),
        ([unstable(0.1), unstable(0.2)], ["LRD401"], ["LRD402"]),
        # the best is the lowest rate tried
        ([STAR, *feasible(0.2, 0.5, 1.0)], ["LRD403"], []),
        # below the best one all are infeasible: no corner
        ([unstable(0.02), STAR, *feasible(0.2, 0.5, 1.0)], ["LRD401"], []),
        # so they are at a rate ten times lower, which no rate explains
        ([unstable(0.01), STAR, *feasible(0.2, 0.5, 1.0)], ["LRD404"], ["LRD401", "LRD402", "LRD403"]),
    ],
)
def test_verdict_on_an_odd_sweep(rates: list[Rate], findings: list[str], skips: list[str]) -> None:
    assert judged(sweep(*rates)) == (findings, skips)


@pytest.mark.parametrize("tried", [(), (BEST, 1.0)], ids=["nothing", "the given rates"])
@pytest.mark.parametrize(
    ("edge", "findings"),
    [(0.05, ["LRD401"]), (0.2, ["LRD401"]), (0.21, ["LRD402"]), (0.49, ["LRD402"]), (1.0, ["LRD402"]), (1.2, [])],
)
def test_where_nothing_was_swept_the_margin_alone_decides(
    tried: tuple[float, ...], edge: float, findings: list[str]
) -> None:
    rates = tuple(rate(r, objective=1.0, stage="check") for r in tried)
    study = Study(name="s", runs=(), rates=rates, best_learning_rate=BEST, unstable_base_learning_rate=edge)
    assert judged(study) == (findings, [])
    for found in judge_study(study):
        assert isinstance(found, Finding)
        assert found.code != "LRD401" or found.message.startswith("the best learning rate 0.1, as given, sits at the")


def test_without_a_best_and_without_rates_there_is_no_edge() -> None:
    assert judged(Study(name="s", runs=(), unstable_base_learning_rate=0.1)) == ([], ["LRD402"])


def only(study: Study, code: str) -> Finding:
    (found,) = [f for f in judge_study(study) if f.code == code]
    assert isinstance(found, Finding)
    return found


def test_figures_of_the_margin() -> None:
    edge = only(sweep(LOWER, STAR, unstable(0.15)), "LRD401")
    assert (edge.observed, edge.threshold) == (pytest.approx(1.5), 2.0)
    assert "0.1 sits at the edge of instability: training is unstable from 0.15 on, only 1.5x higher" in edge.message
    below = only(sweep(unstable(0.02), STAR, *feasible(0.2, 0.5, 1.0)), "LRD401")
    assert below.message.endswith("training is already unstable at 0.02, below it")
    small = only(sweep(LOWER, STAR, *feasible(0.2), unstable(0.5)), "LRD402")
    assert (small.observed, small.threshold) == (pytest.approx(5.0), 10.0)
    none = only(sweep(unstable(0.1)), "LRD401")
    assert (none.observed, none.threshold) == (0.0, 1.0)
    corner = only(sweep(LOWER, STAR, *feasible(0.5, 1.0, stage="check")), "LRD403")
    assert (corner.observed, corner.threshold) == (0.1, None)
    assert corner.message.endswith(
        "is the highest one swept: the best one may lie beyond it; set sweep.max further out"
    )


@pytest.mark.parametrize(
    ("rates", "advice"),
    [
        ([LOWER, STAR, rate(0.2, n_judged=0)], "all trials at the higher ones failed: see why"),
        ([LOWER, STAR, rate(0.01, n_judged=0)], "set sweep.max further out"),
        ([rate(0.05, n_judged=0), STAR, *feasible(0.2)], "all trials at the lower ones failed: see why"),
        ([STAR, *feasible(0.2), rate(0.5, n_judged=0)], "set sweep.min further out"),
    ],
)
def test_a_corner_beside_failed_trials_points_at_them(rates: list[Rate], advice: str) -> None:
    assert only(sweep(*rates), "LRD403").message.endswith(f"one swept: the best one may lie beyond it; {advice}")


@pytest.mark.parametrize(
    ("lengths", "skips"), [((19, 19), ["LRD402"]), ((19, 20), []), ((400, 400), []), ((0, 1), ["LRD402"])]
)
def test_a_room_that_no_trial_is_long_enough_to_show_is_not_claimed(lengths: tuple[int, ...], skips: list[str]) -> None:
    roomy = sweep(LOWER, STAR, *feasible(0.2, 0.5, 1.0))
    assert judged(replace(roomy, runs=tuple(run_of(decay(400)[:n]) for n in lengths))) == ([], skips)
