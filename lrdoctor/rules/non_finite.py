"""A run whose loss or gradient norm became nan or inf.

## What it sees
The first nan or inf in the training loss or in the unclipped gradient norm, or in the *last* evaluation of the
validation loss. One non-finite step is enough: the parameters are lost with it unless the trainer skips the update.
In a log that somebody else made, single non-finite gradient norms are a note only: a loss scaler tries a larger scale
now and then and skips the update that overflows. From a twentieth of all norms, or eight in a row after the first
twenty, where a scaler finds its scale, they are an error.

## Why it matters
It is the playbook's plain case of an infeasible trial. In a sweep it is expected at high enough rates; what matters
is how far above the best rate it begins.

## Odd curves
A missing value is no finding, unless the format writes nan as nothing. lrdoctor's own trials use no loss scaler.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.rules._log.view import View
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


def check(run: Run, study: Study) -> Found:
    for name in ("train_loss", "grad_norm"):
        step = run.curve(name).first_non_finite
        if step is not None:
            yield _finding(run, name, step)
            return
    if len(run.val_loss) and run.val_loss.first_non_finite is not None:
        last = run.val_loss.after(int(run.val_loss.step[-1]))
        if last.first_non_finite is not None:
            yield _finding(run, "val_loss", int(last.step[0]))


def check_log(view: View) -> Found:
    run = view.run
    for name in ("train_loss", "val_loss"):
        curve = run.curve(name)
        if name == "val_loss" and len(curve):
            curve = curve.after(int(curve.step[-1]))
        step = curve.first_non_finite
        if step is not None:
            yield _finding(run, name, step, _extent(run.curve(name)))
            break
    yield from _gradients(run)


def _gradients(run: Run) -> Found:
    norm = run.grad_norm
    bad = ~np.isfinite(norm.value)
    step = norm.first_non_finite
    if step is None:
        return
    late = bad[THRESHOLDS.scaler_points :]
    many = bad.sum() >= max(2, THRESHOLDS.share * len(bad)) or _longest(late) >= THRESHOLDS.in_a_row
    if many:
        yield _finding(run, "grad_norm", step, _extent(norm))
    else:
        note = f"{_extent(norm)}: as single updates that a loss scaler skips"
        yield replace(_finding(run, "grad_norm", step, note), severity="info")


def _longest(bad: Marks) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bad, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _extent(curve: Curve) -> str:
    """` and to the end of the log`, or how many points of how many."""
    bad = ~np.isfinite(curve.value)
    first = int(np.argmax(bad))
    return ", as is all that follows" if bad[first:].all() else f", and at {bad.sum()} of {len(bad)} points in all"


def _finding(run: Run, name: str, step: int, extent: str = "") -> Finding:
    value = float(run.curve(name).after(step).value[0])
    return RULE.finding(
        f"{name} is {value} at step {step}{extent}",
        observed=value,
        threshold="finite",
        run=run,
        first_step=step,
        last_step=step,
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
