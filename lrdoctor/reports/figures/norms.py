"""What figure 9 shows: the unclipped gradient norms at lr* and at the first unstable rate, by step and in bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.fix_sections import ClipResult, NormsAtBest
from lrdoctor.core.robust import min_max_decimate
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.reports.numbers import number

MAX_POINTS = 200
"""Points a curve: more than a panel has pixels to spare."""
BINS = 30
"""Bars of the histogram, about; their edges are counted from the threshold, so that no bar lies across it."""
FIRST_PERCENTILE = 90.0
"""Marked where no threshold was tried (tuning playbook)."""
CEILING = 100.0
"""The axis ends at this multiple of the largest norm at lr*: one on its way to infinity would flatten the rest."""


@dataclass(frozen=True)
class Mark:
    """A threshold, drawn as a line."""

    clip_norm: float
    percentile: float
    share: float
    """Of all norms that are drawn, the part above it."""


@dataclass(frozen=True)
class Unstable:
    """The same training at the first unstable rate, over the same axes."""

    learning_rate: float
    seeds: tuple[int, ...]
    curves: tuple[Curve, ...]
    counts: tuple[int, ...]
    share: float
    """Of its norms, the part above the first threshold: what clipping would scale down there."""
    cut_above: bool
    """Some norms are larger than the axis."""


@dataclass(frozen=True)
class NormPlot:
    """What figure 9 shows."""

    name: str
    learning_rate: float
    rate_in_words: str
    """`lr* = 0.01`, or what else the rate is."""
    seeds: tuple[int, ...]
    curves: tuple[Curve, ...]
    """One a seed, positive and finite norms, thinned so that outliers of one step survive."""
    edges: tuple[float, ...]
    """Of the histogram's bars, ascending, evenly spaced in the logarithm."""
    counts: tuple[int, ...]
    marks: tuple[Mark, ...]
    """The first threshold, then the one that came out best where it is another."""
    not_drawn: int
    """Norms of 0, which have no height on a logarithmic axis."""
    unstable: Unstable | None = None
    """None where no rate is unstable, or no norm was recorded there."""

    @property
    def low(self) -> float:
        return self.edges[0]

    @property
    def high(self) -> float:
        return self.edges[-1]


def norm_plot(name: str, runs: Sequence[Run], clip: ClipResult, unstable: float | None = None) -> NormPlot | None:
    """The norms of the trials that the thresholds come from; None when there is none that can be drawn.

    Args:
        name: of the study.
        runs: its trials, others among them.
        clip: `Report.clip`, which says which trials held at lr*, and what was tried.
        unstable: the lowest unstable rate; None where there is none.
    """
    of = clip.norms
    if of is None:
        return None
    rate = of.base_learning_rate
    # other optimizers are tried after the spec's own, which is that of the first trial
    own = next((run.trial.optimizer for run in runs if run.trial is not None), None)
    used = [run for run in runs if _is_used(run, clip, of, rate, own)]
    beyond = [run for run in runs if unstable is not None and _is_used(run, clip, of, unstable, own)]
    return _plot(name, rate, f"lr* = {number(rate)}", used, (unstable, beyond), _thresholds(clip, of))


def swept_norms(study: Study) -> NormPlot | None:
    """The norms of a sweep at lr* (at the lowest rate where there is none) and at the first unstable rate.

    The threshold is the playbook's first: the 90th percentile, the median over the seeds.
    """
    best = study.best_learning_rate
    tried = [rate.base_learning_rate for rate in study.rates if rate.n_judged]
    rate = best if best is not None else min(tried, default=None)
    if rate is None:
        return None
    words = f"lr* = {number(rate)}" if best is not None else f"{number(rate)}, the lowest rate"
    unstable = study.unstable_base_learning_rate
    if unstable is None and best is None:  # where no rate is feasible a sweep names none
        unstable = next((r.base_learning_rate for r in study.rates if r.n_judged and r.is_unstable), None)
    beyond = _at(study.runs, unstable) if unstable != rate else []
    return _plot(study.name, rate, words, _at(study.runs, rate), (unstable, beyond))


def probed_norms(name: str, rate: float, factor: float, runs: Sequence[Run]) -> NormPlot | None:
    """The norms of short runs, which are all at one rate."""
    return _plot(name, rate, f"{number(rate)} = {factor:g}x lr*", _at(runs, rate), (None, []))


def _at(runs: Sequence[Run], rate: float | None) -> list[Run]:
    found = [run for run in runs if run.trial is not None and run.trial.base_learning_rate == rate]
    return sorted(found, key=lambda run: run.trial.seed if run.trial is not None else 0)


