"""The chain of blocks as SVG: the residual stream runs down, the branches stand beside it.

All lengths are in units of the drawing, `WIDTH` of which fill its figure; words are short enough for the larger type
of a phone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

from lrdoctor.reports.html.chain import Add, Chain, Layer, Segment, Step
from lrdoctor.reports.html.chain_text import branch_lines
from lrdoctor.reports.html.plot import text
from lrdoctor.reports.html.svg import tenth
from lrdoctor.reports.sites import modules_in_short
from lrdoctor.reports.untrusted import one_line

WIDTH = 480.0
STREAM = 128.0
"""Where the stream runs down."""
BRACKET, COUNT = 40.0, 2.0
"""Where the brackets of folded blocks stand, and their counts."""
BOX = 76.0
"""Half the width of a box on the stream."""
BESIDE = STREAM + BOX + 10
"""Where the names beside the boxes begin."""
BRANCH, RIGHT = 196.0, 474.0
"""The branches' boxes."""
HIGH, GAP = 24.0, 12.0
"""Of a box, and between two."""
LINE = 17.0
"""Between two lines of words."""
RADIUS = 9.0
"""Of the circle of a sum."""
PART, RETURN = 16.0, 24.0
"""From where a branch leaves the stream to its box, and from the box to the sum."""
LONGEST_OPERATION, LONGEST_NAME, LONGEST_LINE = 19, 35, 36
"""Characters that fit into a box, beside it, and into a branch's box."""
GATE, DEAD = 270.0, 210.0
"""Where on its way back to the stream a branch has its gate, or is crossed out."""


def draw(chain: Chain) -> tuple[Markup, str]:
    """The contents of the `svg` element, and its viewBox."""
    parts = [text(STREAM, 16, "input", "middle", "name")]
    y = 22.0
    for segment in chain.first:
        parts += _segment(segment, y)
        y += _height(segment)
    if chain.n_left_out:
        parts += _left_out(chain.n_left_out, y)
        y += HIGH + GAP
    for segment in chain.last:
        parts += _segment(segment, y)
        y += _height(segment)
    parts += [
        _down(y, y + GAP),
        _arrow(STREAM, y + GAP + 5, "stream"),
        text(STREAM, y + 33, "output", "middle", "name"),
    ]
    y += 44
    if chain.unknown:
        parts += _unknown(chain.unknown, y)
        y += HIGH + GAP
    parts += _legend(chain, y)
    y += LEGEND_LINE * len(_needed(chain)) + 6
    return Markup("".join(parts)), f"0 0 {tenth(WIDTH)} {tenth(y)}"


def _segment(segment: Segment, top: float) -> Iterator[str]:
    y = top
    for step in segment.steps:
        yield from _layer(step, y) if isinstance(step, Layer) else _add(step, y)
        y += _step_height(step)
    if segment.times > 1:
        yield _path("bracket", f"M{tenth(BRACKET + 6)} {tenth(top + 4)}h-6V{tenth(y - 4)}h6")
        yield text(COUNT, (top + y) / 2 + 4, f"× {segment.times}", "start", "times")


def _height(segment: Segment) -> float:
    return sum(_step_height(step) for step in segment.steps)


def _step_height(step: Step) -> float:
    if isinstance(step, Layer):
        return HIGH + GAP
    return _sum_at(step) + RADIUS + (GAP + HIGH if step.has_norm_after else 0) + GAP / 2


def _sum_at(add: Add) -> float:
    """From the top of an add to the middle of its circle."""
    return PART + _branch_height(add) + RETURN


def _branch_height(add: Add) -> float:
    return LINE * len(branch_lines(add)) + 10


def _layer(layer: Layer, top: float) -> Iterator[str]:
    y = top + GAP
    yield _down(top, y)
    yield _box("box", STREAM - BOX, y, 2 * BOX)
    yield text(STREAM, y + 16, one_line(layer.operation, LONGEST_OPERATION), "middle", "name")
    yield text(BESIDE, y + 16, modules_in_short(layer.modules, LONGEST_NAME), "start")


def _add(add: Add, top: float) -> Iterator[str]:
    at = top + _sum_at(add)
    yield _down(top, at - RADIUS)
    yield from _branch(add, top, at)
    if add.is_projected:
        yield from _projection((top + at) / 2)
    yield _circle(STREAM, at)
    end = at + RADIUS
    if add.has_norm_after:
        yield _down(end, end + GAP)
        yield _box("norm", STREAM - BOX, end + GAP, 2 * BOX, round_=HIGH / 2)
        yield text(STREAM, end + GAP + 16, "Norm(x + f(x))", "middle", "warning")
        end += GAP + HIGH
    yield _down(end, end + GAP / 2)


