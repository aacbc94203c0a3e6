"""Curves drawn as SVG by hand: small, in the page's own colours, and without waiting for matplotlib.

All lengths are in units of the drawing, `WIDTH` of which fill the page's column.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from lrdoctor.core.curve import Curve, Values
from lrdoctor.core.robust import min_max_decimate
from lrdoctor.reports.html.svg import tenth
from lrdoctor.reports.numbers import number
from lrdoctor.reports.untrusted import one_line

WIDTH = 480.0
"""Narrow, with text of 12: still readable when a phone shrinks it to its own width."""
LEFT, RIGHT, TOP, BOTTOM = 56.0, 10.0, 20.0, 20.0
"""Room for the labels of the ticks and the name of the panel."""
LABELS = 14.0
"""Room for the labels of the spans, over the first panel."""
THIN = 3.0
"""Width up to which a span is drawn as a line."""
LOG_FROM = 20.0
"""Highest over lowest value from which a logarithmic axis shows more."""
LEAST_RATIO = 2.0
"""Highest over lowest value for which a logarithmic axis has room, so that equal values do not lie on its edge."""
SMALLEST, LARGEST = 1e-300, 1e307
"""Beyond them the room around the values would be 0 or infinite."""
MARGIN = 0.05
"""Of the axis, above the highest and below the lowest value."""
FEWEST_TICKS, MOST_TICKS = 2, 4
LABEL_APART = 46.0
"""Distance of two labels of findings that do not cover each other."""
LONGEST_REASON = 40
"""Characters of why nothing could be drawn that fit into the drawing."""
MOST_CROSSES = 20
"""Crosses for non-finite values; more would be a bar."""


@dataclass(frozen=True)
class Line:
    """A curve and how it is drawn."""

    curve: Curve
    kind: str
    """Its class in the style sheet: colour and dashes."""


@dataclass(frozen=True)
class Panel:
    """Curves over one another that share a vertical axis."""

    name: str
    lines: tuple[Line, ...]
    height: float
    is_log: bool = False
    """A logarithmic axis, however near to each other the values are; else only where they are far apart."""


@dataclass(frozen=True)
class Span:
    """Steps to point out."""

    first: int
    last: int
    label: str
    kind: str
    """A severity."""


@dataclass(frozen=True)
class Axis:
    """Values to lengths."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def place(self, values: Values) -> Values:
        """Where the values are drawn."""
        low, high = (math.log10(self.low), math.log10(self.high)) if self.is_log else (self.low, self.high)
        # divided before they are subtracted: values near the largest float must not overflow
        scale = max(abs(low), abs(high)) or 1.0
        shown = np.log10(values) if self.is_log else values
        share = (shown / scale - low / scale) / (high / scale - low / scale)
        return np.asarray(self.start + share * (self.end - self.start))

    def at(self, value: float) -> float:
        return float(self.place(np.array([value]))[0])


def draw(panels: Sequence[Panel], spans: Sequence[Span], max_points: int) -> tuple[Markup, str]:
    """The contents of the `svg` element, and its viewBox.

    Where the numbers are beyond what can be drawn the drawing says so: the verdict does not depend on it.

    Args:
        panels: one above the other, over the same steps; at least one has a finite value.
        spans: steps to point out in every panel, labelled in the first.
        max_points: that are drawn of a curve; its extremes are among them.
    """
    try:
        return _drawn(panels, spans, max_points)
    except (ArithmeticError, ValueError) as error:
        said = f"cannot be drawn: {type(error).__name__}: {one_line(str(error), LONGEST_REASON)}"
        return Markup(text(RIGHT, TOP, said, "start", "name")), f"0 0 {tenth(WIDTH)} {tenth(TOP + BOTTOM)}"


def _drawn(panels: Sequence[Panel], spans: Sequence[Span], max_points: int) -> tuple[Markup, str]:
    steps = [int(line.curve.step[i]) for panel in panels for line in panel.lines for i in (0, -1) if len(line.curve)]
    low, high = min(steps), max(steps)
    across = Axis(low, high if high > low else low + 1, LEFT, WIDTH - RIGHT)
    top = TOP + LABELS if spans else TOP
    parts = list(_labels(spans, across, TOP - 7))
    for panel in panels:
        parts += _panel(panel, across, top, spans, max_points)
        top += panel.height + TOP
    bottom = top - TOP
    for step in ticks(low, high, is_log=False):
        if step == int(step):
            parts.append(text(across.at(step), bottom + 14, str(int(step)), "middle"))
    return Markup("".join(parts)), f"0 0 {tenth(WIDTH)} {tenth(bottom + BOTTOM)}"


