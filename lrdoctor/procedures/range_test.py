"""The learning-rate range test: short trials a decade apart tell where a sweep should look. Pure.

Whoever tries a new model does not know the range of its learning rate. The first part of a training tells most of it:
how much each rate takes off the loss of the untrained weights on the same batches, and from which decade on the loss
ends up worse than theirs. Short runs favour high rates, so the grid reaches from a decade below the rate that gained
the most up to the decade that broke; a sweep goes on where its best rate is an end of its grid all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run


@dataclass(frozen=True)
class Settings:
    first: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    """Rates of the first trials: the rates of common recipes of SGD and of Adam lie within."""
    beyond: int = 2
    """Decades that are added at a time where these do not hold the answer."""
    lowest: float = 1e-8
    highest: float = 1e4
    """No rate is tried beyond: what trains at none of those between is not helped by another."""
    share: float = 0.1
    """Of the updates of a whole training that a trial runs, any warmup apart: ten such trials cost one."""
    fewest: int = 20
    """Updates of a trial at least, after the warmup: in fewer a loss hardly moves."""
    last: float = 1 / 3
    """Part of the trial, at its end, over which its loss is compared with that of the untrained weights."""
    below: float = 10.0
    """How far below the rate that gained the most the grid begins."""
    above: float = 10.0
    """How far above it the grid ends where no rate broke before."""
    a_decade: tuple[float, ...] = (1.0, 2.0, 5.0)
    """Rates of a decade of the grid."""


SETTINGS = Settings()


@dataclass(frozen=True)
class Seen:
    """What a short trial came to."""

    base_learning_rate: float
    gain: float
    """What it took off the loss of the untrained weights on the same batches, in the mean over its last part; -inf
    where it did not come to its end."""

    @property
    def is_broken(self) -> bool:
        return self.gain < 0


def seen(run: Run, settings: Settings = SETTINGS) -> Seen:
    """What a short trial came to.

    Args:
        run: with its trial, and the control of its seed where there is one; else the loss before the first update
            stands for it.
        settings: of the test.
    """
    assert run.trial is not None
    return Seen(run.trial.base_learning_rate, _gain(run, run.trial.n_steps, settings))


def _gain(run: Run, n_steps: int, settings: Settings) -> float:
    loss = run.train_loss
    if run.status != "completed" or not len(loss) or not math.isfinite(loss.value[0]):
        return -math.inf
    # a command may be recorded at fewer steps than it was asked for; what it recorded is what there is
    last = loss.after(min(n_steps - 1, int(loss.step[-1])) + 1 - round(settings.last * n_steps))
    untrained = _at(run.control, last) if run.control is not None and len(run.control) else loss.value[0]
    gain = float(np.mean(untrained - last.value))
    return gain if math.isfinite(gain) else -math.inf


def _at(control: Curve, of: Curve) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The control's losses at the steps of a curve; between its own steps the last one before."""
    at = np.searchsorted(control.step, of.step, side="right") - 1
    return np.asarray(control.value[np.clip(at, 0, len(control) - 1)], dtype=np.float64)


def length(max_train_steps: int, warmup_steps: int, settings: Settings = SETTINGS) -> int:
    """Updates of a short trial, its warmup included; never more than the whole training has.

    >>> length(300, 0), length(300, 100), length(10, 0)
    (30, 130, 10)
    """
    return warmup_steps + min(max_train_steps, max(settings.fewest, round(settings.share * max_train_steps)))


def next_rates(tried: Iterable[Seen], settings: Settings = SETTINGS) -> tuple[float, ...]:
    """The rates to try next, ascending; none when the grid can be laid.

    >>> next_rates([])
    (0.0001, 0.001, 0.01, 0.1, 1.0)
    """
    ranked = _ascending(tried)
    if not ranked:
        return settings.first
    best, low, high = best_of(ranked), ranked[0].base_learning_rate, ranked[-1].base_learning_rate
    if best is None and not ranked[0].is_broken:
        return _decades(high, +1, settings)  # no rate moves the loss yet
    # down while the lowest is the best: what gains most lies below it perhaps
    if (best is None or best.base_learning_rate == low) and (further := _decades(low, -1, settings)):
        return further
    if best is not None and not any(s.is_broken for s in ranked if s.base_learning_rate > best.base_learning_rate):
        return _decades(high, +1, settings)
    return ()


def best_of(tried: Iterable[Seen]) -> Seen | None:
    """The one that gained the most, the lower rate of two equal ones; None where none gained anything."""
    gained = [s for s in _ascending(tried) if s.gain > 0]
    return max(gained, key=lambda s: s.gain, default=None)


def grid(tried: Sequence[Seen], settings: Settings = SETTINGS) -> tuple[float, ...]:
    """The rates to sweep, ascending; empty where no rate gained anything."""
    best = best_of(tried)
    if best is None:
        return ()
    # up to where training broke in the short trials: higher rates would be spent on what is known
    top = settings.above * best.base_learning_rate
    broken = [s.base_learning_rate for s in tried if s.is_broken and s.base_learning_rate > best.base_learning_rate]
    return _between(best.base_learning_rate / settings.below, min([top, *broken]), settings)


def _ascending(tried: Iterable[Seen]) -> list[Seen]:
    return sorted(tried, key=lambda s: s.base_learning_rate)


def _decades(end: float, direction: int, settings: Settings) -> tuple[float, ...]:
    """The decades beyond an end, ascending, as far as any rate is tried."""
    further = (_rounded(end * 10.0 ** (direction * k)) for k in range(1, settings.beyond + 1))
    return tuple(sorted(rate for rate in further if settings.lowest <= rate <= settings.highest))


def _between(low: float, high: float, settings: Settings) -> tuple[float, ...]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = (_rounded(step * 10.0**k) for k in range(first, last + 1) for step in settings.a_decade)
    return tuple(rate for rate in every if low <= rate * (1 + 1e-9) and rate <= high * (1 + 1e-9))


def _rounded(rate: float) -> float:
    return float(f"{rate:.3e}")
