"""Losses that are worse than at the start: a model that knows nothing has the first loss.

No test here needs an estimate from before the trouble, which a run that was chaotic from the beginning does not give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.curve import Curve, Values
from lrdoctor.core.robust import median
from lrdoctor.measures import chance, noise, untrained
from lrdoctor.measures.rises import Rise, stretches
from lrdoctor.measures.units import Units


@dataclass(frozen=True)
class Thresholds:
    rise: float = float(np.log(2))
    """Twice the median of the first losses, for `share` of the run and two blocks at least."""
    explosion: float = float(np.log(100))
    """A log that ends a hundred times above them needs neither: magnitude makes up for numbers."""
    share: float = 0.1
    fewest_blocks: int = 2
    noises: float = 3.0
    """And so many deviations of single points: the first losses may be low ones of a heavy noise."""
    by_chance: float = 0.001
    """And in one stretch that values in any order would hardly make."""
    stays: float = float(np.log(1.4))
    """The typical later loss over the very first one, where hardly any is as low as that again: the first update made
    the model worse for good."""
    tail: float = 0.1
    """Part of the later losses, the lowest, whose exponential tail tells how often one is as low as the first."""
    as_low: float = 0.002
    """How often at most: the first loss may be that of an easy batch."""
    log_tail: float = 0.2
    """That part in a log, whose tail may be heavier: its shape takes more points."""
    log_points: int = 20
    """Later losses from which that is asked: of fewer, too few for any rise by its noise, no tail is known, and only
    how far they lie above the first decides."""
    log_as_low: float = 0.009
    """How often at most in a log. Nearly all of the usual `--alpha`, since it is one test a run; how little a few
    points tell of their tail is counted in."""
    heaviest: float = 0.5
    """Shape of the heaviest tail: that of Student's t with 2 degrees of freedom."""
    fewest_points: int = 4
    most_points: int = 50_000
    """Later losses that are looked at, evenly spread."""
    moment: float = untrained.THRESHOLDS.single
    """Over the first loss, for a step or more, where the gradient norm says so too: as for a trial beside its untrained
    weights."""
    stands_out: float = 2.0
    """Times every gradient norm elsewhere that the norm of a momentary blow-up is. The loss of single steps alone
    cannot tell one from an odd batch, where batches differ as much as they do early in training."""
    around: int = 3
    """Steps before and after the peak in which that norm may be, and which are not elsewhere."""
    fewest_norms: int = 15


THRESHOLDS = Thresholds()


