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
    """Values over strictly increasing steps; both arrays are read-only, and copied unless nobody can write to them.

    Args:
        step: int64[n], strictly increasing.
        value: float64[n]; nan and inf are kept, since they are measurements.

    Raises:
        ValueError: the two differ in length, or the steps do not increase.
    """

    step: Steps
    value: Values

    def __post_init__(self) -> None:
        step = self.step if _is_frozen(self.step, np.int64) else np.array(self.step, dtype=np.int64).reshape(-1)
        value = self.value if _is_frozen(self.value, np.float64) else np.array(self.value, dtype=np.float64).reshape(-1)
        if step.shape != value.shape:
            raise ValueError(f"a curve has one value a step, got {step.size} steps and {value.size} values")
        not_up = step[1:] <= step[:-1]
        if np.any(not_up):
            at = int(np.argmax(not_up)) + 1
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
        """The part of the curve before `step`; itself where that is all of it."""
        end = int(np.searchsorted(self.step, step))
        return self if end == len(self) else Curve(self.step[:end], self.value[:end])

    def at_schedule(self, eval_every: int, n_steps: int) -> Curve:
        """The points at which a training evaluates: after every n-th update, and after the last.

        Args:
            eval_every: updates between two evaluations.
            n_steps: updates of the whole training.

        >>> curve = Curve.of([5.0, 4.0, 9.0, 2.0, 1.0])
        >>> curve.at_schedule(2, n_steps=5).step.tolist(), curve.at_schedule(2, n_steps=100).step.tolist()
        ([1, 3, 4], [1, 3])
        """
        after = self.step + 1
        keep = (after % eval_every == 0) | (after == n_steps)
        return Curve(self.step[keep], self.value[keep])


def _is_frozen(array: object, kind: type[np.generic]) -> bool:
    """Whether it is an array of that type that nobody can write to: the curves of a long log share their steps."""
    return (
        isinstance(array, np.ndarray)
        and array.dtype == kind
        and array.ndim == 1
        and not array.flags.writeable
        and (array.base is None or (isinstance(array.base, np.ndarray) and not array.base.flags.writeable))
    )


EMPTY = Curve(np.zeros(0, dtype=np.int64), np.zeros(0))
