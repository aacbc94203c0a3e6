"""What figure 6 shows: training loss and learning rate against step, one curve a warmup, at one base rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import EMPTY, Curve
from lrdoctor.core.fix_sections import TriedWarmup, WarmupResult
from lrdoctor.core.robust import min_max_decimate
from lrdoctor.core.run import Run

POINTS_A_DECADE = 60
"""Of steps, thinned so that spikes of one step survive: about one a pixel of a logarithmic axis."""
SMOOTH_POINTS = 70
"""Of a smoothed line, evenly over the logarithm of the steps."""
PART = 0.12
"""Of the steps so far that lie within a median on each side: a quarter of them is a tenth of a decade."""
MOST_CURVES = 6
"""Warmups that are told apart at a glance: the nearest ones to the shortest that holds."""
CEILING = 30.0
"""The axis ends at this multiple of the highest first loss: one on its way to infinity would flatten the rest."""

EASY_BATCHES = 0.02
"""Share of the losses that may lie under the axis: single batches that happened to be easy would stretch it."""


@dataclass(frozen=True)
class WarmupTrace:
    """The seeds of one warmup; a step is counted from 1, since a logarithmic axis has no 0."""

    warmup_steps: int
    n_held: int
    n_judged: int
    loss: Curve
    """Of the seed with the median lowest loss."""
    smoothed: Curve
    """The line that an eye would draw through it."""
    ends_non_finite: bool
    others: tuple[Curve, ...]
    learning_rate: Curve
    """Where it is above 0."""

    @property
    def holds(self) -> bool:
        return 2 * self.n_held > self.n_judged


@dataclass(frozen=True)
class WarmupCurves:
    """What figure 6 shows; no traces when there is nothing to show."""

    name: str
    base_learning_rate: float
    traces: tuple[WarmupTrace, ...]
    """By warmup_steps, ascending."""
    not_drawn: int
    """Warmups that were tried at the rate and are not drawn."""
    low: float
    high: float
    """Limits of the losses, without margins."""
    cut_above: bool


def warmup_curves(name: str, warmup: WarmupResult, runs: Sequence[Run]) -> WarmupCurves:
    """Picks the base rate that was reached, the one asked for when none was.

    Args:
        name: of the study.
        warmup: `Report.warmup`.
        runs: with the trials of the search among them.
    """
    return _curves(name, warmup, runs, warmup.base_learning_rate or _asked_for(warmup))


def failed_target(name: str, warmup: WarmupResult, runs: Sequence[Run]) -> WarmupCurves | None:
    """The warmups at the base rate that was asked for, where none of them holds; None where that rate was reached.

    Args:
        name, warmup, runs: as of `warmup_curves`.
    """
    asked = _asked_for(warmup)
    is_reached = warmup.base_learning_rate in (None, asked)
    curves = None if is_reached else _curves(name, warmup, runs, asked)
    return curves if curves is not None and curves.traces else None


def _asked_for(warmup: WarmupResult) -> float:
    return max(row.base_learning_rate for row in warmup.tried)


def _curves(name: str, warmup: WarmupResult, runs: Sequence[Run], base: float) -> WarmupCurves:
    rows = sorted((r for r in warmup.tried if r.base_learning_rate == base), key=lambda r: r.warmup_steps)
    middle = warmup.warmup_steps or max(row.warmup_steps for row in rows)
    near = sorted(rows, key=lambda row: abs(math.log(row.warmup_steps / middle)))[:MOST_CURVES]
    traces = [_trace(row, _runs_of(runs, base, row.warmup_steps)) for row in rows if row in near]
    drawn = tuple(trace for trace in traces if trace is not None)
    return WarmupCurves(name, base, drawn, len(rows) - len(drawn), *_limits(drawn))


def _runs_of(runs: Sequence[Run], base: float, warmup_steps: int) -> list[Run]:
    """The trials of the search at a warmup, with a positive loss to draw."""
    return [
        run
        for run in runs
        if run.trial is not None
        and run.trial.post_warmup_steps is not None
        and (run.trial.base_learning_rate, run.trial.warmup_steps) == (base, warmup_steps)
        and run.status != "failed"
        and len(run.train_loss.finite)
    ]


def _trace(row: TriedWarmup, runs: Sequence[Run]) -> WarmupTrace | None:
    if not runs:
        return None
    ranked = sorted(runs, key=lambda run: (run.status == "diverged", float(run.train_loss.finite.value.min())))
    middle = ranked.pop((len(ranked) - 1) // 2)
    rates = max((run.curve("learning_rate") for run in runs), key=len)
    return WarmupTrace(
        warmup_steps=row.warmup_steps,
        n_held=row.n_held,
        n_judged=row.n_judged,
        loss=thinned(middle.train_loss),
        smoothed=smooth_by_decade(middle.train_loss),
        ends_non_finite=middle.status == "diverged",
        others=tuple(smooth_by_decade(run.train_loss) for run in ranked),
        learning_rate=thinned(Curve(rates.step[rates.value > 0], rates.value[rates.value > 0])),
    )


def thinned(curve: Curve) -> Curve:
    """The finite part, steps counted from 1, thinned within each decade of steps.

    >>> len(thinned(Curve.of([1.0] * 10))), len(thinned(Curve.of([1.0] * 100_000))) < 1000
    (10, True)
    """
    finite = curve.finite
    if not len(finite):
        return EMPTY
    whole = Curve(finite.step + 1, finite.value)
    ends = [10**k for k in range(1, len(str(int(whole.step[-1]))) + 1)]
    parts = [min_max_decimate(whole.after(end // 10).before(end), POINTS_A_DECADE) for end in ends]
    return Curve(np.concatenate([part.step for part in parts]), np.concatenate([part.value for part in parts]))


def smooth_by_decade(curve: Curve) -> Curve:
    """The finite values as an eye follows them along a logarithmic axis, steps counted from 1: the median of a part of
    the steps that grows with them.

    >>> smooth_by_decade(Curve.of([5.0, 5.0, 5.0, 50.0, 5.0])).value.tolist()
    [5.0, 5.0, 5.0, 50.0, 5.0]
    >>> float(smooth_by_decade(Curve.of([1.0] * 99 + [50.0] + [1.0] * 99)).value.max())
    1.0
    """
    finite = curve.finite
    n = len(finite)
    if not n:
        return EMPTY
    even = np.geomspace(1, n, SMOOTH_POINTS).round().astype(np.int64) - 1
    at = np.arange(n) if n <= SMOOTH_POINTS else np.unique(even)
    reach = (at * PART).astype(np.int64)
    middles = [float(np.median(finite.value[max(i - r, 0) : i + r + 1])) for i, r in zip(at, reach, strict=True)]
    return Curve(finite.step[at] + 1, np.array(middles))


def _limits(traces: Sequence[WarmupTrace]) -> tuple[float, float, bool]:
    every = [curve.value for trace in traces for curve in (trace.loss, *trace.others)]
    if not every:
        return 0.0, 1.0, False
    low, top = float(np.quantile(np.concatenate(every), EASY_BATCHES)), float(max(v.max() for v in every))
    first = max(abs(float(v[0])) for v in every)
    high = min(top, CEILING * first) if first else top
    return low, high, top > high
