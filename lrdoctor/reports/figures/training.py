"""What figure 7b shows: training loss against step, at lr* and at the rates tried above it, a panel a rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.robust import min_max_decimate
from lrdoctor.core.run import Run
from lrdoctor.core.study import Objective, Study
from lrdoctor.reports.figures.objective import why_no_best
from lrdoctor.reports.figures.smooth import smooth

MULTIPLES = (2.0, 5.0, 10.0)
"""The tried rates nearest to these multiples of lr* are shown: one just above, and the playbook's checks."""
MAX_POINTS = 180
"""Points of a raw curve: more than a panel has pixels to spare."""
SPREAD = 4
"""Rates that are shown where none is feasible: the lowest, the highest, and two between."""
DECADES_FOR_LOG = 1.5
"""Training losses that fall by less are easier to read on a linear axis."""
LOG_CEILING = 30.0
"""The axis ends at this multiple of the usual loss: one on its way to infinity would flatten the rest."""
LINEAR_CEILING = 1.0
"""The same where the axis is linear, in ranges of the usual loss above it."""


@dataclass(frozen=True)
class Trace:
    """The training loss of one seed, thinned so that spikes of one step survive."""

    curve: Curve
    smoothed: Curve
    """The line that an eye would draw through it."""
    break_at: tuple[int, float] | None
    """Step and value of the last finite loss of a run that ended non-finite."""


@dataclass(frozen=True)
class RateTraces:
    """The traces at one learning rate."""

    learning_rate: float
    multiple: float | None
    """Of lr*; None where there is none."""
    median: Trace
    """The seed with the median objective."""
    others: tuple[Trace, ...]


@dataclass(frozen=True)
class TrainingCurves:
    """What figure 7b shows; no rates when there is nothing to show."""

    name: str
    missing: str
    """Why there is nothing to show, empty when there is."""
    rates: tuple[RateTraces, ...]
    """lr* first, then ascending; where there is no lr*, some of the rates that were tried."""
    log_y: bool
    low: float
    high: float
    """Limits of the value axis, without margins."""
    cut_above: bool
    """Some values are higher than the axis."""


def training_curves(study: Study) -> TrainingCurves:
    """Picks lr*, the rates nearest to 2, 5 and 10 times lr*, and the lowest unstable rate.

    Where there is no lr*, how the trainings go at a few of the rates says most: some are picked over the whole range.
    """
    best = study.best_learning_rate
    runs = {rate.base_learning_rate: _runs_at(study, rate.base_learning_rate) for rate in study.rates}
    drawn = [lr for lr, at_rate in runs.items() if at_rate]
    if not drawn or (best is not None and best not in drawn):
        missing = why_no_best(study) if best is None else "no training loss was recorded at lr*"
        return TrainingCurves(study.name, missing, (), False, 0.0, 1.0, False)
    picked = spread_rates(drawn) if best is None else pick_rates(best, drawn, study.unstable_base_learning_rate)
    rates = tuple(_traces(lr, best and lr / best, runs[lr], study.objective) for lr in picked)
    return TrainingCurves(study.name, "", rates, *_value_axis(rates, study.loss_at_init))


def spread_rates(tried: Iterable[float]) -> list[float]:
    """A few of the rates, from the lowest to the highest.

    >>> spread_rates([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]), spread_rates([0.1])
    ([0.001, 0.01, 0.1, 1.0], [0.1])
    """
    ordered = sorted(tried)
    places = np.linspace(0, len(ordered) - 1, min(SPREAD, len(ordered))).round().astype(int)
    return [ordered[i] for i in places]


def pick_rates(best: float, tried: Iterable[float], unstable: float | None) -> list[float]:
    """lr*, then what figure 7b compares it with, ascending.

    >>> pick_rates(0.01, [0.001, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.5], unstable=0.07)
    [0.01, 0.02, 0.05, 0.07, 0.1]
    >>> pick_rates(0.01, [0.001, 0.01], unstable=None)
    [0.01]
    """
    tried = list(tried)
    above = [lr for lr in tried if lr > best]
    picked = {min(above, key=lambda lr: abs(math.log(lr / (m * best)))) for m in MULTIPLES if above}
    if unstable in tried and unstable is not None:
        picked.add(unstable)
    return [best, *sorted(picked - {best})]


def _runs_at(study: Study, learning_rate: float) -> list[Run]:
    """The runs at that rate with a finite training loss; a failed run says nothing about stability."""
    return [
        run
        for run in study.runs
        if run.trial is not None
        and run.trial.base_learning_rate == learning_rate
        and run.status != "failed"
        and len(run.train_loss.finite)
    ]


def _traces(learning_rate: float, multiple: float | None, runs: Sequence[Run], objective: Objective) -> RateTraces:
    ranked = sorted(runs, key=lambda run: _objective(run, objective))
    middle = ranked.pop((len(ranked) - 1) // 2)
    return RateTraces(learning_rate, multiple, _trace(middle), tuple(_trace(run) for run in ranked))


def _objective(run: Run, objective: Objective) -> float:
    """The best loss of a run that lived, inf of one that did not; only ranks the seeds of one rate."""
    values = (run.val_loss if objective == "best_val_loss" else run.train_loss).finite.value
    return float(np.min(values)) if run.status != "diverged" and values.size else math.inf


def _trace(run: Run) -> Trace:
    raw = run.train_loss
    thin = min_max_decimate(raw, MAX_POINTS)
    # a run that stopped at a non-finite gradient broke too, though its last loss is finite
    broke = not np.isfinite(raw.value[-1]) or run.status == "diverged"
    return Trace(thin, smooth(raw), (int(thin.step[-1]), float(thin.value[-1])) if broke else None)


def _value_axis(rates: Sequence[RateTraces], loss_at_init: float | None) -> tuple[bool, float, float, bool]:
    """(log, low, high, whether values lie above high), by the curve at lr* and the loss at initialization."""
    every = np.concatenate([trace.curve.value for rate in rates for trace in (rate.median, *rate.others)])
    usual = rates[0].median.curve.value
    if loss_at_init is not None and math.isfinite(loss_at_init):
        usual = np.append(usual, loss_at_init)
    low, top, reference = float(every.min()), float(every.max()), float(usual.max())
    positive = low > 0
    span = reference - low or abs(reference) or 1.0
    ceiling = LOG_CEILING * reference if positive else reference + LINEAR_CEILING * span
    high = min(top, ceiling)
    return positive and math.log10(high / low) > DECADES_FOR_LOG, low, high, top > high
