"""What LRD401 and LRD402 say where the seeds leave open on which side of the edge lr* is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from synthetic_studies import rate

from lrdoctor.core.certainty import Certainty, Side
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.study import Study
from lrdoctor.procedures.sweep import measure
from lrdoctor.rules import judge_study
from lrdoctor.rules.best_at_edge import is_at_edge, side

INF = float("inf")


def known(at: Side, **changes: object) -> Certainty:
    """Three seeds with these answers."""
    plain = Certainty(
        n_seeds=3,
        confidence=0.9,
        best_learning_rate=(0.05, 0.1),
        unstable_base_learning_rate=(0.12, 0.3),
        stability_margin=(1.2, 4.5),
        stable_in_3_of_4=0.11,
        typical_spread=1.35,
        chances={"LRD401": 0.4, "LRD402": 1.0},
        sides={"LRD401": at, "LRD402": "within"},
        seeds_to_settle={"LRD401": 8},
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def sweep(unstable: float, certainty: Certainty | None) -> Study:
    rates = (rate(0.05, objective=1.2), rate(0.1, objective=0.9), rate(0.15), rate(unstable, unstable=True))
    return replace(measure(Study(name="s", runs=(), rates=rates)), certainty=certainty)


def said(study: Study) -> list[tuple[str, str]]:
    """Code, and error, warning or skipped."""
    return [(s.code, s.severity if isinstance(s, Finding) else "skipped") for s in judge_study(study)]


@pytest.mark.parametrize(
    ("unstable", "certainty", "expected"),
    [
        # nothing known of other seeds: the figures decide, as ever
        (0.18, None, [("LRD401", "error")]),
        (0.5, None, [("LRD402", "warning")]),
        (5.0, None, []),
        # figures and draws agree
        (0.18, known("within"), [("LRD401", "error")]),
        (0.5, known("beyond"), [("LRD402", "warning")]),
        (5.0, known("beyond"), []),
        # it cannot be told: no verdict, and the check at 10x says what it saw
        (0.18, known("open"), [("LRD401", "skipped"), ("LRD402", "warning")]),
        (0.5, known("open"), [("LRD401", "skipped"), ("LRD402", "warning")]),
        # a short run moved the unstable rate to the other side of what the draws say
        (0.18, known("beyond"), [("LRD401", "skipped"), ("LRD402", "warning")]),
        (0.5, known("within"), [("LRD401", "skipped"), ("LRD402", "warning")]),
    ],
)
def test_an_edge_is_told_only_where_it_is_settled(
    unstable: float, certainty: Certainty | None, expected: list[tuple[str, str]]
) -> None:
    assert said(sweep(unstable, certainty)) == expected


@pytest.mark.parametrize(
    ("certainty", "words"),
    [
        (
            known("open"),
            "3 seeds cannot tell whether the best learning rate 0.1 sits at the edge of instability (unstable less "
            "than 2x above it, or at the next swept rate): training is unstable from 1.8x higher on (90 %: 1.2x to "
            "4.5x); about 8 seeds would settle it: --seeds 8, or --seeds auto",
        ),
        (known("open", seeds_to_settle={"LRD401": None}), "; it may take more than 20 seeds to settle it"),
        (
            known("open", n_seeds=1, stability_margin=None, seeds_to_settle={"LRD401": 4}),
            "1 seed cannot tell whether the best learning rate 0.1 sits at the edge of instability (unstable less "
            "than 2x above it, or at the next swept rate): training is unstable from 1.8x higher on, 1 seed gives no "
            "interval and seeds typically differ by a factor of 1.4",
        ),
    ],
)
def test_why_it_is_open(certainty: Certainty, words: str) -> None:
    (reason,) = [s.reason for s in judge_study(sweep(0.18, certainty)) if isinstance(s, Skip)]
    assert words in reason


def test_findings_hold_the_interval() -> None:
    (edge,) = judge_study(sweep(0.18, known("within", chances={"LRD401": 0.957, "LRD402": 1.0})))
    assert isinstance(edge, Finding)
    assert edge.message.endswith("training is unstable from 0.18 on, only 1.8x higher (90 %: 1.2x to 4.5x), 96 % sure")
    (small,) = judge_study(sweep(0.5, known("beyond")))
    assert isinstance(small, Finding)
    assert "5 times the best learning rate (90 %: 1.2x to 4.5x); the playbook checks 5 and 10 times" in small.message


@pytest.mark.parametrize(
    ("best", "unstable", "swept", "expected"),
    [
        ([0.1, 0.1, 0.1], [0.2, 0.21, 0.6], [0.1, 0.2, 0.5], [True, False, False]),
        ([0.1, 0.1], [0.3, 0.31], [0.1, 0.3], [True, False]),  # up to the next swept rate
        ([0.1, 0.1], [0.49, 0.5], [0.1, 1.0], [True, False]),  # but not from 5x on
        ([0.5, 0.5], [0.9, 1.2], [0.1, 0.5], [True, True]),  # lr* is the highest: nothing lies between
        ([0.1, 0.1], [0.2, 0.21], [], [True, False]),  # nothing was swept
        ([0.1], [INF], [0.1], [False]),
        ([0.1], [0.05], [0.1, 0.2], [True]),
    ],
)
def test_at_the_edge(
    best: Sequence[float], unstable: Sequence[float], swept: Sequence[float], expected: Sequence[bool]
) -> None:
    assert is_at_edge(np.array(best), np.array(unstable), swept).tolist() == expected


def test_without_a_best_rate_there_is_no_edge() -> None:
    assert side(Study(name="s", runs=())) == "beyond"
