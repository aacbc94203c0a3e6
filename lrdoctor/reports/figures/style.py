"""What all figures share: paper, ink, ticks, and bytes that do not change from one drawing to the next."""

from __future__ import annotations

import io
import math
import unicodedata
import warnings
from collections.abc import Callable
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from lrdoctor.reports.numbers import number, printable

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
"""Okabe and Ito's colours, told apart by colour-blind readers; markers tell them apart in grey."""
GREY = "#767676"

SIZE_INCHES = (5.2, 4.6)
"""Narrow, with 10 point text: still readable when a phone shrinks it to its own width."""
PNG_DPI = 200
TITLE_CELLS = 48
"""Characters of the title font that fit over the axes; a wide (East Asian) one counts twice."""

FEWEST_TICKS, MOST_TICKS = 3, 8
"""Labels of a logarithmic axis that still tell its scale, and that still fit."""

RC: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.06,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "figure.facecolor": "white",  # a page in dark mode would swallow black text on nothing
    "savefig.facecolor": "white",
    "svg.fonttype": "none",  # real text: it can be selected, searched and read aloud
    "text.parse_math": False,  # a "$" in a study's name is a dollar sign
}

Draw = Callable[[Figure], str]
"""Draws into an empty figure and returns what it shows, in words."""


def files(name: str, draw: Draw) -> dict[str, bytes]:
    """The drawing as `name`.png and `name`.svg."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        # the user's own matplotlibrc must not change the bytes
        matplotlib.rcdefaults()
        # several figures share a page, and ids in them come from this salt
        matplotlib.rcParams.update(RC | {"svg.hashsalt": name})
        # the font has no Chinese, say: the PNG shows boxes, the SVG the reader's own font
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        try:
            return _both(name, draw)
        except (ArithmeticError, ValueError) as error:
            # numbers beyond what an axis can show: the verdict is known, and does not depend on the drawing
            return _both(name, _saying(f"cannot be drawn: {type(error).__name__}: {error}"))


def _both(name: str, draw: Draw) -> dict[str, bytes]:
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    words = draw(figure)
    png = _png(figure)
    # every text is measured to make room for it, which takes as long as the drawing: once is enough for two files
    figure.set_layout_engine(None)
    return {f"{name}.png": png, f"{name}.svg": _svg(figure, words)}


def _saying(words: str) -> Draw:
    """A figure that holds a sentence and nothing else."""

    def draw(figure: Figure) -> str:
        axes = figure.subplots()
        axes.set_axis_off()
        say_instead(axes, cut(printable(words), TITLE_CELLS))
        return printable(words)

    return draw


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=PNG_DPI, metadata={"Software": "lrdoctor"})
    return out.getvalue()


def _svg(figure: Figure, words: str) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Title": words, "Creator": "lrdoctor", "Date": None})
    return out.getvalue()


def set_title(axes: Axes, study_name: str, *lines: str, pad: float = 6.0) -> str:
    """Writes the study's name and the lines over the axes, and returns them as one sentence."""
    name = cut(printable(study_name), TITLE_CELLS)
    axes.set_title("\n".join([name, *lines]), pad=pad)
    return in_words(study_name, *filter(None, lines))


def in_words(study_name: str, *lines: str) -> str:
    """
    >>> in_words("mlp10", "training loss", "axis ends at 78")
    'mlp10. training loss. axis ends at 78'
    """
    return ". ".join([printable(study_name), *lines])


def cut(text: str, cells: int) -> str:
    """The text, shortened by an ellipsis to the number of character cells.

    >>> cut("wide-resnet", 11), cut("wide-resnet", 8), cut("\u5b66\u7fd2\u7387", 5)
    ('wide-resnet', 'wide-re…', '学習…')
    """
    ends, used = [], 0
    for character in text:
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        ends.append(used)
    if used <= cells:
        return text
    return text[: sum(end < cells for end in ends)] + "…"


def say_instead(axes: Axes, text: str) -> None:
    """Puts a sentence where the data would be."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)


def log_ticks(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """Round numbers from `low` to `high`: powers of ten, 1-3 or 1-2-5 where those would be too few, `most` of them.

    >>> log_ticks(0.03, 0.4), log_ticks(1e-4, 1.0)
    ([0.05, 0.1, 0.2], [0.0001, 0.001, 0.01, 0.1, 1.0])
    >>> log_ticks(0.001, 0.06, most=4), log_ticks(1e-4, 1.0, most=4)
    ([0.001, 0.003, 0.01, 0.03], [0.0001, 0.01, 1.0])
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    tens = [10.0**power for power in range(first, last + 1) if low <= 10.0**power <= high]
    if len(tens) >= FEWEST_TICKS:
        return tens[:: math.ceil(len(tens) / most)]
    for steps in ((1, 2, 5), (1, 3), (1,)):
        # by a division: 3 * 10**-3 is not the number that 0.003 is
        ticks = [
            step * 10.0**power if power >= 0 else step / 10.0**-power
            for power in range(first, last + 1)
            for step in steps
        ]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            break
    return ticks


MARGIN = 0.05
"""Room between the values and the edges of a panel, as part of their range."""


def set_values(axes: Axes, low: float, high: float, *, log: bool) -> None:
    """The value axis from `low` to `high` with some room on both sides; where they are one value, with room around
    it."""
    if log:
        room = (high / low) ** MARGIN
        make_log(axes, "y", low / room, high * room)
    else:
        room = MARGIN * (high - low) or abs(high) or 1.0
        axes.set_ylim(low - room, high + room)


def make_log(axes: Axes, which: Literal["x", "y"], low: float, high: float, most: int = MOST_TICKS) -> None:
    """Makes an axis logarithmic from `low` to `high`, with labels in the field's way (0.001, 1e-05), `most` of them."""
    if which == "x":
        axes.set_xscale("log")
        axes.set_xlim(low, high)
    else:
        axes.set_yscale("log")
        axes.set_ylim(low, high)
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(log_ticks(low, high, most)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_locator(LogLocator(subs="all"))
    axis.set_minor_formatter(NullFormatter())
