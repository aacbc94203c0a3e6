"""Curves for the tests of what is measured in logs."""

from __future__ import annotations

from typing import Any

import numpy as np

from lrdoctor.core.curve import Curve, Values
from lrdoctor.core.run import Run
from lrdoctor.measures import rises
from lrdoctor.measures.rises import Rise
from lrdoctor.measures.units import measure
from lrdoctor.measures.view import View


def falling(n: int, noise: float = 0.05, seed: int = 0) -> Values:
    """A positive loss that falls from 5 to nearly 1, with log-normal noise."""
    rng = np.random.default_rng(seed)
    return (1 + 4 / (1 + np.arange(n) / (n / 60))) * np.exp(noise * rng.normal(size=n))


def raised(n: int, first: int, end: int, factor: float, noise: float = 0.05, seed: int = 0) -> Values:
    """The same, that many times as high from `first` up to `end`."""
    loss = falling(n, noise, seed)
    loss[first:end] *= factor
    return loss


def rises_of(loss: Values, correlation_time: int = 0, alpha: float = 0.01, quantum: float = 0.0) -> list[Rise]:
    return rises.find(measure(loss), correlation_time, alpha, quantum)


def view(loss: Values, *, every: int = 1, first: int = 0, rate: Values | None = None, **provenance: Any) -> View:
    """Of a loss logged every so many steps, with the learning rates beside it."""
    step = first + every * np.arange(len(loss))
    curves = {"train_loss": Curve(step, loss)}
    if rate is not None:
        curves["learning_rate"] = Curve(step, rate)
    return View(Run("run", "log.csv", curves, provenance=provenance), 0.01)
