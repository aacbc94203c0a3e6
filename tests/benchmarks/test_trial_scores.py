"""What is read off a sweep's report, and how it is scored against the labels, on made-up reports and labels."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

from benchmarks.trials import judged, scores
from benchmarks.trials.judged import Curve, Judgement
from benchmarks.trials.labels import Expected, Label, Labelled
from benchmarks.trials.scores import Pair, Score
from lrdoctor.core.report import Verdict
from lrdoctor.core.study import Obstacle

SAID_NOTHING = Curve(unstable=False, kinds=frozenset())


def report(*findings: dict[str, Any], feasible: bool | None = True) -> dict[str, Any]:
    """Of a sweep with one run, `a`, at 0.1 and one at a rate that the sweep added."""
    runs = [
        {"name": "a", "base_learning_rate": 0.10001, "seed": 0, "feasible": feasible},
        {"name": "b", "base_learning_rate": 0.2, "seed": 0, "feasible": True},
    ]
    return {
        "verdict": "stable",
        "best_learning_rate": 0.1,
        "unstable_base_learning_rate": None,
        "runs": runs,
        "findings": list(findings),
    }


def finding(code: str, severity: str = "error", run: str | None = "a") -> dict[str, Any]:
    return {"code": code, "severity": severity, "run": run}


@pytest.mark.parametrize(
    ("findings", "feasible", "expected"),
    [
        ((), True, SAID_NOTHING),
        ((), False, Curve(True, frozenset())),
        ((finding("LRD201"),), True, Curve(True, frozenset({"early_blow_up"}))),
        ((finding("LRD203", "warning"),), True, Curve(True, frozenset({"rise"}))),
        ((finding("LRD301"), finding("LRD201")), False, Curve(True, frozenset({"stuck", "early_blow_up"}))),
        ((finding("LRD999"),), True, Curve(True, frozenset())),
        ((finding("LRD999", "warning"),), True, SAID_NOTHING),
        ((finding("LRD201", run="b"), finding("LRD402", "warning", run=None)), True, SAID_NOTHING),
    ],
)
def test_what_a_report_says_of_a_curve(findings: tuple[dict[str, Any], ...], feasible: bool, expected: Curve) -> None:
    """Only runs at the rates of the grid are read, and only findings about the run itself."""
    found = judged.read(report(*findings, feasible=feasible), [0.1]).curves
    assert found == {(0.1, 0): expected}


def test_a_run_that_failed_is_not_judged() -> None:
    assert judged.read(report(feasible=None), [0.1]).curves == {}


def test_a_finding_that_it_is_not_the_rate_excuses_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged, "NOT_THE_RATE_CODES", frozenset({"LRD900"}))
    found = judged.read(report(finding("LRD101"), finding("LRD900", "info"), feasible=False), [0.1])
    assert found.curves == {(0.1, 0): Curve(False, frozenset({"not_the_rate"}))}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("not_the_rate", Curve(False, frozenset({"not_the_rate"}))), ("no_effect", SAID_NOTHING)],
)
def test_what_keeps_a_sweep_from_judging_excuses_every_run(kind: str, expected: Curve) -> None:
    made = {**report(finding("LRD101"), feasible=False), "sweep": {"obstacle": {"kind": kind}}}
    assert judged.read(made, [0.1]).curves == {(0.1, 0): expected}


def test_where_nothing_is_learned_findings_stand() -> None:
    obstacle = {"sweep": {"obstacle": {"kind": "nothing_learned"}}}
    calm, lost = report(), report(finding("LRD101"), feasible=False)
    assert judged.read({**calm, **obstacle}, [0.1]).curves == {(0.1, 0): Curve(False, frozenset({"not_the_rate"}))}
    assert judged.read({**lost, **obstacle}, [0.1]).curves == {(0.1, 0): Curve(True, frozenset({"divergence"}))}


def test_every_obstacle_of_a_sweep_is_known() -> None:
    assert set(judged.OBSTACLES) == set(get_args(get_type_hints(Obstacle)["kind"]))


def pair(label: Label, *said: Label, also: tuple[Label, ...] = (), rate: float = 0.1, seed: int = 0) -> Pair:
    unstable = any(kind not in ("stable", "not_the_rate") for kind in said)
    return Pair(("net", rate, seed), Labelled(label, frozenset(also), "made up"), Curve(unstable, frozenset(said)))


def test_instability_is_scored_against_everything_else() -> None:
    found = [
        pair("stuck", "stuck"),
        pair("stuck", "rise"),  # another kind, and unstable all the same
        pair("rise"),
        pair("stable", "rise"),
        pair("not_the_rate", "divergence"),
        pair("stable"),
    ]
    assert scores.of_instability(found) == Score(hits=2, false=2, missed=1)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("stuck", Score(hits=1, false=0, missed=1)),
        ("early_blow_up", Score(hits=0, false=1, missed=0)),
        ("rise", Score(hits=0, false=1, missed=1)),
        ("stable", Score(hits=1, false=1, missed=0)),
    ],
)
def test_kinds_are_scored_by_themselves(kind: Label, expected: Score) -> None:
    found = [
        pair("stuck", "stuck", "early_blow_up", also=("early_blow_up",)),  # it shows both: no error
        pair("stuck", "early_blow_up", "rise", also=("rise",)),
        pair("rise"),
        pair("divergence", "rise"),
        pair("stable"),
    ]
    assert scores.of_kind(found, kind) == expected


def test_two_words_for_a_calm_curve() -> None:
    """Either will do where both are right, and neither where the curve is said to be unstable."""
    found = [
        pair("stable", "not_the_rate", also=("not_the_rate",)),
        pair("not_the_rate", also=("stable",)),
        pair("stable", "rise", also=("not_the_rate",)),
        pair("stable", "not_the_rate"),
    ]
    assert scores.of_kind(found, "stable") == Score(hits=0, false=0, missed=2)
    assert scores.of_kind(found, "not_the_rate") == Score(hits=0, false=1, missed=0)


def test_precision_recall_and_f1() -> None:
    score = Score(hits=6, false=2, missed=4)
    assert score.precision == 0.75
    assert score.recall == 0.6
    assert score.f1 == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    assert Score(0, 0, 3).f1 == 0
    assert Score(0, 0, 0).f1 is None


@pytest.mark.parametrize(
    ("verdict", "rate", "mark", "mark_rate"),
    [
        ("stable", 0.3, "right", "right"),
        ("stable", 0.1, "right", "WRONG"),
        ("stable", 0.9, "right", "WRONG"),
        ("stable", None, "right", "WRONG"),
        ("inconclusive", None, "acceptable", "acceptable"),
        ("unstable", 0.2, "WRONG", "right"),
    ],
)
def test_the_marks_of_a_sweep(verdict: Verdict, rate: float | None, mark: scores.Mark, mark_rate: scores.Mark) -> None:
    expected = Expected(("stable",), ("inconclusive",), (0.1, 0.3), "made up")
    said = Judgement(verdict, 0.01, rate, {})
    assert scores.mark(expected, said) == mark
    assert scores.mark_rate(expected, said) == mark_rate


def test_a_rate_is_wrong_where_there_is_none_to_name() -> None:
    expected = Expected(("inconclusive",), (), None, "made up")
    assert scores.mark_rate(expected, Judgement("inconclusive", None, None, {})) == "right"
    assert scores.mark_rate(expected, Judgement("unstable", 0.1, 0.2, {})) == "WRONG"


def test_the_lowest_collapse_is_what_has_to_be_caught() -> None:
    """One collapsed seed at 0.1 is not most of them; at 0.2 two of three are, one of them called by another name."""
    found = [
        pair("stuck", rate=0.1),
        pair("stuck", "stuck", rate=0.2, seed=0),
        pair("stuck", "rise", rate=0.2, seed=1),
        pair("stable", rate=0.2, seed=2),
        *(pair("stuck", rate=0.3, seed=seed) for seed in range(3)),
    ]
    assert scores.collapses(found) == {"net": (2, 2, 1)}
