"""What one process sees of its training, from backward to update, and the rows that become of it."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from lrdoctor.recording import facts, imports
from lrdoctor.recording.clipping import Call, Calls
from lrdoctor.recording.norms import read, total_norm
from lrdoctor.recording.rows import Row, Seen, Series
from lrdoctor.recording.settings import DIVERGED, EVALUATIONS, IMPORTS, STEPS, STOPPED, Recording
from lrdoctor.recording.watched import Watched, as_number, put_back, rates_of

if TYPE_CHECKING:
    from lrdoctor.recording.norms import Value

MOST_SERIES = 16
"""Optimizers that have a file of their own."""
MOST_BACKWARDS = 100_000
"""Losses without an update that are kept: a script that updates in a way that is not seen must not run out of memory.
"""
SAVED_EVERY = 5.0
"""Seconds between two writings of recording.json while the training goes on."""
LOOKED_AT = 5
"""First updates of an optimizer in which it is looked whether optimizers work against each other."""
GRACE = 10.0
"""Seconds for the script's `finally` blocks and its loggers once the recording ends it."""
ENDED = {STOPPED: "max_updates", DIVERGED: "non_finite"}


class Recorder:
    """The recording of one process; every method is called from a patched function of torch or Keras."""

    def __init__(self, settings: Recording) -> None:
        self.settings = settings
        self.is_on = True
        self.steers = settings.steers
        self.facts = facts.Facts(settings)
        self.watched: WeakKeyDictionary[Any, Watched] = WeakKeyDictionary()
        self._latest: tuple[Callable[[], Any], Watched] | None = None
        """The optimizer that stepped last, by a weak reference, so that the next step need not look for it."""
        self.series: list[Series] = []
        self.order: list[Watched] = []
        """The optimizers in the order in which they first stepped, without those that were made anew for the same
        parameters; the first `MOST_SERIES`."""
        self.losses: list[Value] = []
        """Backwarded since the last update."""
        self.n_backwards = 0
        self.calls = Calls()
        self.generation = 0
        self.scale: Value | None = None
        """By what the next loss was multiplied, since it is known only from what it was."""
        self.inside = 0
        """Backward passes that run: checkpointing calls another one from within."""
        self.rank: int | None = None
        self.by_hand: Watched | None = None
        """What stands for an optimizer where the script has none."""
        self.seen: Seen | None = None
        """Called with every update of the first optimizer."""
        self.ending: int | None = None
        self.n_begun = 0
        """Steps of optimizers that were begun."""
        self._updated = False
        self._open: list[tuple[Any, Watched, list[tuple[dict[str, Any], Any]]]] = []
        """The steps that run, the outermost first, with the rates to put back."""
        self._row: Row | None = None
        self._in_closure = False
        self._saved = 0.0

    # ------------------------------------------------------------------ what the script does

    def saw_loss(self, value: Value) -> None:
        """A scalar was backwarded."""
        if self._open and not self._in_closure:
            self.unwind()  # a step that raised
        if self.by_hand_is_due():
            self.step_by_hand()
        if self._updated:
            self._updated = False
            self.losses, self.calls.made = [], []
            self.generation += 1
        self.n_backwards += 1
        if len(self.losses) < MOST_BACKWARDS:
            self.losses.append(value)

    def by_hand_is_due(self) -> bool:
        """Whether an update without an optimizer is over: the script clipped, and goes on with the next backward."""
        return bool(self.calls.made and not self._updated and not self.facts.n_optimizers)

    def saw_clipping(self, parameters: Sequence[Any], norm: Value | None, is_limited: bool) -> None:
        """Gradients were clipped, their norm before was this."""
        if norm is not None:
            self.calls.add(Call(parameters, norm, is_limited))

    def watch(self, optimizer: Any) -> None:
        """An optimizer was made."""
        rate = as_number(optimizer.defaults.get("lr"))
        groups = optimizer.param_groups
        self.watched[optimizer] = Watched(type(optimizer).__name__, rate, groups, made=rates_of(groups))
        self.facts.n_optimizers += 1

    # ------------------------------------------------------------------ an update

    def begin_step(self, optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The step of an optimizer begins; returns changed arguments where it has a closure, else None."""
        self.n_begun += 1
        watched = self._watched(optimizer)
        if self._open:  # a wrapper's own optimizer, or the step of a base class
            self._open.append((optimizer, watched, self._steer_inner(watched)))
            return None
        before = watched.steer(self.settings, self.factor(watched)) if self.steers else []
        self._open.append((optimizer, watched, before))
        closure = kwargs.get("closure")
        place = next((k for k, arg in enumerate(args) if k and callable(arg)), None) if len(args) > 1 else None
        if closure is None and place is not None:
            closure = args[place]
        if closure is None:
            self._row = self.measure(watched, optimizer)
            return None
        wrapped = self._measuring(closure, watched, optimizer)
        if place is None:
            return args, {**kwargs, "closure": wrapped}
        return (*args[:place], wrapped, *args[place + 1 :]), kwargs

    def factor(self, watched: Watched) -> float:
        """What every rate of the script is multiplied by: the wanted one over that of the optimizer that stepped first.

        Args:
            watched: the optimizer that steps first where none has.
        """
        wanted = self.settings.learning_rate
        if wanted is None or wanted == 0:  # a rate of 0 leaves everything as it is, whatever the script's is
            return 1.0 if wanted is None else 0.0
        first = self.order[0] if self.order else watched
        own = first.reference * first.lift(self.settings) if first.reference > 0 else self.settings.own_learning_rate
        return wanted / own if own is not None and own > 0 else 1.0

    def end_step(self) -> None:
        """The step that began last has ended without an exception."""
        if not self._open:
            return
        at, watched, before = self._open.pop()
        put_back(before)
        if self._open:
            return
        row, self._row = self._row, None
        if row is None:  # a closure that was never called
            row = self.measure(watched, at)
        self.write(watched, row)

    def skip_step(self, optimizer: Any) -> None:
        """A loss scaler kept the optimizer from stepping, since a gradient is not finite."""
        watched = self._watched(optimizer)
        row = self.measure(watched, optimizer, clip=False)
        row.skipped = 1.0
        if all(math.isfinite(float(norm)) for norm in row.norms):
            row.norms = [math.inf]
        self.write(watched, row)

    def step_by_hand(self) -> None:
        """The script has clipped, changed its parameters itself, and goes on."""
        if self.by_hand is None:
            self.by_hand = Watched("none", math.nan, [])
        chosen = self.calls.made
        self.write(self.by_hand, Row(0, None, self.losses, [call.norm for call in chosen]))

    def unwind(self) -> None:
        """Puts back what the steps that raised have changed."""
        for *_, before in reversed(self._open):
            put_back(before)
        self._open, self._row = [], None

    def measure(self, watched: Watched, optimizer: Any, clip: bool = True) -> Row:
        """What is known of the update that the optimizer is about to make; clips where that is asked for."""
        losses = self.losses if watched.generation != self.generation or not self._updated else []
        if losses and self._is_looked_at():
            self._look_for_opponent(watched)
        watched.generation = self.generation
        found_inf = scale = None
        if self.facts.scaler is not None:  # fused optimizers unscale and skip by themselves
            found_inf, scale = getattr(optimizer, "found_inf", None), getattr(optimizer, "grad_scale", None)
        row = Row(0, watched.rate(), losses, [], 0.0 if found_inf is None else read(found_inf))
        calls, left = self.calls.of(id(watched), watched.parameters) if self.calls.made else ([], watched.parameters)
        row.norms = [call.norm for call in calls]
        if calls or (scale is not None and not hasattr(scale, "to")):
            scale = None  # the script has unscaled them, or the optimizer is none of torch's
        if left and not (watched.is_sharded_flat and not calls):
            norm = total_norm(left, scale, watched.is_small)
            if norm is not None:
                row.norms.append(read(norm))
        limit = self.settings.clip_norm
        if clip and limit is not None and (left or not all(call.is_limited for call in calls)):
            clip_to(limit, watched.parameters, scale)
        return row

    def write(self, watched: Watched, row: Row) -> None:
        """Gives the row to the optimizer's file, and ends the process where that is asked for."""
        self._updated = True
        first = watched.series is None and watched not in self.order
        if first:
            self._join(watched)
        self.facts.saw_update(len(row.losses))
        if watched.n_updates < LOOKED_AT or self._is_looked_at():
            watched.mark()
        elif watched.is_marked:
            watched.forget()
        series = watched.series
        if series is None:
            self._count(watched, row)
            return
        row.step = series.n_rows
        series.add(row)
        self._count(watched, row)
        if first or time.monotonic() - self._saved > SAVED_EVERY:
            self.save()
        if self.settings.stop_non_finite and series.bad is not None:
            self.end(DIVERGED)

    def _count(self, watched: Watched, row: Row) -> None:
        if isinstance(row.skipped, float) and row.skipped:
            return
        watched.n_updates = watched.series.n_updates if watched.series is not None else watched.n_updates + 1
        watched.first.n_updates = watched.n_updates
        most = self.settings.max_updates
        if most is not None and watched.n_updates >= most and watched.first is self.order[0]:
            self.end(STOPPED)

    def evaluated(self, value: float, step: int | None) -> None:
        """Appends an evaluation to its file, one after the last row of the first optimizer where no step is given."""
        if not self.is_on or self._find_rank() != 0:
            return
        path = os.path.join(self.settings.directory, EVALUATIONS)
        last = self.series[0].n_rows - 1 if self.series else 0
        with open(path, "a", encoding="ascii") as file:
            if file.tell() == 0:
                file.write("step,val_loss\n")
            file.write(f"{last if step is None else int(step)},{value!r}\n")

    def end(self, code: int) -> None:
        """Ends the process: by an exception, so that loggers write what they hold, and for certain after a while."""
        self.facts.ended = ENDED[code]
        self.save()
        if self.ending is not None or threading.current_thread() is not threading.main_thread():
            self.finish()
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(code)
        self.ending = code
        timer = threading.Timer(GRACE, os._exit, (code,))
        timer.daemon = True
        timer.start()
        raise SystemExit(code)

    # ------------------------------------------------------------------ files

    def finish(self) -> None:
        """Writes what is left, at the end of the process."""
        if not self.is_on:
            return
        if self.by_hand_is_due() and self.ending is None:
            self.step_by_hand()
        for series in self.series:
            series.flush()
        if self.series or (self.losses and self._find_rank() == 0):
            self.facts.died_of()
            self.save()

    def save(self) -> None:
        """Writes recording.json anew."""
        self._saved = time.monotonic()
        if self._find_rank() == 0:
            self.facts.write(self)

    def _join(self, watched: Watched) -> None:
        """Finds the file of an optimizer that steps for the first time."""
        if watched.before is not None:
            watched.series = watched.first.series
            return
        # a script may make one at every update, for parameters of its own
        if len(self.order) >= MOST_SERIES:
            self.facts.note(f"more than {MOST_SERIES} optimizers: the others are not recorded")
            return
        self.order.append(watched)
        if self._find_rank() != 0:
            return
        number = len(self.series)
        if number == 0:
            self.facts.begin(sys._getframe())
            if self.settings.tells_imports:
                imports.write(os.path.join(self.settings.directory, IMPORTS))
        name = STEPS if number == 0 else STEPS.replace(".", f"_{number}.")
        series = Series(os.path.join(self.settings.directory, name), self.settings.sync_every)
        series.seen = self.seen if number == 0 else None
        series.open()
        self.series.append(series)
        watched.series = series

    def _is_looked_at(self) -> bool:
        """Whether one of several optimizers has made its first updates only: a critic may make a hundred before."""
        return len(self.order) > 1 and min(watched.n_updates for watched in self.order) < LOOKED_AT

    def _look_for_opponent(self, watched: Watched) -> None:
        """Sees whether the loss of this update went through what another optimizer updates by a loss of its own.

        That other one has to go on: parameters that were trained before, by an optimizer that is done, may well lie
        under a loss.
        """
        if watched.is_opposed:
            self.facts.adversarial = True
        own = {id(p) for p in watched.parameters}
        for other in self.order:
            if other is watched or other.generation in (self.generation, watched.generation):
                continue  # one loss for several optimizers is minimized by all of them
            if own.isdisjoint(map(id, other.parameters)) and other.was_reached():
                other.is_opposed = True

    def _find_rank(self) -> int:
        if self.rank is None:
            self.rank, self.facts.world_size = facts.rank()
        return self.rank

    def _watched(self, optimizer: Any) -> Watched:
        if self._latest is not None and self._latest[0]() is optimizer:
            watched = self._latest[1]
        else:
            if optimizer not in self.watched:
                self.watch(optimizer)
            watched = self.watched[optimizer]
            self._latest = ref(optimizer), watched
        if watched.groups is not optimizer.param_groups:  # load_state_dict makes new ones
            watched.groups, watched.parameters = optimizer.param_groups, []
        if not watched.parameters:
            watched.begin()
            watched.follow(self.order)
        return watched

    def _steer_inner(self, watched: Watched) -> list[tuple[dict[str, Any], Any]]:
        """Changes the rates of an optimizer that another one calls, unless it was given the changed ones."""
        if not self.steers:
            return []
        changed = [group for *_, before in self._open for group, _ in before]
        rates = {float(group["lr"]) for group in changed}
        theirs = [group for group in watched.groups if group.get("lr") is not None]
        if any(group is other for group in theirs for other in changed) or rates & {float(g["lr"]) for g in theirs}:
            return []
        return watched.steer(self.settings, self.factor(self._open[0][1]))

    def _measuring(self, closure: Callable[[], Any], watched: Watched, optimizer: Any) -> Callable[[], Any]:
        """The closure, after whose first call the update is measured: backward and clipping happen in it."""

        def measured() -> Any:
            self._in_closure = True
            try:
                result = closure()
            except BaseException:
                self.unwind()
                raise
            finally:
                self._in_closure = False
            if self.is_on and self._open and (self._row is None or self.settings.clip_norm is not None):
                row = self.measure(watched, optimizer)
                if self._row is None:  # further calls, as LBFGS makes, are at parameters within the update
                    self._row = row
                    self.losses = list(self.losses)
            return result

        return measured


def clip_to(limit: float, parameters: Sequence[Any], scale: Any) -> None:
    """Multiplies gradients by min(1, limit / norm), as trials do; nan stays nan.

    Args:
        limit: the largest norm that is left as it is.
        parameters: those of the gradients.
        scale: what the gradients are multiplied by meanwhile; None for 1.
    """
    import torch

    norm = total_norm(parameters, scale)
    if norm is None:
        return
    with torch.no_grad():
        factor = (limit / norm).clamp(max=1.0)
        for p in parameters:
            if p.grad is not None:
                is_sharded = hasattr(p.grad, "full_tensor")
                p.grad.mul_(float(factor) if is_sharded else factor.to(p.grad.device))
