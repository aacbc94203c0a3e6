"""One optimizer as it is recorded: its parameters, its rates and what is changed of them during a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lrdoctor.recording.norms import are_small, read

if TYPE_CHECKING:
    from lrdoctor.recording.norms import Value
    from lrdoctor.recording.rows import Series
    from lrdoctor.recording.settings import Recording

SHARDED_FLAT = "FlatParameter"
"""FSDP's first version keeps a shard of all parameters in one of this class, whose gradient is a part of a vector."""
REFERENCE = ("max_lr", "initial_lr")
"""Keys of a parameter group that schedules keep the rate under that theirs are multiples of, the peak first."""


def rates_of(groups: Sequence[dict[str, Any]]) -> list[float]:
    """The rate of each group, nan where it has none."""
    return [as_number(group.get("lr")) for group in groups]


def as_number(rate: Any) -> float:
    """A rate as a float: schedules and fused optimizers keep some in tensors, and Adafactor has None."""
    try:
        return math.nan if rate is None else float(rate)
    except (TypeError, ValueError):
        return math.nan


@dataclass(eq=False)
class Watched:
    """What is known of one optimizer.

    Args:
        name: of its class.
        default: the rate among its defaults, nan for none.
        groups: its parameter groups, kept by itself.
        series: where its rows go; None on a rank that does not write.
    """

    name: str
    default: float
    groups: list[dict[str, Any]]
    series: Series | None = None
    generation: int = -1
    """The last update's number of backwards-since-an-update, by which a second one without a backward is told."""
    n_updates: int = 0
    made: list[float] = field(default_factory=list)
    """The rate of each group when the optimizer was made: a script that sets rates by itself has begun to do so, with
    those of its warmup, before the first update."""
    peaks: list[float] = field(default_factory=list)
    """The rate of each group that its schedule's are multiples of."""
    reference: float = math.nan
    """The rate among `peaks` that stands for the optimizer."""
    group: int = 0
    """The group whose rate is recorded."""
    parameters: list[Any] = field(default_factory=list)
    is_small: bool = False
    """As `norms.are_small` says of the parameters."""
    is_sharded_flat: bool = False
    """Whether a norm of the gradients here is one of a part only."""
    after_step: tuple[Any, int] | None = None
    """The first gradient, and how often it had been changed, right after the last update; None for no gradient."""
    is_marked: bool = False
    """Whether that is known of the last update: remembering the gradient keeps its memory."""
    is_opposed: bool = False
    """Whether the loss of another optimizer, by which that one makes an update, has reached these parameters."""
    before: Watched | None = None
    """The first optimizer that the script made for the same parameters; None for this one."""
    highest: float | None = None
    """The highest rate that the script has set for these parameters, before it is changed; None where none is changed.
    """

    def begin(self) -> None:
        """Looks at the groups, before the first update."""
        self.parameters = [p for group in self.groups for p in group["params"]]
        self.is_small = are_small(self.parameters)
        self.is_sharded_flat = any(type(p).__name__ == SHARDED_FLAT for p in self.parameters)
        self.peaks = [*self.made, *rates_of(self.groups)[len(self.made) :]][: len(self.groups)]
        for key in REFERENCE:
            if any(key in group for group in self.groups):
                self.peaks = [as_number(group.get(key, group.get("lr"))) for group in self.groups]
                break
        is_default = [rate == self.default for rate in self.peaks]
        known = [rate for rate in self.peaks if math.isfinite(rate)]
        highest = max(known, default=math.nan)
        # groups whose rates are all their own leave the default unused
        self.reference = self.default if any(is_default) else highest
        self.group = is_default.index(True) if any(is_default) else self.peaks.index(highest) if known else 0

    @property
    def first(self) -> Watched:
        """The first optimizer of these parameters."""
        return self.before or self

    def follow(self, earlier: Sequence[Watched]) -> None:
        """Goes on where an optimizer of the same parameters has stopped: scripts make a new one at every epoch.

        Args:
            earlier: optimizers that have stepped, of other parameters each.
        """
        if self in earlier:
            return
        mine = {id(p) for p in self.parameters}
        self.before = next((w for w in earlier if {id(p) for p in w.parameters} == mine), None)
        self.n_updates = self.first.n_updates
        if len(self.peaks) == len(self.first.peaks):
            self.peaks = self.first.peaks

    def lift(self, settings: Recording) -> float:
        """How many times higher than the reference the script raises its rates."""
        own = settings.own_learning_rate
        return max(1.0, own / self.reference) if own is not None and self.reference > 0 else 1.0

    def mark(self) -> None:
        """Remembers the first gradient as it is after an update."""
        gradient = self._first_gradient()
        self.after_step = None if gradient is None else (gradient, gradient._version)
        self.is_marked = True

    def forget(self) -> None:
        """Lets go of the gradient."""
        self.after_step, self.is_marked = None, False

    def was_reached(self) -> bool:
        """Whether a backward pass has changed that gradient since; False where it was not remembered."""
        gradient = self._first_gradient()
        if gradient is None or not self.is_marked:
            return False
        if self.after_step is not None and gradient is self.after_step[0] and gradient._version == self.after_step[1]:
            return False
        return bool(gradient.abs().sum() > 0)  # else it was set to zero

    def _first_gradient(self) -> Any:
        return next((p.grad for p in self.parameters if p.grad is not None), None)

    def rate(self) -> Value | None:
        """The rate that is recorded."""
        found = self.groups[self.group].get("lr") if self.group < len(self.groups) else None
        if found is None or hasattr(found, "detach"):
            return None if found is None else read(found)
        return float(found)

    def steer(self, settings: Recording, factor: float) -> list[tuple[dict[str, Any], Any]]:
        """Changes the groups' rates for one step; returns the groups with the rates to put back afterwards.

        Args:
            settings: of the recording.
            factor: on every rate.
        """
        before = [(group, group["lr"]) for group in self.groups if group.get("lr") is not None]
        rate = self.groups[self.group].get("lr") if self.group < len(self.groups) else None
        # to read one on an accelerator would wait for it
        if rate is not None and not hasattr(rate, "detach") and math.isfinite(rate):
            self.first.highest = max(float(rate), self.first.highest or 0.0)
        ramp = self.n_updates / settings.warmup_steps if self.n_updates < settings.warmup_steps else 1.0
        for k, group in enumerate(self.groups):
            if group.get("lr") is None:
                continue
            rate = group["lr"]
            if settings.post_warmup_constant and k < len(self.peaks):
                rate = self.peaks[k] * self.lift(settings) or settings.own_learning_rate or rate
            group["lr"] = rate * factor * ramp
        return before


def put_back(before: Sequence[tuple[dict[str, Any], Any]]) -> None:
    """The rates that the script's schedule knows of."""
    for group, rate in before:
        group["lr"] = rate
