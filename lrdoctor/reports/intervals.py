"""The figures of a sweep with what they may be over other seeds, as every format writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lrdoctor.core.certainty import Interval, range_text
from lrdoctor.reports.numbers import multiple, number

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.core.sections import Intervals


class Figures:
    """The words for the figures of a report, each with its interval."""

    def __init__(self, report: Report) -> None:
        self._known = report.sweep.intervals if report.sweep else None

    def best(self, value: float) -> str:
        """lr*."""
        of = self._known.best_learning_rate if self._known else None
        return with_interval(number(value), self._known, of, number)

    def unstable(self, value: float) -> str:
        """The lowest unstable rate."""
        of = self._known.unstable_base_learning_rate if self._known else None
        return with_interval(number(value), self._known, of, number)

    def margin(self, value: float) -> str:
        """The one over the other."""
        of = self._known.stability_margin if self._known else None
        return with_interval(multiple(value), self._known, of, multiple)


def with_interval(text: str, known: Intervals | None, interval: Interval | None, write: Callable[[float], str]) -> str:
    """The figure and its interval.

    >>> from lrdoctor.core.sections import Intervals
    >>> known = Intervals(
    ...     best_learning_rate=None, unstable_base_learning_rate=None, stability_margin=(1.6, 5.9), confidence=0.9,
    ...     n_seeds=3, stable_in_3_of_4=None, chance_at_edge=0.1, is_settled=True, seeds_to_settle=None)
    >>> with_interval("3.2x", known, known.stability_margin, "{:.3g}x".format)
    '3.2x (90 %: 1.6x to 5.9x)'
    >>> with_interval("3.2x", known, None, str)
    '3.2x (1 seed: no interval)'
    >>> with_interval("3.2x", None, None, str)
    '3.2x'

    Args:
        text: the figure.
        known: what the report says of intervals; None where it has none.
        interval: of the figure; None with one seed, which shows nothing of how seeds differ.
        write: the words for its ends.
    """
    if known is None:
        return text
    if interval is None:
        return f"{text} (1 seed: no interval)"
    return f"{text} ({range_text(interval, known.confidence, write)})"
