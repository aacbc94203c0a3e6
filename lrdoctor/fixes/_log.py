"""What a log alone tells about its run: when it went wrong, how long it was, which learning rates it used."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding
from lrdoctor.core.robust import median
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.measures import early, learning_rates
from lrdoctor.measures.learning_rates import Rates

LOSS_EVENTS = frozenset({"early", "mid_training", "non_finite", "plateau"})
"""Instabilities of the loss, as against those of its gradient, of logging and of restarts."""


def run_of(study: Study) -> Run | None:
    """The run when the study is a single log, None for a sweep."""
    return study.runs[0] if study.spec is None and len(study.runs) == 1 else None


def is_broken_from_the_start(run: Run) -> bool:
    """Whether the loss is not finite before the first update, so that no choice about updates can be the cause.

    Logs count from 0 or from 1.
    """
    loss = run.train_loss
    return len(loss) > 0 and run.counts_updates and int(loss.step[0]) <= 1 and not bool(np.isfinite(loss.value[0]))


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


def n_steps(run: Run) -> int:
    """Steps from the start of the training to the last logged one."""
    return int(run.train_loss.step[-1]) + 1 if len(run.train_loss) else 0


def step_gap(curve: Curve) -> int:
    """The usual distance of two points in steps, 1 for fewer than two points."""
    return int(median(np.diff(curve.step))) if len(curve) > 1 else 1


def is_early(run: Run, step: int) -> bool:
    """Whether a loss that is not finite from a step on may be lost to the first updates: the window of the rules."""
    return step < early.until(run)


def rates_of(run: Run) -> Rates | None:
    """The run's learning rates; None when they are not logged or never above 0."""
    return learning_rates.rates_of(run.curve("learning_rate"))
