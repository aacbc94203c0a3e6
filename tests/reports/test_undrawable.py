"""Numbers that no axis can show: the figure says so, and nothing else fails."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.reports.figures import style
from lrdoctor.reports.html import plot
from lrdoctor.reports.html.plot import Line, Panel

HUGE, TINY = 1.7976931348623157e308, 5e-324


@pytest.mark.parametrize(
    "values",
    [
        [HUGE, -HUGE],
        [HUGE, HUGE],
        [TINY, HUGE],
        [1.7e308] * 30 + [1e308] * 30,
        [TINY, TINY],
        [0.0, TINY],
        [-TINY, TINY],
        [1.0, 1e150],
        [1e-320, 1.0],
        [1.0, math.nextafter(1.0, 2.0)],
        [1e16, 1e16 + 2],
        [-HUGE] * 2,
        [0.0, HUGE, math.nan, math.inf],
    ],
)
@pytest.mark.parametrize("is_log", [False, True])
def test_any_finite_number_can_be_drawn_in_html(values: list[float], is_log: bool) -> None:
    panel = Panel("loss", (Line(Curve.of(values), "first"),), 100.0, is_log=is_log)
    markup, box = plot.draw([panel], (), 100)
    assert box.startswith("0 0 480 ")
    assert 'class="line first"' in markup
    assert "nan" not in markup.lower()
    assert "inf" not in markup.lower().replace("infinite", "")


@pytest.mark.parametrize("error", [OverflowError, ZeroDivisionError, ValueError])
def test_a_drawing_that_fails_says_so_in_its_place(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(*args: Any) -> Any:
        raise error("math <range> error")

    monkeypatch.setattr(plot, "_drawn", fall)
    markup, box = plot.draw([], (), 100)
    assert f"cannot be drawn: {error.__name__}: math &lt;range&gt; error" in markup
    assert box.startswith("0 0 480 ")
    drawn = style.files("figure", fall)
    assert sorted(drawn) == ["figure.png", "figure.svg"]
    assert b"cannot be drawn" in drawn["figure.svg"]


def test_a_mistake_in_the_drawing_is_none_of_the_numbers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(*args: Any) -> Any:
        raise TypeError("a bug")

    monkeypatch.setattr(plot, "_drawn", fall)
    with pytest.raises(TypeError):
        plot.draw([], (), 100)
    with pytest.raises(TypeError):
        style.files("figure", fall)
