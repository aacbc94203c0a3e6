"""A curve in one line of characters, and marks under it.

Every column shows the median of its points, or the extreme where that stands out: a spike of one step survives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import Curve, Steps, Values
from lrdoctor.core.robust import median
from lrdoctor.reports.numbers import number

BLOCKS = ("▁▂▃▄▅▆▇█", "_.:-=+*#")
"""Eight levels, and what stands for them on a console that is not Unicode."""
NOT_FINITE = ("✗", "X")
MARK = "^"
LOG_FROM = 10.0
"""Highest over lowest value from which positive values are drawn in logarithms: on a linear scale a spike, or the fall
at the start, would press everything else onto the lowest level."""
STANDS_OUT = 1 / 8
"""Share of the line's height, one level, by which an extreme must leave its column's median to be drawn for it."""
ROUND_OFF = 1e-6
"""Of a column; a step on the edge of two belongs to the right one."""
MOST_ROWS = 4
"""Lines of labels under a curve; marks that find no room in them go without a label."""


@dataclass(frozen=True)
class Axis:
    """Which column a step falls into."""

    first: float
    span: float
    """Steps from the left edge to the right one."""
    width: int

    @classmethod
    def of(cls, curve: Curve, width: int) -> Axis:
        """The axis of the curve's steps, with a column a point where there is room for all."""
        first, last = float(curve.step[0]), float(curve.step[-1])
        gap = float(median(np.diff(curve.step))) if len(curve) > 1 else 1.0
        return cls(first, last - first + gap, max(1, min(width, len(curve))))

    def columns(self, step: Steps) -> list[int]:
        """Steps outside the axis fall into its first or last column."""
        share = (step.astype(np.float64) - self.first) / self.span
        return [int(k) for k in np.clip(np.floor(share * self.width + ROUND_OFF), 0, self.width - 1)]

    def column(self, step: int) -> int:
        """The column of one step."""
        return self.columns(np.array([step]))[0]


def scale(curve: Curve, *, ascii_only: bool = False) -> str:
    """What the heights mean: `0.1..2.3, log`, and the sign of what is not finite where there is any."""
    finite = curve.finite.value
    words = [f"{number(float(finite.min()))}..{number(float(finite.max()))}"] if len(finite) else []
    words += ["log"] * _is_log(finite) + [f"{NOT_FINITE[ascii_only]} not finite"] * (len(finite) < len(curve))
    return ", ".join(words)


def draw(curve: Curve, axis: Axis, *, ascii_only: bool = False) -> str:
    """The curve in `axis.width` characters; columns without a point stay blank.

    Args:
        curve: at least one point; what is not finite gets a sign of its own.
        axis: of this curve, or of another one with the same steps.
        ascii_only: draws without Unicode.
    """
    heights = _heights(curve.value, _is_log(curve.finite.value))
    columns: list[list[float]] = [[] for _ in range(axis.width)]
    for column, height in zip(axis.columns(curve.step), heights.tolist(), strict=True):
        columns[column].append(height)
    return "".join(_character(column, BLOCKS[ascii_only], NOT_FINITE[ascii_only]) for column in columns)


def _is_log(finite: Values) -> bool:
    return bool(len(finite) and finite.min() > 0 and finite.max() / LOG_FROM > finite.min())


def _heights(value: Values, is_log: bool) -> Values:
    """Values as shares of the line's height, nan for what is not finite."""
    with np.errstate(all="ignore"):
        scaled = np.where(np.isfinite(value), np.log(value) if is_log else value, np.nan)
        if not np.isfinite(scaled).any():
            return scaled
        # halves, since the difference of two huge numbers is not finite
        low, high = np.nanmin(scaled) / 2, np.nanmax(scaled) / 2
        heights: Values = (scaled / 2 - low) / (high - low) if high > low else scaled * 0
    return heights


def _character(heights: Sequence[float], blocks: str, not_finite: str) -> str:
    if not heights:
        return " "
    if not all(map(math.isfinite, heights)):
        return not_finite
    middle, low, high = float(median(heights)), min(heights), max(heights)
    shown = middle
    if max(high - middle, middle - low) > STANDS_OUT:
        shown = high if high - middle >= middle - low else low
    return blocks[min(int(shown * len(blocks)), len(blocks) - 1)]


def marks(places: Sequence[tuple[int, str]], width: int) -> list[str]:
    """Lines to stand under a curve: a `^` at each place and its label beside it, further labels below.

    Args:
        places: column and label, in the order of importance: the first ones get a label first. An empty label is
            a mark alone.
        width: of the lines; labels may reach it.
    """
    at: dict[int, list[str]] = {}
    for column, label in places:
        words = at.setdefault(column, [])
        if label and label not in words:
            words.append(label)
    rows = [[MARK if column in at else " " for column in range(width)]]
    for column, label in ((column, ", ".join(words)) for column, words in at.items() if words):
        if not any(_put(row, column, label) for row in rows) and len(rows) < MOST_ROWS:
            rows.append([" "] * width)
            _put(rows[-1], column, label)
    return [line for row in rows if (line := "".join(row).rstrip())]


def _put(row: list[str], column: int, label: str) -> bool:
    """Writes mark and label into the row where there is room, right of the mark or left of it."""
    right, left = f"{MARK} {label}", f"{label} {MARK}"
    for start, text in ((column, right), (column - len(left) + 1, left)):
        end = start + len(text)
        if start < 0 or end > len(row):
            continue
        around = range(max(0, start - 1), min(end + 1, len(row)))
        if all(row[k] == " " or k == column for k in around):
            row[start:end] = text
            return True
    return False