def _plot(
    name: str,
    rate: float,
    words: str,
    used: Sequence[Run],
    beyond: tuple[float | None, Sequence[Run]],
    thresholds: Sequence[tuple[float, float]] = (),
) -> NormPlot | None:
    """The plot, with the first percentile of these norms as the threshold where none is given."""
    used = [run for run in used if run.status != "failed" and len(run.grad_norm.finite)]
    drawn = [_positive(run.grad_norm.finite) for run in used]
    values = np.concatenate([curve.value for curve in drawn]) if drawn else np.zeros(0)
    if not len(values):
        return None
    if not thresholds:
        percentiles = [np.percentile(curve.value, FIRST_PERCENTILE) for curve in drawn if len(curve)]
        thresholds = [(FIRST_PERCENTILE, float(np.median(percentiles)))]
    marks = tuple(Mark(norm, q, float(np.mean(values > norm))) for q, norm in thresholds)
    others = [run for run in beyond[1] if run.status != "failed" and len(_positive(run.grad_norm.finite))]
    curves = [_positive(run.grad_norm.finite) for run in others]
    every = np.concatenate([values, *(curve.value for curve in curves)])
    high = min(float(every.max()), CEILING * float(values.max()))
    edges = bar_edges(float(every.min()), high, marks[0].clip_norm)
    unstable = None
    if curves and beyond[0] is not None:
        norms = np.concatenate([curve.value for curve in curves])
        unstable = Unstable(
            learning_rate=beyond[0],
            seeds=tuple(run.trial.seed for run in others if run.trial is not None),
            curves=tuple(min_max_decimate(curve, MAX_POINTS) for curve in curves),
            # what lies beyond the axis is counted in its last bar
            counts=tuple(np.histogram(np.minimum(norms, high), edges)[0].tolist()),
            share=float(np.mean(norms > marks[0].clip_norm)),
            cut_above=bool(norms.max() > high),
        )
    return NormPlot(
        name=name,
        learning_rate=rate,
        rate_in_words=words,
        seeds=tuple(run.trial.seed for run in used if run.trial is not None),
        curves=tuple(min_max_decimate(curve, MAX_POINTS) for curve in drawn),
        edges=tuple(edges),
        counts=tuple(np.histogram(values, edges)[0].tolist()),
        marks=marks,
        not_drawn=sum(len(run.grad_norm.finite) for run in used) - len(values),
        unstable=unstable,
    )


def _is_used(run: Run, clip: ClipResult, norms: NormsAtBest, rate: float, optimizer: str | None) -> bool:
    """Whether it is the spec's own training, with what the spec itself has of warmup and clipping."""
    trial = run.trial
    return (
        trial is not None
        and trial.stop_after is None
        and trial.base_learning_rate == rate
        and trial.optimizer == optimizer
        and trial.rewrite is None
        and trial.autoclip_percentile is None
        and trial.clip_norm == clip.own_clip_norm
        and trial.warmup_steps == clip.own_warmup_steps
        and trial.seed in norms.seeds
    )


def _positive(curve: Curve) -> Curve:
    keep = curve.value > 0
    return Curve(curve.step[keep], curve.value[keep])


def _thresholds(clip: ClipResult, norms: NormsAtBest) -> list[tuple[float, float]]:
    """(percentile, threshold): the first one tried, and the best one where it is another."""
    tried = [one for a in clip.attempts if (one := _threshold(a.percentile, a.clip_norm)) is not None]
    if not tried:
        return [(row.percentile, row.median) for row in norms.percentiles if row.percentile == FIRST_PERCENTILE]
    best = _threshold(clip.percentile, clip.clip_norm)
    return [tried[0]] + ([best] if best is not None and best != tried[0] else [])


def _threshold(percentile: float | None, clip_norm: float | None) -> tuple[float, float] | None:
    return None if percentile is None or clip_norm is None else (percentile, clip_norm)


def bar_edges(low: float, high: float, at: float) -> list[float]:
    """Edges from below `low` to above `high`, evenly spaced in the logarithm, one of them `at`.

    >>> bar_edges(2.0, 2.0, 2.0)[0] < 2.0 < bar_edges(2.0, 2.0, 2.0)[-1]
    True
    """
    width = max(math.log(high / low) / BINS, 0.01)
    first = math.floor(math.log(low / at) / width * (1 + 1e-9)) - 1
    last = math.ceil(math.log(high / at) / width * (1 + 1e-9)) + 1
    return [at * math.exp(k * width) for k in range(first, last + 1)]