def find(units: Units, rise: float = THRESHOLDS.rise, *, is_log: bool = False) -> list[Rise]:
    """One rise from the first block that is worse than the start to the last, or none.

    Args:
        units: the curve; one that is no logarithm has no such multiples.
        rise: least height.
        is_log: whether nothing else is known of the curve: then its noise may have a heavy tail.
    """
    y, n = units.y, len(units.y)
    if not units.is_log or n < THRESHOLDS.fewest_points:
        return []
    # odd, so that a median is one of the values; a short curve has few points for blocks
    length = 5 if n >= 100 else 3 if n >= 15 else 1
    medians = robust.block_medians(y, length)
    first = units.of_loss(units.first)
    end = float(median(y[-length:]))
    if end - first > THRESHOLDS.explosion:
        # most of the last points are high: low ones among the fewest that are most of them do not end it
        from_here = int(np.flatnonzero(y[: n - (length // 2 + 1)] - first <= THRESHOLDS.rise)[-1]) + 1
        return [Rise(length, from_here, n, int(np.argmax(y)), end - first, THRESHOLDS.explosion, first)]
    stays = rise - THRESHOLDS.rise + THRESHOLDS.stays
    limit = max(rise, THRESHOLDS.noises * noise.points(y))
    return _for_long(y, medians, length, first, limit, is_log) or _from_the_first(y, stays, is_log)


def _for_long(y: Values, medians: Values, length: int, first: float, limit: float, is_log: bool) -> list[Rise]:
    bad = medians - first > limit
    if np.count_nonzero(bad) < max(THRESHOLDS.fewest_blocks, THRESHOLDS.share * len(medians)):
        return []
    # the longest stretch has to be beyond chance by itself: odd batches elsewhere must not add up to a rise
    begin, end = (length * i for i in max(stretches(bad), key=lambda s: s[1] - s[0]))
    elsewhere = np.concatenate([y[:begin], y[end:]])
    # no correlation time: a run that was chaotic from the start shows none to be trusted
    if chance.of_stretch(elsewhere, y[begin:end], first + limit, len(y), 0, is_log=is_log) > THRESHOLDS.by_chance:
        return []
    at, top = np.flatnonzero(bad), int(np.argmax(medians))
    last = len(y) if at[-1] == len(medians) - 1 else int(at[-1] + 1) * length
    return [Rise(length, int(at[0]) * length, last, top * length, float(medians[top] - first), limit, first)]


def _from_the_first(y: Values, limit: float, is_log: bool) -> list[Rise]:
    first, later = float(y[0]), np.sort(y[1 :: 1 + len(y) // THRESHOLDS.most_points])
    height = float(median(later)) - first
    if height <= limit:
        return []
    if is_log and len(later) >= THRESHOLDS.log_points:
        likely, most = _as_low(first, later, max(int(THRESHOLDS.log_tail * len(later)), 2)), THRESHOLDS.log_as_low
    else:
        least, middle = np.quantile(later, [THRESHOLDS.tail, THRESHOLDS.tail / 2])
        likely, most = 1.0, THRESHOLDS.as_low
        if first < middle:
            with np.errstate(divide="ignore"):
                # an exponential tail halves from `least` to `middle`, and again over each further such way down
                likely = THRESHOLDS.tail * float(np.exp(-np.log(2) * (least - first) / (least - middle)))
    if likely > most:
        return []
    return [Rise(1, 1, len(y), 1 + int(np.argmax(y[1:])), height, limit, first)]


def _as_low(first: float, later: Values, n_tail: int) -> float:
    """The probability that one of the later losses, in order, is as low as the first, by the tail that the lowest ones
    show: one of k excesses with a mean has the next one beyond x with (1 + x / (k mean))^-k, so that few points make
    an exponential tail one of shape 1 / k."""
    if n_tail >= len(later) or first >= later[n_tail // 2]:
        return 1.0
    least, middle, low = later[n_tail], *np.quantile(later[: n_tail + 1], [0.5, 0.25])
    tiny = np.finfo(float).tiny
    # Pickands: in an exponential tail each halving of the share below takes the same way
    seen = float(np.clip(np.log2(max((middle - low) / max(least - middle, tiny), 1.0)), 0, THRESHOLDS.heaviest))
    scale = max((1 - seen) * float(least - later[:n_tail].mean()), tiny)
    shape = seen + 1 / n_tail
    with np.errstate(over="ignore"):
        return float(n_tail / len(later) * (1 + shape * max(least - first, 0.0) / scale) ** (-1 / shape))


def find_moment(units: Units, loss: Curve, norm: Curve, until: int) -> list[Rise]:
    """A loss of twice its first before step `until`, while the gradient norm is twice what it is anywhere else.

    Blow-ups of one or two updates are real, and recover before a block of points is full.

    Args:
        units: the curve.
        loss: its finite points.
        norm: the gradient norms; none, no finding.
        until: first step that is not early.
    """
    n_early = int(np.searchsorted(loss.step, until))
    finite = norm.finite
    if not units.is_log or n_early < 2 or len(finite) < THRESHOLDS.fewest_norms:
        return []
    top = int(np.argmax(loss.value[:n_early]))
    height = float(units.y[top] - units.y[0])
    near = np.abs(finite.step - loss.step[top]) <= THRESHOLDS.around
    # with no norm elsewhere there is nothing that those near the peak could stand out from
    if height <= THRESHOLDS.moment or not near.any() or near.all():
        return []
    if finite.value[near].max() / THRESHOLDS.stands_out < finite.value[~near].max():
        return []
    above = np.flatnonzero(units.y[:n_early] > units.y[0])
    after = above[above >= top]
    # the points in a row from the peak on: what is above the first loss later on is another matter
    last = int(after[np.argmax(np.diff(np.append(after, len(units.y) + 1)) > 1)])
    first = int(above[above <= top][0])
    return [
        Rise(
            length=1,
            first=max(first, 1),
            end=last + 1,
            peak=top,
            height=height,
            limit=THRESHOLDS.moment,
            base=float(units.y[0]),
        )
    ]
