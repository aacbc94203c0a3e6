"""A log that says in words that its training died, or that its updates are no longer made.

## What it sees
Sentences between the records of a text log, as trainers print them:

- the training was stopped because of a loss, gradient or metric that is not finite ("Loss became infinite or NaN",
  "Loss is nan, stopping training", a `FloatingPointError`, Lightning's "Monitored metric ... is not finite", Keras'
  "Invalid loss, terminating training");
- the loss scale of mixed precision cannot be lowered any further ("Minimum loss scale reached");
- something is not finite ("found NaN in ..."), and the log ends there;
- of a training that was recorded: its script failed after the loss or a gradient was no longer finite, or the loss ten
  times that of the start, or with an exception that says so;
- updates are skipped because of overflows ("Gradient overflow. Skipping step"), at nearly every point of a long stretch
  or, where the log counts skipped iterations in a column, at half of the steps of one.

## Why it matters
Trainers print a loss every so many steps and stop between two of them: the curve of a run that died is healthy to its
end. An optimizer whose every update is skipped leaves a curve that is flat and quiet.

## Odd curves
A loss scaler skips an update now and then, and a dozen in a row while it finds its scale; that is no finding. Nor is a
sentence after which the training went on for long. A device that ran out of memory is no instability and is not named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Curve, Steps
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.measures.view import View
from lrdoctor.rules.base import Found, Rule


@dataclass(frozen=True)
class Thresholds:
    goes_on: int = 5
    """Points after a sentence from which the training went on: the points of the line that is being printed, and a few
    more where several processes print."""
    fewest_skipped: int = 20
    """Skipped updates in a row: a scaler that starts at 65536 finds its scale in at most 16."""
    in_a_row: int = 10
    """Logged points, each with a skipped update since the one before."""
    rate: float = 0.02
    """Skipped updates a step: a scaler that tries a larger scale every 2000 steps skips 0.0005, every 100 0.01."""
    levels: int = 3
    """Different counts up to which a column that never falls may count the skipped updates of each interval."""
    share: float = 0.5
    """Part of the steps of a stretch that a column counts as skipped."""


Marks = npt.NDArray[np.bool_]
THRESHOLDS = Thresholds()
FATAL = {
    "died": "the log says that the training died",
    "loss_scale": "the log says that the loss scale cannot be lowered any further",
    "non_finite": "the log says, at its end, that something is not finite",
    "diverged": "the script failed after its training had blown up",
}
COUNTS_SKIPPED = re.compile(r"(?i)^(number[ _]of[ _])?skipped([ _](iterations|steps|updates))?$")


def check(view: View) -> Found:
    run = view.run
    curve = run.train_loss if len(run.train_loss) else run.val_loss
    said: Sequence[tuple[str, int | None, str]] = run.provenance.get("said", ())
    for kind, what in FATAL.items():
        last = [(step, text) for which, step, text in said if which == kind]
        if not last:
            continue
        step, text = last[-1]
        if step is None or int((curve.step > step).sum()) < THRESHOLDS.goes_on:
            yield _finding(run, f"{what}: {text!r}", text, step)
            return
    yield from _skipped(run, curve, [step for which, step, _ in said if which == "skipped" and step is not None])
    yield from _counted(run)


def _skipped(run: Run, curve: Curve, steps: Sequence[int]) -> Found:
    """What is to be said of sentences about skipped updates, at these steps."""
    at = np.sort(np.array(steps, dtype=np.int64))
    if len(at) < THRESHOLDS.fewest_skipped or not len(curve):
        return
    between = np.bincount(np.searchsorted(curve.step, at), minlength=len(curve) + 1)
    first, end = _longest(between > 0)
    n = int(between[first:end].sum())
    if n < THRESHOLDS.fewest_skipped:
        return
    bounds = curve.step[max(first - 1, 0)], curve.step[min(end - 1, len(curve) - 1)]
    rate = n / max(1, int(bounds[1] - bounds[0]))
    in_a_row = end - first >= THRESHOLDS.in_a_row or first >= len(curve) - 1
    if in_a_row and rate >= THRESHOLDS.rate:
        words = f"the log says {n} times that an update was skipped, in steps {at[0]} to {at[-1]}"
        yield _finding(run, f"{words}: nothing is trained there", n, int(at[0]), int(at[-1]), THRESHOLDS.fewest_skipped)


def _counted(run: Run) -> Found:
    """What is to be said of a column that counts the updates skipped since the record before."""
    name = next((name for name in run.curves if COUNTS_SKIPPED.match(name)), None)
    counted = run.curve(name or "").finite
    if name is None or len(counted) < THRESHOLDS.in_a_row:
        return
    value = counted.value
    gaps = np.diff(counted.step, prepend=counted.step[0] - 1)
    # counted since the start: it never falls, and climbs further than two levels, or beyond the steps of an interval
    if bool((np.diff(value) >= 0).all()) and (len(np.unique(value)) > THRESHOLDS.levels or value[-1] > gaps.max()):
        value = np.diff(value, prepend=value[0])
    first, end = _longest(value >= THRESHOLDS.share * gaps)
    n = int(value[first:end].sum())
    if end - first >= THRESHOLDS.in_a_row and n >= THRESHOLDS.fewest_skipped:
        step: Steps = counted.step[first:end]
        words = f"{n} updates were skipped in steps {step[0]} to {step[-1]} ({name})"
        first_step, last_step = int(step[0]), int(step[-1])
        yield _finding(run, f"{words}: nothing is trained there", n, first_step, last_step, THRESHOLDS.fewest_skipped)


def _longest(marks: Marks) -> tuple[int, int]:
    """First and end of the longest stretch of marks, (0, 0) where there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    if not len(edges):
        return 0, 0
    k = int(np.argmax(edges[1::2] - edges[::2]))
    return int(edges[2 * k]), int(edges[2 * k + 1])


def _finding(
    run: Run,
    message: str,
    observed: float | str,
    first: int | None,
    last: int | None = None,
    least: float | str = "a training that goes on",
) -> Finding:
    last = first if last is None else last
    return RULE.finding(message, observed=observed, threshold=least, run=run, first_step=first, last_step=last)


RULE = Rule(
    code="LRD103",
    name="said in the log",
    severity="error",
    instability="non_finite",
    summary="The log says in words that the training died, or that its updates are skipped.",
    manual=__doc__,
    check_log=check,
)
