"""One measured quantity over the steps of one run.

A step is one optimizer update, counted from 0. `train_loss`, `learning_rate` and `grad_norm` at step t
belong to the update t: the loss and the gradient *before* it, the rate used *by* it. `val_loss` at step t
is the loss of the model *after* update t. A missing value is absent; a non-finite one is present.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Steps = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """Values over strictly increasing steps; both arrays are copied and read-only.

    Args:
        step: int64[n], strictly increasing.
        value: float64[n]; nan and inf are kept, since they are measurements.

    Raises:
        ValueError: the two differ in length, or the steps do not increase.
    """

    step: Steps
    value: Values

    def __post_init__(self) -> None:
        step = np.array(self.step, dtype=np.int64, copy=True).reshape(-1)
        value = np.array(self.value, dtype=np.float64, copy=True).reshape(-1)
        if step.shape != value.shape:
            raise ValueError(f"a curve has one value a step, got {step.size} steps and {value.size} values")
        if np.any(np.diff(step) <= 0):
            at = int(np.argmax(np.diff(step) <= 0)) + 1
            raise ValueError(f"steps must increase, got {step[at - 1]} then {step[at]}")
        step.flags.writeable = False
        value.flags.writeable = False
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "value", value)

    @classmethod
    def of(cls, values: Iterable[float], first_step: int = 0) -> Curve:
        """The curve of one value a step from `first_step` on."""
        value = np.fromiter(values, dtype=np.float64)
        return cls(np.arange(first_step, first_step + value.size, dtype=np.int64), value)

    def __len__(self) -> int:
        return int(self.step.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Curve):
            return NotImplemented
        return bool(np.array_equal(self.step, other.step) and np.array_equal(self.value, other.value, equal_nan=True))

    __hash__ = None  # type: ignore[assignment]  # equal by content, and the content is arrays

    def __reduce__(self) -> tuple[Any, ...]:
        # pickling an array drops its read-only flag; going through __init__ restores it
        return Curve, (np.asarray(self.step), np.asarray(self.value))

    @property
    def finite(self) -> Curve:
        """The part of the curve whose values are finite."""
        keep = np.isfinite(self.value)
        return self if bool(keep.all()) else Curve(self.step[keep], self.value[keep])

    @property
    def first_non_finite(self) -> int | None:
        """The step of the first nan or inf, None when every value is finite."""
        bad = ~np.isfinite(self.value)
        return int(self.step[np.argmax(bad)]) if bool(bad.any()) else None

    def after(self, step: int) -> Curve:
        """The part of the curve at `step` and later."""
        return Curve(self.step[self.step >= step], self.value[self.step >= step])

    def before(self, step: int) -> Curve:
        """The part of the curve before `step`."""
        return Curve(self.step[self.step < step], self.value[self.step < step])


EMPTY = Curve(np.zeros(0, dtype=np.int64), np.zeros(0))
