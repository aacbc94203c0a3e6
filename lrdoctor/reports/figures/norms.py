"""What figure 9 shows: the unclipped gradient norms at lr*, against the step and as a histogram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.fix_sections import ClipResult, NormsAtBest
from lrdoctor.core.robust import min_max_decimate
from lrdoctor.core.run import Run

MAX_POINTS = 500
"""Points a curve: about one a pixel of a figure in a page."""
BINS = 30
"""Bars of the histogram, about; their edges are counted from the threshold, so that no bar lies across it."""
FIRST_PERCENTILE = 90.0
"""Marked where no threshold was tried (tuning playbook)."""


@dataclass(frozen=True)
class Mark:
    """A threshold, drawn as a line."""

    clip_norm: float
    percentile: float
    share: float
    """Of all norms that are drawn, the part above it."""


@dataclass(frozen=True)
class NormPlot:
    """What figure 9 shows."""

    name: str
    learning_rate: float
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

    @property
    def low(self) -> float:
        return self.edges[0]

    @property
    def high(self) -> float:
        return self.edges[-1]


def norm_plot(name: str, runs: Sequence[Run], clip: ClipResult) -> NormPlot | None:
    """The norms of the trials that the thresholds come from; None when there is none that can be drawn.

    Args:
        name: of the study.
        runs: its trials, others among them.
        clip: `Report.clip`, which says which trials held at lr*, and what was tried.
    """
    of = clip.norms
    if of is None:
        return None
    used = [run for run in runs if _is_used(run, clip, of)]
    drawn = [_positive(run.grad_norm.finite) for run in used]
    values = np.concatenate([curve.value for curve in drawn]) if drawn else np.zeros(0)
    if not len(values):
        return None
    marks = tuple(Mark(norm, q, float(np.mean(values > norm))) for q, norm in _thresholds(clip, of))
    edges = bar_edges(float(values.min()), float(values.max()), marks[0].clip_norm)
    return NormPlot(
        name=name,
        learning_rate=of.base_learning_rate,
        seeds=tuple(run.trial.seed for run in used if run.trial is not None),
        curves=tuple(min_max_decimate(curve, MAX_POINTS) for curve in drawn),
        edges=tuple(edges),
        counts=tuple(np.histogram(values, edges)[0].tolist()),
        marks=marks,
        not_drawn=sum(len(run.grad_norm.finite) for run in used) - len(values),
    )


def _is_used(run: Run, clip: ClipResult, norms: NormsAtBest) -> bool:
    """Whether it is the spec's own training, with what the spec itself has of warmup and clipping."""
    trial = run.trial
    return (
        trial is not None
        and trial.base_learning_rate == norms.base_learning_rate
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
