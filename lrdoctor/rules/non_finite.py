"""A run whose loss or gradient norm became nan or inf.

## What it sees
The first nan or inf in the training loss or in the unclipped gradient norm, or in the *last* evaluation of the
validation loss. One non-finite step is enough: the parameters are lost with it unless the trainer skips the update.
In a log that somebody else made, single non-finite gradient norms are a note only: a loss scaler tries a larger scale
now and then and skips the update that overflows. From a twentieth of all norms, or eight in a row after the first
twenty, where a scaler finds its scale, they are an error. A recording of lrdoctor knows which steps were
skipped: of the others a single one is an error. Norms from the first non-finite loss on follow from it and are not
reported again.

## Why it matters
It is the playbook's plain case of an infeasible trial. In a sweep it is expected at high enough rates; what matters
is how far above the best rate it begins.

## Odd curves
A missing value is no finding, unless the format writes nan as nothing. lrdoctor's own trials use no loss scaler. A
trial of a command that ended itself because of such a value, and so before it was recorded, is one by its own words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Severity
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.measures.view import View
from lrdoctor.rules.base import Found, Rule

Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Thresholds:
    share: float = 0.05
    """Part of a log's gradient norms: a loss scaler skips about one update in two thousand."""
    in_a_row: int = 8
    """Norms: halving its scale eight times over, a scaler has long found one that fits."""
    scaler_points: int = 20
    """Points at the start during which a scaler finds its scale."""


THRESHOLDS = Thresholds()


def check(view: View, study: Study) -> Found:
    run = view.run
    for name in ("train_loss", "grad_norm"):
        step = run.curve(name).first_non_finite
        if step is not None:
            yield _of_trial(run, study, name, step)
            return
    if len(run.val_loss) and run.val_loss.first_non_finite is not None:
        last = run.val_loss.after(int(run.val_loss.step[-1]))
        if last.first_non_finite is not None:
            yield _of_trial(run, study, "val_loss", int(last.step[0]))
            return
    if run.status == "diverged" and len(run.train_loss):
        # the user's own script ended before the value was recorded, and said so or showed it
        end = int(run.train_loss.step[-1])
        yield RULE.finding(
            f"the training ended itself after step {end}: {run.exit_reason}",
            observed=float(run.train_loss.value[-1]),
            threshold="finite",
            run=run,
            first_step=end,
            last_step=end,
        )


def _of_trial(run: Run, study: Study, name: str, step: int) -> Finding:
    """An error of the trial, unless the sweep as a whole shows that the rate is not its cause."""
    if study.obstacle is not None and study.obstacle.kind == "not_the_rate":
        return _finding(run, name, step, ", which is not the learning rate's doing (LRD404)", "info")
    return _finding(run, name, step)


def check_log(view: View) -> Found:
    run = view.run
    loss_step = run.train_loss.first_non_finite
    if loss_step is not None:
        yield _finding(run, "train_loss", loss_step, _extent(run.train_loss))
    elif len(run.val_loss) and not np.isfinite(run.val_loss.value[-1]):
        good = np.flatnonzero(np.isfinite(run.val_loss.value))
        first = int(good[-1]) + 1 if len(good) else 0
        extent = ", its last evaluation" if first == len(run.val_loss) - 1 else " and at every evaluation after it"
        yield _finding(run, "val_loss", int(run.val_loss.step[first]), extent)
    yield from _gradients(run, run.grad_norm if loss_step is None else run.grad_norm.before(loss_step))


def _gradients(run: Run, norm: Curve) -> Found:
    """What is to be said of these norms of the run."""
    bad = ~np.isfinite(norm.value)
    step = norm.first_non_finite
    if step is None:
        return
    made = bad & ~np.isin(norm.step, run.provenance.get("skipped_steps", norm.step))
    if made.any():  # a recording knows which steps the scaler skipped
        yield _finding(run, "grad_norm", int(norm.step[np.argmax(made)]), ", and the update was made")
        return
    late = bad[THRESHOLDS.scaler_points :]
    if bad.sum() >= max(2, THRESHOLDS.share * len(bad)) or _longest(late) >= THRESHOLDS.in_a_row:
        yield _finding(run, "grad_norm", step, _extent(run.grad_norm))
    else:
        yield _finding(run, "grad_norm", step, f"{_extent(run.grad_norm)}; a loss scaler skips single updates", "info")


def _longest(bad: Marks) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bad, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _extent(curve: Curve) -> str:
    """How the sentence goes on after the first non-finite step of the curve."""
    bad = ~np.isfinite(curve.value)
    first = int(np.argmax(bad))
    if first == len(bad) - 1:
        return ", the last of the log"
    if bad[first:].all():
        return " and non-finite from there to the end"
    if bad.sum() == 1:
        return f", the only one of {len(bad)} points"
    return f", the first of {bad.sum()} non-finite ones among {len(bad)} points"


def _finding(run: Run, name: str, step: int, extent: str = "", severity: Severity | None = None) -> Finding:
    value = float(run.curve(name).after(step).value[0])
    return RULE.finding(
        f"{name} is {value} at step {step}{extent}",
        observed=value,
        threshold="finite",
        run=run,
        first_step=step,
        last_step=step,
        severity=severity,
    )


RULE = Rule(
    code="LRD101",
    name="non-finite",
    severity="error",
    instability="non_finite",
    summary="The loss or the gradient norm became nan or inf.",
    manual=__doc__,
    check_trial=check,
    check_log=check_log,
)
