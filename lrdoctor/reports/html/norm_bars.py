"""The histogram of a log's gradient norms, drawn by the page itself: figure 9 of a run that somebody else made."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from markupsafe import Markup

from lrdoctor.core.curve import Curve
from lrdoctor.reports.html.figures import Figure
from lrdoctor.reports.html.plot import Axis, text, ticks
from lrdoctor.reports.html.svg import tenth
from lrdoctor.reports.numbers import number

PERCENTILE = 90.0
"""The first threshold that the tuning playbook tries."""
FEWEST = 20
"""Norms below which bars show single updates, and no typical norm."""
BARS = 24
DECADES = 4.0
"""Of the axis around the threshold, at most: what lies beyond is counted in the last bar on its side."""
WIDTH, HEIGHT = 400.0, 110.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 8.0, 18.0, 34.0


def norm_bars(id_: str, said: str, norms: Curve) -> Figure | None:
    """How many logged updates had which gradient norm, and what clipping at the 90th percentile would scale down.

    Args:
        id_: of the figure on the page.
        said: the verdict in words.
        norms: as logged.

    Returns:
        None where fewer than 20 are positive and finite.
    """
    values = norms.finite.value
    values = values[values > 0]
    if len(values) < FEWEST:
        return None
    threshold = float(np.percentile(values, PERCENTILE))
    share = float(np.mean(values > threshold))
    low, high = _ends(float(values.min()), float(values.max()), threshold)
    edges = np.geomspace(low, high, BARS + 1)
    counts = np.histogram(np.clip(values, low, high), edges)[0]
    across = Axis(low, high, LEFT, WIDTH - RIGHT, is_log=True)
    up = Axis(0.0, float(counts.max()) * 1.05, TOP + HEIGHT, TOP)
    parts = [*_grid(across, up), *_bars(across, up, edges.tolist(), counts.tolist(), threshold)]
    x = tenth(across.at(threshold))
    parts.append(f'<path class="limit" d="M{x} {tenth(TOP)}V{tenth(TOP + HEIGHT)}"/>')
    parts.append(text(LEFT, TOP - 7, "logged updates", "start", "name"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, TOP + HEIGHT + 28, "gradient norm", "middle", "name"))
    n = f"{len(values)} gradient norms as logged"
    title = f"{n}; {100 * share:.3g} % above {number(threshold)}, their 90th percentile"
    box = f"0 0 {tenth(WIDTH)} {tenth(TOP + HEIGHT + BOTTOM)}"
    return Figure(id_, title, said, Markup("".join(parts)), box, "drawn")


def _ends(lowest: float, highest: float, threshold: float) -> tuple[float, float]:
    """Of the axis: the norms, but no more than some decades on either side of the threshold, and never a point."""
    low = max(lowest, threshold * 10**-DECADES)
    high = min(highest, threshold * 10**DECADES)
    room = max((high / low) ** 0.02, 1.05)
    return low / room, high * room


def _grid(across: Axis, up: Axis) -> Iterator[str]:
    for tick in ticks(0.0, up.high, is_log=False):
        if tick == int(tick):
            y = tenth(up.at(tick))
            yield f'<path class="grid" d="M{tenth(LEFT)} {y}H{tenth(WIDTH - RIGHT)}"/>'
            yield text(LEFT - 5, up.at(tick) + 4, str(int(tick)), "end")
    for tick in ticks(across.low, across.high, is_log=True):
        yield text(across.at(tick), TOP + HEIGHT + 14, number(tick), "middle")


def _bars(across: Axis, up: Axis, edges: list[float], counts: list[int], threshold: float) -> Iterator[str]:
    for left, right, count in zip(edges, edges[1:], counts, strict=False):
        if count:
            x, width = across.at(left), across.at(right) - across.at(left)
            y = up.at(float(count))
            # a bar that the threshold crosses is told by its middle
            kind = "beyond" if math.sqrt(left * right) > threshold else "within"
            place = f'x="{tenth(x)}" y="{tenth(y)}" width="{tenth(max(width - 0.6, 0.6))}"'
            yield f'<rect class="bar {kind}" {place} height="{tenth(up.start - y)}"/>'
