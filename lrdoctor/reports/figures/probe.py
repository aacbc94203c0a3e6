"""What figure 5 shows: both losses at every step of the early part, and what an ordinary schedule sees of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.robust import min_max_decimate
from lrdoctor.core.run import Run, trial_of
from lrdoctor.core.sections import Probe, ProbedSeed
from lrdoctor.reports.numbers import multiple, number

MAX_POINTS = 240
"""Points a curve: more than a panel has pixels to spare."""
FEW_POINTS = 90
"""The same of the other seeds, whose spikes are all that is looked for."""
SHORTEST = 50
"""Steps shown at least: early blow-ups come and go within some 25."""
SCHEDULED = 3
"""Evaluations of the ordinary schedule shown at least, where the run has them."""
PAST_PEAK = 2
"""Multiple of the step of the highest loss that is shown: how it came back belongs to it."""
DECADES_FOR_LOG = 1.0
"""Losses that span less are easier to read on a linear axis."""
LOG_CEILING = 1000.0
"""The axis ends at this multiple of the first loss: one on its way to infinity would flatten the rest."""
LINEAR_CEILING = 10.0
"""The same where the axis is linear, in sizes of the first loss above it."""


@dataclass(frozen=True)
class Trace:
    """A loss of one seed, finite values only."""

    every: Curve
    """At every step, thinned so that spikes of one step survive."""
    scheduled: Curve
    """At the steps of the ordinary schedule."""


@dataclass(frozen=True)
class Panel:
    """One of the losses."""

    label: str
    missing: str
    """Why there is nothing to show, empty when there is."""
    median: Trace | None
    """Of the seed with the median peak."""
    others: tuple[Trace, ...]
    log_y: bool
    low: float
    high: float
    """Limits of the value axis, without margins."""
    cut_above: bool
    """Some values are higher than the axis."""


@dataclass(frozen=True)
class ProbePlot:
    """What figure 5 shows."""

    name: str
    headline: str
    eval_every: int
    n_shown: int
    """Steps shown, from the first on."""
    panels: tuple[Panel, Panel]
    """The training loss and the evaluation loss of these steps."""
    n_whole: int
    """Steps of the whole run."""
    whole: tuple[Panel, Panel] | None
    """The same of the whole run; None where it is no longer than what is shown."""


def probe_plot(name: str, runs: Sequence[Run], probe: Probe) -> ProbePlot:
    """The panels of the training loss and of the evaluation loss, the same seed drawn strongly in both.

    Args:
        name: of the study.
        runs: the short runs.
        probe: `Report.probe` of these runs.
    """
    rows = {seed.run: seed for seed in probe.seeds}
    drawn = [run for run in runs if run.name in rows and len(run.train_loss.finite)]
    order = sorted(drawn, key=lambda run: _height(rows[run.name]))
    if order:  # the median first
        order.insert(0, order.pop((len(order) - 1) // 2))
    eval_every, held = probe.eval_every, probe.evaluated
    shown = _n_shown(eval_every, drawn, list(rows.values()))
    label = f"evaluation loss ({held} examples)" if held is not None else "evaluation loss"
    curves = (("training loss", "train_loss"), (label, "val_loss"))
    n_whole = max((len(run.train_loss) for run in drawn), default=shown)
    train, val = (_panel(label, curve, order, eval_every, shown) for label, curve in curves)
    whole = tuple(_panel(label, curve, order, eval_every, n_whole) for label, curve in curves)
    headline = f"learning rate {number(probe.base_learning_rate)} = {multiple(probe.factor)} lr*"
    is_longer = n_whole > shown
    return ProbePlot(
        name, headline, eval_every, shown, (train, val), n_whole, (whole[0], whole[1]) if is_longer else None
    )


def _height(seed: ProbedSeed) -> float:
    """The peak of the evaluation loss where there is one, else of the training loss."""
    return seed.peak.value if seed.peak is not None else -math.inf


def _n_shown(eval_every: int, runs: Sequence[Run], seeds: Sequence[ProbedSeed]) -> int:
    peaks = [peak for seed in seeds if seed.blew_up for peak in (seed.train_peak, seed.val_peak)]
    past: int = max((PAST_PEAK * (peak.step + 1) for peak in peaks if peak is not None), default=0)
    wanted = max(SHORTEST, SCHEDULED * eval_every, past)
    return min(wanted, max((len(run.train_loss) for run in runs), default=wanted))


def _panel(label: str, name: str, runs: Sequence[Run], eval_every: int, n_shown: int) -> Panel:
    # the first is drawn strongly, the others faintly behind it
    traces = [_trace(run, name, eval_every, n_shown, FEW_POINTS if i else MAX_POINTS) for i, run in enumerate(runs)]
    traces = [trace for trace in traces if len(trace.every)]
    if not traces:
        missing = "no validation data" if name == "val_loss" and runs else "no seed was judged"
        return Panel(label, missing, None, (), False, 0.0, 1.0, False)
    firsts = [float(run.train_loss.finite.value[0]) for run in runs]
    return Panel(label, "", traces[0], tuple(traces[1:]), *_value_axis(traces, max(firsts)))


def _trace(run: Run, name: str, eval_every: int, n_shown: int, n_points: int) -> Trace:
    curve = run.curve(name).before(n_shown).finite
    return Trace(min_max_decimate(curve, n_points), curve.at_schedule(eval_every, trial_of(run).schedule_steps))


def _value_axis(traces: Sequence[Trace], first: float) -> tuple[bool, float, float, bool]:
    """(log, low, high, whether values lie above high)."""
    every = np.concatenate([trace.every.value for trace in traces])
    low, top = float(every.min()), float(every.max())
    positive = low > 0
    size = abs(first) or 1.0
    high = min(top, max(first, low) + LINEAR_CEILING * size)
    log = positive and math.log10(top / low) > DECADES_FOR_LOG
    if log:
        high = min(top, LOG_CEILING * max(first, low))
    return log, low, high, top > high
