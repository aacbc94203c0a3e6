"""What the second half of figure 4 shows: how several trainings go at a low learning rate, and at a high one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.robust import min_max_decimate
from lrdoctor.core.run import Run
from lrdoctor.core.study import Rate
from lrdoctor.reports.figures.smooth import smooth
from lrdoctor.reports.numbers import number

SAME = 0.1
"""A rate this close (relative) to the one that is shown stands for it: grids need not be the same to a digit."""
RAW_POINTS = 200
"""Points of the raw curve under the smoothed one."""
DECADES_FOR_LOG = 1.0
"""Losses that span less are easier to read on a linear axis."""
CEILING = 10.0
"""The axis ends at this multiple of the highest first loss: one on its way to infinity would flatten the rest."""


@dataclass(frozen=True)
class ComparedTraining:
    """One training: its rates and its whole runs."""

    name: str
    best: float | None
    rates: tuple[Rate, ...]
    runs: tuple[Run, ...]

    def at(self, rate: float) -> Rate | None:
        """The rate that stands for this one, where one does."""
        judged = [each for each in self.rates if each.n_judged]
        nearest = min(judged, key=lambda each: abs(math.log(each.base_learning_rate / rate)), default=None)
        return nearest if nearest and abs(nearest.base_learning_rate / rate - 1) <= SAME else None


@dataclass(frozen=True)
class Line:
    """The training loss of one training at a rate; empty curves where it was not tried there."""

    place: int
    """Of the training among all, which decides its colour."""
    learning_rate: float | None
    raw: Curve
    smoothed: Curve
    break_at: tuple[int, float] | None
    """Step and value of the last finite loss of a run that ended non-finite."""
    others: tuple[Curve, ...]
    """The other seeds, smoothed."""


@dataclass(frozen=True)
class RatePanel:
    """The trainings at one rate."""

    title: str
    lines: tuple[Line, ...]
    log_y: bool
    low: float
    high: float
    cut_above: bool


@dataclass(frozen=True)
class Apart:
    """What the figure shows."""

    name: str
    labels: tuple[str, ...]
    panels: tuple[RatePanel, ...]
    """One where all rates tried are the same; none where no training has a curve."""


def apart(name: str, trainings: Sequence[ComparedTraining]) -> Apart:
    """The trainings at a low rate, where all of them train, and at a high one that tells them apart."""
    low, high = low_and_high(trainings)
    panels = []
    for words, rate in (("low", low), ("high", high)):
        if rate is not None:
            panels.append(_panel(f"at a {words} learning rate, {number(rate)}", rate, trainings))
    return Apart(name, tuple(of.name for of in trainings), tuple(panel for panel in panels if panel.lines))


def low_and_high(trainings: Sequence[ComparedTraining]) -> tuple[float | None, float | None]:
    """The highest rate up to the lowest lr* at which none is unstable; above it the lowest at which some are and others
    are not, else the highest that most of them tried."""
    every = sorted({rate.base_learning_rate for of in trainings for rate in of.rates if rate.n_judged})
    there = {rate: [found for of in trainings if (found := of.at(rate)) is not None] for rate in every}
    best = min((of.best for of in trainings if of.best is not None), default=math.inf)
    calm = [rate for rate in every if rate <= best and not any(found.is_unstable for found in there[rate])]
    low = max(calm, key=lambda rate: (len(there[rate]), rate), default=every[0] if every else None)
    above = [rate for rate in every if low is not None and rate > low]

    def tells(rate: float) -> tuple[bool, int, float]:
        states = {found.is_unstable for found in there[rate]}
        return len(states) > 1, len(there[rate]), -rate if len(states) > 1 else rate

    return low, max(above, key=tells, default=None)


def _panel(title: str, rate: float, trainings: Sequence[ComparedTraining]) -> RatePanel:
    lines = [line for place, of in enumerate(trainings) if (line := _line(place, of, rate)) is not None]
    return RatePanel(title, tuple(lines), *_limits(lines))


def _line(place: int, of: ComparedTraining, rate: float) -> Line | None:
    found = of.at(rate)
    if found is None:
        return None
    runs = [
        run
        for run in of.runs
        if run.trial is not None
        and run.trial.base_learning_rate == found.base_learning_rate
        and run.status != "failed"
        and len(run.train_loss.finite)
    ]
    if not runs:
        return None
    ranked = sorted(runs, key=lambda run: (run.status == "diverged", float(np.median(run.train_loss.finite.value))))
    middle = ranked.pop((len(ranked) - 1) // 2)
    raw = min_max_decimate(middle.train_loss.finite, RAW_POINTS)
    broke = not np.isfinite(middle.train_loss.value[-1]) or middle.status == "diverged"
    return Line(
        place=place,
        learning_rate=found.base_learning_rate,
        raw=raw,
        smoothed=smooth(middle.train_loss),
        break_at=(int(raw.step[-1]), float(raw.value[-1])) if broke else None,
        others=tuple(smooth(run.train_loss) for run in ranked),
    )


def _limits(lines: Sequence[Line]) -> tuple[bool, float, float, bool]:
    """(log, low, high, whether values lie above high)."""
    if not lines:
        return False, 0.0, 1.0, False
    every = np.concatenate([curve.value for line in lines for curve in (line.raw, *line.others)])
    low, top = float(every.min()), float(every.max())
    first = max(abs(float(line.raw.value[0])) for line in lines) or 1.0
    high = max(min(top, CEILING * first), low)
    return low > 0 and math.log10(high / low) > DECADES_FOR_LOG, low, high, top > high
