"""What a log alone tells about its run: when it went wrong, how long it was, which learning rates it used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import Curve, Values
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study

LOSS_EVENTS = frozenset({"early", "mid_training", "non_finite", "plateau"})
"""Instabilities of the loss, as against those of its gradient, of logging and of restarts."""

ALMOST = 1 - 1e-6
"""Share of the highest learning rate from which on the ramp counts as over: schedulers round."""
RAMP_FROM = 0.5
"""A ramp begins at this share of the peak at most. It starts at 0, but the first logged point may lie well inside."""
SHORTEST_RAMP = 10
"""Updates. A rate of 0 in the first few of them is how schedulers start, no warmup."""


def run_of(study: Study) -> Run | None:
    """The run when the study is a single log, None for a sweep."""
    return study.runs[0] if study.spec is None and len(study.runs) == 1 else None


def is_broken_from_the_start(run: Run) -> bool:
    """Whether the loss is not finite before the first update, so that no choice about updates can be the cause.

    Logs count from 0 or from 1.
    """
    loss = run.train_loss
    return len(loss) > 0 and counts_updates(run) and int(loss.step[0]) <= 1 and not bool(np.isfinite(loss.value[0]))


def concerns_updates(study: Study, finding: Finding) -> bool:
    """`applies` of the fixes that change the updates: a log that is non-finite before the first one has no use."""
    run = run_of(study)
    return run is None or finding.instability != "non_finite" or not is_broken_from_the_start(run)


def architecture_unseen(study: Study, findings: Iterable[Finding]) -> str | None:
    """What every fix of the architecture has to say of a log."""
    return None if run_of(study) is None else "the log does not show the model, so check that first"


def about(run: Run, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings about this run that need a cure, by their first step; those of severity info need none."""
    mine = [f for f in findings if f.run in (None, run.name) and f.severity != "info"]
    return tuple(sorted(mine, key=lambda f: float("inf") if f.first_step is None else f.first_step))


def events(run: Run, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The instabilities of the run's loss, by their first step.

    Where the loss has none, a gradient that exploded (severity error) counts as one.
    """
    mine = [f for f in about(run, findings) if f.first_step is not None]
    of_loss = tuple(f for f in mine if f.instability in LOSS_EVENTS)
    return of_loss or tuple(f for f in mine if f.instability == "gradient" and f.severity == "error")


def onset(run: Run, findings: Iterable[Finding]) -> int | None:
    """The step at which the loss first went wrong, None when it did not."""
    return next((f.first_step for f in events(run, findings)), None)


def counts_updates(run: Run) -> bool:
    """Whether the log's steps are optimizer updates, and not samples, epochs or rows of the file."""
    return bool(run.provenance.get("x", "step") == "step")


def n_steps(run: Run) -> int:
    """Steps from the start of the training to the last logged one."""
    return int(run.train_loss.step[-1]) + 1 if len(run.train_loss) else 0


def step_gap(curve: Curve) -> int:
    """The usual distance of two points in steps, 1 for fewer than two points."""
    return int(np.median(np.diff(curve.step))) if len(curve) > 1 else 1


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What the logged learning rates show."""

    curve: Curve
    """Finite rates only, one of them at least above 0."""
    peak: float
    warmup_steps: int | None
    """Steps of the ramp from 0 to the peak, as exactly as the logging allows; None when no ramp is seen."""
    is_rising: bool
    """Whether the log ends on the ramp, so that neither its length nor the peak is known."""

    def at(self, step: int) -> float | None:
        """The last rate logged up to a step, None when there is none."""
        known = self.curve.before(step + 1)
        return float(known.value[-1]) if len(known) else None


def rates_of(run: Run) -> Rates | None:
    """The run's learning rates; None when they are not logged or never above 0."""
    curve = run.curve("learning_rate").finite
    if not len(curve) or not curve.value.max() > 0:
        return None
    peak = float(curve.value.max())
    top = int(np.argmax(curve.value >= ALMOST * peak))
    is_ramp = top > 0 and curve.value[0] <= RAMP_FROM * peak and _never_falls(curve.value[: top + 1])
    ramp = _ramp_steps(curve, top) if is_ramp else 0
    return Rates(
        curve=curve,
        peak=peak,
        warmup_steps=ramp if ramp >= SHORTEST_RAMP else None,
        is_rising=is_ramp and top == int(np.argmax(curve.value)) == len(curve) - 1,
    )


def _never_falls(values: Values) -> bool:
    return bool((values[1:] >= values[:-1]).all())


def _ramp_steps(curve: Curve, top: int) -> int:
    """From step 0 on, or from the first logged one when that lies so late that the ramp must have begun there."""
    first, last = int(curve.step[0]), int(curve.step[top])
    return last if first <= RAMP_FROM * last else last - first
