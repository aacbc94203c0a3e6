"""The labelled logs in other forms: thinned out, averaged, cut, smoothed, rounded.

A healthy log stays healthy in every form, so each form is another healthy log whose noise nobody has tuned to. An
unstable one does not have to stay visible (a spike of one point is gone when every second is dropped), so for those
only the share is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.curve_parts import smoothed
from benchmarks.indexed_logs import Log
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run

FEWEST_POINTS = 20
"""Points that a form has at least to be judged."""


def _every(first: int, interval: int, curve: Curve) -> Curve:
    return Curve(curve.step[first::interval], curve.value[first::interval])


def _means(length: int, curve: Curve) -> Curve:
    n = len(curve) // length * length
    steps, values = curve.step[:n].reshape(-1, length), curve.value[:n].reshape(-1, length)
    return Curve(steps[:, -1], values.mean(axis=1))


def _part(begin: float, end: float, curve: Curve) -> Curve:
    inside = slice(int(begin * len(curve)), int(end * len(curve)))
    return Curve(curve.step[inside], curve.value[inside])


def _smoothed(beta: float, curve: Curve) -> Curve:
    return Curve(curve.step, smoothed(curve.value, beta))


def _rounded(digits: int, curve: Curve) -> Curve:
    return Curve(curve.step, np.round(curve.value, digits))


FORMS: Mapping[str, Callable[[Curve], Curve]] = {
    "every 2nd": partial(_every, 0, 2),
    "every other 2nd": partial(_every, 1, 2),
    "every 3rd": partial(_every, 0, 3),
    "every 5th": partial(_every, 2, 5),
    "every 10th": partial(_every, 3, 10),
    "means of 2": partial(_means, 2),
    "means of 5": partial(_means, 5),
    "means of 20": partial(_means, 20),
    "first 30 %": partial(_part, 0.0, 0.3),
    "first 60 %": partial(_part, 0.0, 0.6),
    "20 to 70 %": partial(_part, 0.2, 0.7),
    "last half": partial(_part, 0.5, 1.0),
    "last fifth": partial(_part, 0.8, 1.0),
    "EMA 0.6": partial(_smoothed, 0.6),
    "EMA 0.9": partial(_smoothed, 0.9),
    "EMA 0.98": partial(_smoothed, 0.98),
    "2 digits": partial(_rounded, 2),
    "3 digits": partial(_rounded, 3),
}
KEPT = ("x", "columns", "objective")
"""Keys of a run's provenance that a form does not change."""


@dataclass(frozen=True)
class Variant:
    """A log in one form; only its training loss is left."""

    log: Log
    form: str
    run: Run


def variants(log: Log) -> Iterator[Variant]:
    """The log's runs in every form that leaves enough points; the columns stay known, but only the loss is kept."""
    for run in log.runs:
        for form, change in FORMS.items():
            loss = change(run.train_loss)
            if len(loss) < FEWEST_POINTS:
                continue
            provenance = {key: run.provenance[key] for key in KEPT if key in run.provenance}
            if form.endswith("digits"):
                provenance["quantised"] = int(form[0])
            empty = {name: Curve(loss.step[:0], loss.value[:0]) for name in run.curves}
            yield Variant(log, form, replace(run, curves={**empty, "train_loss": loss}, provenance=provenance))
