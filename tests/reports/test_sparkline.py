"""Curves in one line: what survives, the scale, and the marks."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.reports.terminal.sparkline import BLOCKS, Axis, draw, marks, scale

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("values", "line", "ascii_line", "words"),
    [
        ([1.0], "▁", "_", "1..1"),
        ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█", "_.:-=+*#", "1..8"),
        ([1.0, 10.0, 100.0], "▁▅█", "_=#", "1..100, log"),
        ([-1.0, 0.0, 100.0], "▁▁█", "__#", "-1..100"),
        ([2.0, NAN, INF, 1.0], "█✗✗▁", "#XX_", "1..2, ✗ not finite"),
        ([NAN, NAN], "✗✗", "XX", "✗ not finite"),
        ([-1.7e308, 1.7e308], "▁█", "_#", "-1.7e+308..1.7e+308"),
        ([5e-324, 1e308], "▁█", "_#", "4.94e-324..1e+308, log"),
    ],
)
def test_a_character_a_point(values: list[float], line: str, ascii_line: str, words: str) -> None:
    curve = Curve.of(values)
    axis = Axis.of(curve, 40)
    assert draw(curve, axis) == line
    assert draw(curve, axis, ascii_only=True) == ascii_line
    assert scale(curve) == words


@pytest.mark.parametrize("at", [0, 1, 499, 777, 998, 999])
@pytest.mark.parametrize(("spike", "sign"), [(9.0, "█"), (NAN, "✗")])
def test_a_spike_of_one_step_survives(at: int, spike: float, sign: str) -> None:
    values = 2 + 0.05 * np.sin(np.arange(1000.0))
    values[at] = spike
    curve = Curve.of(values)
    axis = Axis.of(curve, 50)
    line = draw(curve, axis)
    assert len(line) == 50
    assert [k for k, character in enumerate(line) if character == sign] == [axis.column(at)]


def test_gaps_stay_blank_and_columns_follow_the_steps() -> None:
    curve = Curve(np.array([*range(10), *range(90, 100)]), np.ones(20))
    assert draw(curve, Axis.of(curve, 10)) == "▁        ▁"


def test_another_curve_on_the_same_axis() -> None:
    loss, norm = Curve.of([1.0] * 100), Curve(np.array([50]), np.array([3.0]))
    assert draw(norm, Axis.of(loss, 10)) == "     ▁    "


@pytest.mark.parametrize(
    ("places", "width", "lines"),
    [
        ([], 20, []),
        ([(2, "A")], 20, ["  ^ A"]),
        ([(2, "A"), (2, "B")], 20, ["  ^ A, B"]),
        ([(2, "A"), (2, "A")], 20, ["  ^ A"]),
        ([(2, "A"), (2, ""), (9, "")], 20, ["  ^ A    ^"]),
        ([(0, "A"), (10, "B")], 20, ["^ A       ^ B"]),
        ([(3, "AAAA"), (5, "B")], 20, ["   ^ ^ B", "   ^ AAAA"]),
        ([(18, "A")], 19, ["                A ^"]),
        ([(0, "LONG LABEL")], 5, ["^"]),
    ],
)
def test_marks_find_room(places: list[tuple[int, str]], width: int, lines: list[str]) -> None:
    assert marks(places, width) == lines


def test_many_marks_take_few_lines_and_none_is_wider() -> None:
    found = marks([(k, f"LRD2{k:02d} {1000 * k}") for k in range(60)], 70)
    assert 1 <= len(found) <= 4
    assert max(map(len, found)) <= 70
    assert all(character in BLOCKS[0] + "^ LRD0123456789" for line in found for character in line)
