"""A run whose loss or gradient norm became nan or inf.

## What it sees
The first nan or inf in the training loss or in the unclipped gradient norm, or in the *last* evaluation of the
validation loss. One non-finite step is enough: the parameters are lost with it unless the trainer skips the update.

## Why it matters
It is the playbook's plain case of an infeasible trial. In a sweep it is expected at high enough rates; what matters
is how far above the best rate it begins.

## Odd curves
A missing value is no finding. An isolated inf of the gradient norm while a loss scaler is at work is a skipped
update, not a failure; lrdoctor's own trials use no loss scaler.
"""

from __future__ import annotations

from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.rules.base import Found, Rule


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


def _finding(run: Run, name: str, step: int) -> Finding:
    value = float(run.curve(name).after(step).value[0])
    return RULE.finding(
        f"{name} is {value} at step {step}",
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
    check_run=check,
)
