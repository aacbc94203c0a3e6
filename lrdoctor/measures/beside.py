"""What is measured of a run beside its control, its evaluations and the loss of a model that has learned nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.curve import Curve
from lrdoctor.core.robust import median
from lrdoctor.core.run import Run
from lrdoctor.measures import control, evaluations, level, untrained
from lrdoctor.measures.events import Event
from lrdoctor.measures.units import Units


@dataclass(frozen=True)
class Thresholds:
    seen: float = 0.25
    """Part of a rise that evaluations within it show at least: the validation data do not change from step to step, so
    what they do not show at all was a stretch of hard batches."""


THRESHOLDS = Thresholds()


@dataclass(frozen=True, eq=False)
class Beside:
    """One run beside what is known of its batches; of a log that is its first loss and its evaluations alone."""

    run: Run
    loss: Curve
    """Its finite losses without what their batches do to them."""
    early_until: int
    """The first step that is not early."""

    @cached_property
    def pair(self) -> control.Paired | None:
        """The raw losses and the control's, the first loss in place of a control that nobody knows."""
        loss = self.run.train_loss
        return control.pair(loss, self.run.control or control.like_first(loss))

    @property
    def is_ratio(self) -> bool:
        """Whether the loss is compared with the control's as a ratio."""
        return self.pair is not None and self.pair.is_log

    @cached_property
    def learned(self) -> bool | None:
        """Whether a trial ends below what it would reach without learning; None where nobody can tell."""
        return level.learned(self.run)

    @cached_property
    def blow_up(self) -> untrained.BlowUp | None:
        """Where a trial does worse than the untrained weights."""
        return None if self.pair is None else untrained.blow_up(self.pair, self.early_until, self._constant)

    @cached_property
    def lost_for_long(self) -> untrained.BlowUp | None:
        """Where a trial with a control does worse than the untrained weights for long, whenever that begins."""
        if self.pair is None or self.run.control is None:
            return None
        return untrained.blow_up(self.pair, 0, self._constant, untrained.THRESHOLDS.long)

    @cached_property
    def unlearned(self) -> float:
        """The loss of a model that has learned nothing: of the untrained weights or of the best constant prediction,
        whichever is lower; the first loss where neither is known."""
        weights = self.run.control.finite.value if self.run.control is not None else np.zeros(0)
        known = [float(median(weights))] if len(weights) else []
        if self._constant is not None:
            known.append(self._constant)
        return min(known, default=float(self.loss.value[0]) if len(self.loss) else float("nan"))

    @cached_property
    def lowest(self) -> float:
        """The lowest level of the loss; inf with too few points for one."""
        return float(robust.block_medians(self.loss.value, robust.block_length(len(self.loss))).min(initial=np.inf))

    @cached_property
    def forgotten(self) -> evaluations.Forgotten | None:
        """The costliest rise that the evaluations show and the training loss confirms."""
        return evaluations.forgotten(self.loss, self.run.val_loss, self.unlearned_in_evaluations)

    @cached_property
    def ends_above_untrained(self) -> float | None:
        """How many times what the untrained weights lose on its last batches a trial loses there, in the median, where
        that is more than twice, and by a good part of a loss that needs no learning; else None."""
        pair = None if self.run.control is None else self.pair
        n = 0 if pair is None else max(level.THRESHOLDS.fewest, int(level.THRESHOLDS.end * len(pair.loss)))
        if pair is None or len(pair.loss) < 4 * n or not median(pair.control[-n:]) > 0:
            return None
        loss, weights = pair.loss.value[-n:], pair.control[-n:]
        times = float(median(loss / weights) if pair.is_log else median(loss) / median(weights))
        least = untrained.THRESHOLDS.lost * untrained.needs_no_learning(pair, self._constant)
        is_lost = float(median(loss - weights)) > least
        return times if np.log(max(times, 1.0)) > untrained.THRESHOLDS.single and is_lost else None

    def explains(self, event: Event, units: Units) -> bool:
        """Whether the control shows a rise as well, or its hard batches make it: then no update does.

        Args:
            event: of the loss.
            units: of the loss.
        """
        if self.run.control is None:
            return False
        stretch = event.first_step, event.last_step
        rise = control.own_rise(self.run.control, *stretch) / (1.0 if units.is_log else units.scale)
        if rise > 0 and event.height - rise <= event.limit:
            return True
        if self._is_worse(*stretch):
            return False
        beside = control.height_beside(self.run.train_loss, self.run.control, *stretch)
        return beside is not None and beside[0] <= beside[1]

    def is_in_evaluations(self, event: Event, units: Units) -> bool:
        """Whether evaluations within a rise show a part of it, where there are any and they could tell.

        In a log, whose points may be as far apart as its evaluations, one that was made when the loss was more than
        half way back says little of how high it had been.

        Args:
            event: of the loss.
            units: of the loss.
        """
        if event.kind not in ("spike", "level_shift", "early"):
            return True
        first, last = event.first_step, event.last_step
        inside = (self.loss.step >= event.first_step) & (self.loss.step <= event.last_step)
        is_high = units.y[inside] >= units.of_loss(event.base) + event.height / 2
        if self.run.trial is None and is_high.any():
            first, last = (int(step) for step in self.loss.step[inside][is_high][[0, -1]])
        untrained = self.run.provenance.get("untrained_val_loss")
        seen = evaluations.rise_seen(self.run.val_loss, first, last, untrained)
        height = units.to_loss(units.of_loss(event.base) + event.height) - event.base
        return seen is None or seen >= THRESHOLDS.seen * height * self._less_in_evaluations

    @property
    def _less_in_evaluations(self) -> float:
        """How much less of its way down the evaluations show than the training loss does, 1 at most: a model that knows
        its training data by heart has less to lose on others. 1 too where the evaluations never came down."""
        way = self.unlearned - self.lowest
        seen = self.unlearned_in_evaluations - float(self.run.val_loss.finite.value.min(initial=np.inf))
        return min(1.0, seen / way) if way > 0 and seen > 0 else 1.0

    @property
    def unlearned_in_evaluations(self) -> float:
        """The validation loss of a model that has learned nothing. An evaluation is a mean over all of its data, and
        may be far above the loss of a usual batch where a few examples make the most of it."""
        untrained = self.run.provenance.get("untrained_val_loss")
        if untrained is None:
            return self.unlearned
        return float(untrained) if self._constant is None else min(float(untrained), self._constant)

    def _is_worse(self, first_step: int, last_step: int) -> bool:
        """Whether a stretch is twice as bad as for the untrained weights, and not for single hard batches alone."""
        if self.pair is None or not self.pair.is_log:
            return False
        inside = (self.pair.loss.step >= first_step) & (self.pair.loss.step <= last_step)
        is_long = inside.sum() >= untrained.THRESHOLDS.lengths[0]
        return bool(is_long) and float(median(self.pair.excess[inside])) > untrained.THRESHOLDS.single

    @property
    def _constant(self) -> float | None:
        constant = self.run.provenance.get("constant_loss")
        return None if constant is None else float(constant)