def _panel(panel: Panel, across: Axis, top: float, spans: Sequence[Span], max_points: int) -> Iterator[str]:
    up = _vertical(panel, top)
    for tick in ticks(up.low, up.high, is_log=up.is_log):
        y = tenth(up.at(tick))
        yield f'<path class="grid" d="M{tenth(LEFT)} {y}H{tenth(WIDTH - RIGHT)}"/>'
        yield text(LEFT - 5, up.at(tick) + 4, number(tick), "end")
    yield from _spans(spans, across, up)
    yield text(LEFT, top - 7, panel.name, "start", "name")
    for line in panel.lines:
        yield from _line(line, across, up, max_points)


def _vertical(panel: Panel, top: float) -> Axis:
    # what lies beyond the largest axis is drawn at its edge, so that no sum or ratio overflows
    values = np.clip(np.concatenate([line.curve.finite.value for line in panel.lines]), -LARGEST, LARGEST)
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    bottom = top + panel.height
    if low > SMALLEST and (panel.is_log or high / LOG_FROM > low):
        room = max(high / low, LEAST_RATIO) ** MARGIN
        return Axis(max(low / room, SMALLEST), min(high * room, LARGEST), bottom, top, is_log=True)
    room = MARGIN * (high / 2 - low / 2) * 2 or MARGIN * abs(high) or 1.0
    return Axis(low - room, high + room, bottom, top)


def _spans(spans: Sequence[Span], across: Axis, up: Axis) -> Iterator[str]:
    """A band over the steps, so narrow a one that it is a line where it is a single step."""
    for span in spans:
        left, right = (min(max(across.at(step), LEFT), WIDTH - RIGHT) for step in (span.first, span.last))
        width, kind = max(right - left, 1.5), f"{span.kind} thin" if right - left < THIN else span.kind
        place = f'x="{tenth(left)}" y="{tenth(up.end)}" width="{tenth(width)}" height="{tenth(up.start - up.end)}"'
        yield f'<rect class="span {kind}" {place}/>'


def _labels(spans: Sequence[Span], across: Axis, y: float) -> Iterator[str]:
    """The spans' names at `y`, those left out that would cover one another."""
    free = 0.0
    for span in sorted(spans, key=lambda span: span.first):
        x = max(min(across.at(span.first), WIDTH - RIGHT - LABEL_APART), LEFT)
        if x >= free:
            yield text(x, y, span.label, "start", span.kind)
            free = x + LABEL_APART


def _line(line: Line, across: Axis, up: Axis, max_points: int) -> Iterator[str]:
    drawn = min_max_decimate(line.curve, max_points)
    if len(drawn):
        points = zip(across.place(drawn.step.astype(np.float64)), up.place(drawn.value), strict=True)
        yield f'<path class="line {line.kind}" d="{path(points)}"/>'
    bad = line.curve.step[~np.isfinite(line.curve.value)]
    if len(bad):
        few = bad[np.unique(np.linspace(0, len(bad) - 1, MOST_CROSSES).astype(np.int64))]
        crosses = "".join(f"M{tenth(across.at(int(step)) - 3)} {tenth(up.end)}l6 6m0 -6l-6 6" for step in few)
        yield f'<path class="cross" d="{crosses}"/>'


def path(points: Iterator[tuple[float, float]]) -> str:
    """A line through the points, in steps from one to the next, which are shorter to write than places.

    >>> path(iter([(1.0, 2.0), (1.5, 2.0), (3.0, 0.5)]))
    'M1 2l0.5 0 1.5 -1.5'
    """
    tenths = [(round(10 * x), round(10 * y)) for x, y in points]
    moves = (
        f"{tenth((x - before[0]) / 10)} {tenth((y - before[1]) / 10)}" for before, (x, y) in itertools.pairwise(tenths)
    )
    # a single point is a line of no length, which its round ends make a dot
    return f"M{tenth(tenths[0][0] / 10)} {tenth(tenths[0][1] / 10)}l{' '.join(moves) or '0 0'}"


def text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    """Words at a place; `kind` is their class in the style sheet."""
    of = f' class="{kind}"' if kind else ""
    return f'<text{of} x="{tenth(x)}" y="{tenth(y)}" text-anchor="{anchor}">{escape(words)}</text>'


def ticks(low: float, high: float, *, is_log: bool) -> list[float]:
    """Round numbers from `low` to `high`.

    >>> ticks(0, 4990, is_log=False), ticks(0.03, 4.0, is_log=True)
    ([0.0, 2000.0, 4000.0], [0.1, 1.0])
    """
    if is_log:
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        if len(powers) >= FEWEST_TICKS:
            return [10.0**power for power in powers[:: math.ceil(len(powers) / MOST_TICKS)]]
    rough = (high / MOST_TICKS - low / MOST_TICKS) or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]
