"""Figures that the page draws itself: a run's curves, and the part of them where something was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding
from lrdoctor.reports.html import plot
from lrdoctor.reports.html.figures import Figure
from lrdoctor.reports.html.plot import Line, Panel, Span
from lrdoctor.reports.numbers import number
from lrdoctor.reports.table import Row, Table

PANELS = (
    ("loss (validation dashed)", (("train_loss", "first"), ("val_loss", "second")), 150.0),
    ("gradient norm", (("grad_norm", "third"),), 80.0),
    ("learning rate", (("learning_rate", "fourth"),), 50.0),
)
"""Name, curves with the class of their lines, and height."""
LABELS = {"train_loss": "training loss", "val_loss": "validation loss", "grad_norm": "gradient norm"}
MOST_POINTS, FEW_POINTS = 400, 160
"""Of a curve: about one a unit of the drawing; and in runs that are folded."""
ENLARGED_POINTS = 240
CLOSE_UP_HEIGHT = 110.0
LONG = 0.5
"""Share of the run from which a finding is shown from its beginning on only."""
ONSET = 0.2
"""Share of the run that is shown then."""
HALF = 0.5
"""Part of a rise by which the curve has to be above its lowest value, further back, for the rise to begin there."""
AROUND = 0.5
"""Shown before and after a finding, as a share of its length."""
LEAST_AROUND = 12
"""Points shown before and after it at least."""

Curves = Mapping[str, Curve]


def curves_figure(
    id_: str, title: str, said: str, curves: Curves, findings: Sequence[Finding], few: bool
) -> Figure | None:
    """The curves of a run, the findings pointed out; None when there is nothing to draw.

    Args:
        id_: of the figure on the page.
        title: what it shows.
        said: the verdict in words.
        curves: by name.
        findings: of the run.
        few: draw fewer points, since the run is folded.
    """
    panels = [_panel(name, _lines(of, curves), height) for name, of, height in PANELS]
    panels = [panel for panel in panels if any(len(line.curve.finite) for line in panel.lines)]
    if not panels:
        return None
    markup, box = plot.draw(panels, _spans(findings), FEW_POINTS if few else MOST_POINTS)
    shown = ", ".join(panel.name for panel in panels)
    return Figure(id_, f"{title}; {shown}, by step", said, markup, box, "drawn", (_extremes(curves),))


def close_up(id_: str, finding: Finding, curves: Curves) -> Figure | None:
    """The part of the curve where a finding happened, enlarged; None when it has no place, or no curve there."""
    if finding.first_step is None:
        return None
    name = "grad_norm" if finding.is_of_norms and "grad_norm" in curves else "train_loss"
    curve = curves.get(name)
    if curve is None or not len(curve):
        return None
    first, last = _window(finding, curve)
    part = curve.after(first).before(last + 1)
    if not len(part.finite):
        return None
    kind = dict(line for _, lines, _ in PANELS for line in lines)[name]
    panel = Panel(LABELS[name], (Line(part, kind),), CLOSE_UP_HEIGHT)
    markup, box = plot.draw([panel], _spans([finding]), ENLARGED_POINTS)
    title = f"{LABELS[name]}, steps {part.step[0]} to {part.step[-1]}, enlarged"
    return Figure(id_, title, finding.message, markup, box, "drawn")


def _window(finding: Finding, curve: Curve) -> tuple[int, int]:
    """The steps to show: the finding, its onset, and some of what stands around them."""
    whole = int(curve.step[-1]) - int(curve.step[0])
    first = finding.first_step or 0
    last = first if finding.last_step is None else max(finding.last_step, first)
    around = max(int(AROUND * (last - first)), LEAST_AROUND * whole // max(len(curve) - 1, 1))
    if last - first > LONG * whole:
        around, last = int(AROUND * ONSET * whole), first + int(ONSET * whole)
    onset = _onset(curve, first, first - int(ONSET * whole))
    # a quarter of the rise before it, so that one sees what it rises from
    return min(first - around, onset - max((first - onset) // 4, 1)), last + around


def _onset(curve: Curve, first: int, earliest: int) -> int:
    """The step from which the curve rises towards a finding; `first` where it does not rise to it.

    A rule dates a run that ends in nan by its last step, and the rise stands before that. Followed back from `first`
    is the lowest value so far, until the curve is half the rise above it again.

    >>> rising = Curve.of([2.0] * 50 + [1.0] * 10 + [float(i) for i in range(2, 12)])
    >>> _onset(rising, 69, 0), _onset(rising, 30, 0)
    (59, 30)

    Args:
        curve: where the finding is.
        first: its first step.
        earliest: it is not looked for before this one.
    """
    before = curve.finite.before(first + 1).after(earliest)
    n = len(before)
    if not n:
        return first
    # of the median of three, since a single value may be a lucky batch
    middles = [float(np.median(before.value[max(i - 1, 0) : i + 2])) for i in range(n)]
    top, lowest, onset = middles[-1], middles[-1], first
    for i in range(n - 1, -1, -1):
        if middles[i] < lowest:
            lowest, onset = middles[i], int(before.step[i])
        elif (middles[i] > lowest + HALF * max(top - lowest, 0.0) and lowest < top) or middles[i] > top:
            break
    return onset


def _panel(name: str, lines: tuple[Line, ...], height: float) -> Panel:
    """A legend only where there are two lines to tell apart."""
    return Panel(name if len(lines) > 1 else name.partition(" (")[0], lines, height)


def _lines(of: Sequence[tuple[str, str]], curves: Curves) -> tuple[Line, ...]:
    return tuple(Line(curves[name], kind) for name, kind in of if name in curves and len(curves[name]))


def _spans(findings: Sequence[Finding]) -> list[Span]:
    return [
        Span(f.first_step, f.first_step if f.last_step is None else f.last_step, f.code, f.severity)
        for f in findings
        if f.first_step is not None
    ]


def _extremes(curves: Curves) -> Table:
    """Where each curve begins, ends and is lowest and highest."""
    headers = ("curve", "points kept", "first", "lowest", "highest", "last", "not finite")
    names = LABELS | {"learning_rate": "learning rate"}
    rows = tuple(Row((names[name], *_numbers(curves[name]))) for name in names if len(curves.get(name, ())))
    return Table.of("The curves in numbers, value at step", headers, rows, headers[:1])


def _numbers(curve: Curve) -> tuple[str, ...]:
    finite = curve.finite
    places = [0, int(np.argmin(finite.value)), int(np.argmax(finite.value)), -1] if len(finite) else []
    cells = [f"{number(float(finite.value[i]))} at {finite.step[i]}" for i in places] or ["-"] * 4
    return str(len(curve)), *cells, str(len(curve) - len(finite))
