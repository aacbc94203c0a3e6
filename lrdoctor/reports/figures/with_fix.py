"""What figure 8 shows: the objective against the base learning rate, with and without a fix."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lrdoctor.core.fix_sections import WarmupResult
from lrdoctor.core.study import Objective, Rate
from lrdoctor.reports.figures.objective import Point
from lrdoctor.reports.figures.series import Series, rising, series
from lrdoctor.reports.numbers import number


@dataclass(frozen=True)
class Mark:
    """A rate worth a vertical line."""

    rate: float
    words: str
    """What the rate is; the number follows."""
    kind: Literal["best", "unstable"]
    of_fix: bool = False
    """Of the training with the fix."""


@dataclass(frozen=True)
class WithFix:
    """What figure 8 shows."""

    name: str
    objective: Objective
    n_seeds: int
    without: Series
    with_fix: Series
    unstable: tuple[Point, ...]
    """Those of the feasible rates, with and without the fix, that are unstable: they rise and come back."""
    marks: tuple[Mark, ...]
    headline: tuple[str, ...]
    """Lines under the name."""
    x_label: str = "base learning rate"


def marks(rates: tuple[float | None, float | None], best: str, unstable: str, of_fix: bool = False) -> Iterator[Mark]:
    """The lines at the best and at the lowest unstable rate, where they are known; `best` and `unstable` in words."""
    if rates[0] is not None:
        yield Mark(rates[0], best, "best", of_fix)
    if rates[1] is not None:
        yield Mark(rates[1], unstable, "unstable", of_fix)


def _warmed(steps: int) -> str:
    return f"warmup, {steps} step{'' if steps == 1 else 's'}"


def with_warmup(
    name: str, warmup: WarmupResult, swept: Sequence[Rate], best: float | None, unstable: float | None
) -> WithFix:
    """Figure 8 of a warmup.

    Args:
        name: of the study.
        warmup: `Report.warmup`.
        swept: the sweep's rates, drawn up to the highest one that was compared, or tried where none was.
        best: lr*.
        unstable: the lowest unstable rate.
    """
    top = max((row.base_learning_rate for row in warmup.with_warmup or warmup.tried), default=math.inf)
    plain = {row.base_learning_rate: row for row in swept if row.base_learning_rate <= top}
    plain |= {row.base_learning_rate: row for row in warmup.without}
    steps = warmup.warmup_steps
    own = warmup.own_warmup_steps
    label = "" if steps is None else _warmed(steps)
    highest = warmup.highest_stable_learning_rate
    said: tuple[str, ...] = ("no warmup held: nothing to compare",)
    if warmup.with_warmup:
        result = f"warmup {warmup.status.replace('_', ' ')}: highest stable rate"
        said = (result, f"{number(highest.without)} without, {number(highest.with_warmup)} with")
    rows = list(plain.values())
    without = series(f"the spec's {_warmed(own)}" if own else "without", rows)
    with_fix = series(label, warmup.with_warmup)
    return WithFix(
        name=name,
        objective=warmup.objective,
        n_seeds=max((row.n_judged for row in [*rows, *warmup.with_warmup]), default=0),
        without=without,
        with_fix=with_fix,
        unstable=(*rising(without, rows), *rising(with_fix, warmup.with_warmup)),
        marks=tuple(marks((best, unstable), "lr*", "unstable without it from")),
        headline=said,
    )