def _branch(add: Add, top: float, at: float) -> Iterator[str]:
    """The loop from the stream through the branch's box back to the sum."""
    middle, first, height = (BRANCH + RIGHT) / 2, top + PART, _branch_height(add)
    line = "loop none" if add.is_zero else "loop"
    yield _path(line, f"M{tenth(STREAM)} {tenth(top + PART / 2)}H{tenth(middle)}V{tenth(first)}")
    yield _path(line, f"M{tenth(middle)} {tenth(first + height)}V{tenth(at)}H{tenth(STREAM + RADIUS + 5)}")
    yield _arrow_left(STREAM + RADIUS, at)
    yield _box("branch none" if add.is_zero else "branch", BRANCH, first, RIGHT - BRANCH, height)
    for i, words in enumerate(branch_lines(add)):
        yield text(BRANCH + 8, first + 17 + LINE * i, one_line(words, LONGEST_LINE), "start", "" if i else "name")
    if add.is_gated:
        yield _diamond(GATE, at)
    if add.is_dead:
        yield _cross(DEAD, at)


def _projection(y: float) -> Iterator[str]:
    """A box that is wider below than above."""
    half = BOX - 14
    shape = f"M{tenth(STREAM - half + 12)} {tenth(y - 12)}H{tenth(STREAM + half - 12)}l12 24H{tenth(STREAM - half)}z"
    yield _path("box", shape)
    yield text(STREAM, y + 4, "projection", "middle")


def _left_out(n: int, top: float) -> Iterator[str]:
    yield _path("stream missing", f"M{tenth(STREAM)} {tenth(top)}v{tenth(HIGH + GAP)}")
    yield text(BESIDE, top + 22, f"{n} more, not drawn", "start")


def _unknown(n: int, top: float) -> Iterator[str]:
    yield _box("box missing", STREAM - BOX, top, 2 * BOX)
    yield text(STREAM, top + 16, f"unknown × {n}", "middle", "name")
    yield text(BESIDE, top + 16, "not seen: place unknown", "start")


def _down(top: float, bottom: float) -> str:
    return _path("stream", f"M{tenth(STREAM)} {tenth(top)}V{tenth(bottom)}")


def _arrow(x: float, y: float, kind: str) -> str:
    return _path(f"tip {kind}", f"M{tenth(x)} {tenth(y)}l-4 -7h8z")


def _arrow_left(x: float, y: float) -> str:
    return _path("tip", f"M{tenth(x)} {tenth(y)}l7 -4v8z")


def _circle(x: float, y: float) -> str:
    r = tenth(RADIUS)
    ring = f"M{tenth(x - RADIUS)} {tenth(y)}a{r} {r} 0 1 0 {tenth(2 * RADIUS)} 0a{r} {r} 0 1 0 {tenth(-2 * RADIUS)} 0"
    return _path("sum", f"{ring}M{tenth(x - 5)} {tenth(y)}h10m-5 -5v10")


def _diamond(x: float, y: float) -> str:
    return _path("gate", f"M{tenth(x - 9)} {tenth(y)}l9 -9 9 9 -9 9z")


def _cross(x: float, y: float) -> str:
    return _path("cross", f"M{tenth(x - 6)} {tenth(y - 6)}l12 12m0 -12l-12 12")


def _box(kind: str, x: float, y: float, width: float, height: float = HIGH, round_: float = 4) -> str:
    place = f'x="{tenth(x)}" y="{tenth(y)}" width="{tenth(width)}" height="{tenth(height)}" rx="{tenth(round_)}"'
    return f'<rect class="{escape(kind)}" {place}/>'


def _path(kind: str, shape: str) -> str:
    return f'<path class="{escape(kind)}" d="{shape}"/>'


LEGEND_LINE = 24.0
"""Between two lines of the legend."""
SIGN = 24.0
"""Where the middle of its signs is, and half their width."""


@dataclass(frozen=True)
class Entry:
    """A line of the legend."""

    words: str
    sign: Callable[[float], str]
    """At a height."""
    is_needed: Callable[[Add], bool]


LEGEND = (
    Entry("x + f(x): a residual add, its branch f beside it", lambda y: _circle(SIGN, y), lambda _: True),
    Entry(
        "the sum itself is normalized: Norm(x + f(x))",
        lambda y: _box("norm", 6, y - 8, 36, 16, 8),
        lambda add: add.has_norm_after,
    ),
    Entry(
        "a layer on the skip: a projection",
        lambda y: _path("box", f"M12 {tenth(y - 8)}h24l6 16H6z"),
        lambda add: add.is_projected,
    ),
    Entry("a gate: a parameter that scales the branch", lambda y: _diamond(SIGN, y), lambda add: add.is_gated),
    Entry(
        "dotted: the branch is 0 before the first update",
        lambda y: _box("branch none", 6, y - 8, 36, 16),
        lambda add: add.is_zero,
    ),
    Entry("dead: 0, and nothing in it learns", lambda y: _cross(SIGN, y), lambda add: add.is_dead),
)


def _needed(chain: Chain) -> list[Entry]:
    """The lines for what is drawn."""
    adds = [step for step in chain.steps if isinstance(step, Add)]
    return [entry for entry in LEGEND if any(entry.is_needed(add) for add in adds)]


def _legend(chain: Chain, top: float) -> Iterator[str]:
    for i, entry in enumerate(_needed(chain)):
        y = top + LEGEND_LINE * i + 8
        yield entry.sign(y)
        yield text(2 * SIGN + 4, y + 4, entry.words, "start")
