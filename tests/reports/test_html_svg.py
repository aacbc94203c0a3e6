"""A figure's file on its way into the page: what is kept, what is dropped, and the ids."""

from __future__ import annotations

import re

import pytest
from matplotlib.figure import Figure

from lrdoctor.reports.figures.style import files
from lrdoctor.reports.html.svg import inlined

FRAME = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">{}</svg>'


def markup(inside: str) -> str:
    drawing = inlined(FRAME.format(inside), "f1-")
    assert drawing is not None
    return str(drawing.markup)


@pytest.mark.parametrize(
    ("inside", "kept"),
    [
        ('<g id="axes_1"><path d="M 1.26 2 \nL 3 4"/></g>', '<path d="M 1.3 2 3 4"/>'),
        ('<text x="1.04" y="2">a &lt; b</text>', '<text x="1" y="2">a &lt; b</text>'),
        ("<text>red&#x85;line</text>", "<text>red\\x85line</text>"),
        ("<script>alert(1)</script><style>* {}</style>", ""),
        ("<foreignObject><body/></foreignObject>", ""),
        ('<image href="http://x/y.png"/><a href="javascript:alert(1)"><path d="M 0 0"/></a>', ""),
        ('<path onload="alert(1)" class="x" d="M 0 0"/>', '<path d="M 0 0"/>'),
        ('<use href="http://x/#a"/>', "<use/>"),
        (
            '<path style="fill: url(http://x); stroke: #000; behavior: x" d="M 0 0"/>',
            '<path d="M 0 0" style="stroke:#000"/>',
        ),
        ("<metadata>me</metadata><title>t</title>", ""),
    ],
)
def test_only_what_draws_is_kept(inside: str, kept: str) -> None:
    assert markup(inside) == kept


def test_ids_begin_with_the_figure_and_only_those_in_use_are_kept() -> None:
    dot = '<defs><path id="dot" d="M 0 0" style="stroke: #111"/><path id="other" d="M 0 0"/></defs>'
    used = '<use xlink:href="#dot" x="1" y="2" style="stroke: #111; fill: #222"/>'
    used += '<g clip-path="url(#box)"><path d="M 1 1"/></g>'
    box = '<clipPath id="box"><rect x="0" y="0" width="9" height="9"/></clipPath>'
    text = markup(dot + used + box)
    assert re.findall(r'id="([^"]*)"', text) == ["f1-0", "f1-1"]
    assert '<use href="#f1-0" x="1" y="2" style="fill:#222"/>' in text
    assert '<g clip-path="url(#f1-1)">' in text


@pytest.mark.parametrize(
    "text",
    ["", "<svg>", "<html/>", "<svg/>", '<svg viewBox="0 0 9"/>', '<svg viewBox="0 0 &#34;> 9"/>', "\x00", "\ud800"],
)
def test_what_is_no_drawing_is_refused(text: str) -> None:
    assert inlined(text, "f1-") is None


def test_a_figure_of_our_own_keeps_its_words_and_gets_smaller() -> None:
    def draw(figure: Figure) -> str:
        figure.add_subplot().plot(range(100), marker="o", label="the loss")
        return "the loss rises"

    text = files("figure_x", draw)["figure_x.svg"].decode()
    drawing = inlined(text, "f1-")
    assert drawing is not None
    assert drawing.title == "the loss rises"
    assert len(drawing.markup) < len(text) / 1.5
    assert drawing.markup.count("<use") == text.count("<use")
