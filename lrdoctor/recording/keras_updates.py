"""Updates of Keras 3 on torch, made by optimizers of its own."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from lrdoctor.recording.norms import norm_of, read
from lrdoctor.recording.recorder import Recorder
from lrdoctor.recording.rows import Row
from lrdoctor.recording.watched import Watched, as_number

OWN_CLIPPING = ("clipnorm", "global_clipnorm", "clipvalue")
Guard = Callable[[Recorder, Callable[..., Any]], Callable[..., Any]]


class Updates:
    """The updates of Keras' optimizers, and how their rates are changed."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.known: dict[int, Watched] = {}
        self.accumulated = 0

    def begin(self, optimizer: Any, gradients: Any) -> tuple[list[Any], Row, Callable[[], None]]:
        """Measures an update, and changes it where that is asked for.

        Returns:
            The gradients to apply, the row, and what puts the rate back.
        """
        watched, settings = self._watched(optimizer), self.recorder.settings
        present = [g for g in gradients if g is not None]
        norm = norm_of([g.detach() for g in present])
        rate = as_number(optimizer.learning_rate)
        wanted = rate
        watched.highest = max(rate, watched.highest or 0.0)
        if settings.steers:
            factor = self.recorder.factor(watched)
            ramp = watched.n_updates / settings.warmup_steps if watched.n_updates < settings.warmup_steps else 1.0
            peak = watched.reference * watched.lift(settings) or settings.own_learning_rate or rate
            wanted = (peak if settings.post_warmup_constant else rate) * factor * ramp
            if settings.clip_norm is not None and norm is not None:
                shrink = (settings.clip_norm / norm).clamp(max=1.0)
                gradients = [None if g is None else g * shrink for g in gradients]
        put_back = _changed(optimizer, rate, wanted) if wanted != rate else _nothing
        row = Row(0, wanted, self.recorder.losses, [] if norm is None else [read(norm)])
        return gradients, row, put_back

    def end(self, optimizer: Any, row: Row, put_back: Callable[[], None]) -> None:
        put_back()
        every = getattr(optimizer, "gradient_accumulation_steps", None) or 1
        self.accumulated += 1
        if self.accumulated % every:
            return  # no update yet; the losses go on to be collected
        if every > 1:
            row.norms = []
            self.recorder.facts.note("Keras accumulates gradients by itself: their norm is not recorded")
        self.recorder.write(self._watched(optimizer), row)

    def _watched(self, optimizer: Any) -> Watched:
        if id(optimizer) not in self.known:
            rate = as_number(getattr(optimizer, "_learning_rate", math.nan))
            is_schedule = math.isnan(rate)  # which tells no peak, and may begin at 0
            watched = Watched(type(optimizer).__name__, as_number(optimizer.learning_rate), [])
            watched.reference, watched.peaks = (0.0 if is_schedule else rate), [watched.default]
            watched.parameters = [v.value for v in optimizer._trainable_variables]
            self.known[id(optimizer)] = watched
            self.recorder.facts.n_optimizers += 1
            own = {key: value for key in OWN_CLIPPING if (value := getattr(optimizer, key, None)) is not None}
            if own:
                self.recorder.facts.saw_clipping(**own)
        return self.known[id(optimizer)]


def _changed(optimizer: Any, rate: float, wanted: float) -> Callable[[], None]:
    """Gives an optimizer another rate; returns what puts its own back."""
    own = optimizer._learning_rate
    if hasattr(own, "assign"):
        own.assign(wanted)
        return lambda: own.assign(rate)
    # a schedule: past the setter, which refuses; Keras calls whatever else stands there for the rate
    object.__setattr__(optimizer, "_learning_rate", lambda: wanted)
    return lambda: object.__setattr__(optimizer, "_learning_rate", own)


def _nothing() -> None:
    """Puts nothing back."""


def patch_optimizer(base: Any, recorder: Recorder, guard: Guard) -> None:
    """Listens to `apply` of Keras' optimizers.

    Args:
        base: the class that all of them have.
        recorder: of this process.
        guard: makes functions of the recorder such that never raise.
    """
    updates = Updates(recorder)
    real = base.apply
    begin, end = guard(recorder, updates.begin), guard(recorder, updates.end)

    @functools.wraps(real)
    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
        if trainable_variables is not None and not self.built:
            self.build(trainable_variables)
        begun = begin(self, list(grads))
        if begun is None:
            return real(self, grads, trainable_variables)
        changed, row, put_back = begun
        result = real(self, changed, trainable_variables)
        end(self, row, put_back)
        return result

    base.apply = apply
    real_scale = base.scale_loss

    @functools.wraps(real_scale)
    def scale_loss(self: Any, loss: Any) -> Any:
        result = real_scale(self, loss)
        if recorder.is_on and result is not loss:
            from lrdoctor.recording.patches import LOSS

            setattr(result, LOSS, loss.detach())
            recorder.scale = 1.0
        return result

    base.scale_loss = scale_loss
