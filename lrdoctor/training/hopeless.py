"""When a trial is not worth finishing, though every number of it is finite."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Hopeless:
    """Sees the training loss step by step and says when it is pinned far above where it started.

    Pinned: for a whole stretch every loss was above `first + rise * |first|`, and the median of the stretch's
    second half is not below `progress` times the median of its first half, both counted from the first loss.
    A loss that blew up early and is on its way back is therefore left alone.

    This saves time and judges nothing: whether the trial was feasible is decided on its curve.
    """

    n_steps: int
    """Updates of the trial's whole schedule."""
    rise: float = 1.0
    """Twice the first loss (for a positive one): a model that knows nothing starts lower than that, so a model
    above it is worse than untrained."""
    share: float = 0.2
    """Part of the trial that the stretch lasts: long enough that the remaining steps could not bring the loss
    back and then train the model."""
    shortest: int = 50
    """Updates that the stretch lasts at least; early blow-ups that recover do so within some 25 updates on the
    bundled workloads."""
    progress: float = 0.9
    """Below this ratio of the halves' medians the loss is coming down and the trial goes on."""
    untrained: float | None = None
    """The highest level that the untrained weights show on these batches; None where nobody knows. The first loss is
    that of a single batch, which may be an easy one, and an objective may rise by itself."""
    _first: float | None = field(default=None, init=False)
    _above: deque[float] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        self._above = deque(maxlen=max(self.shortest, int(self.share * self.n_steps)))

    def add(self, loss: float) -> str | None:
        """Takes the next finite loss; returns the reason to stop, None to go on."""
        if self._first is None:
            self._first = loss if self.untrained is None else max(loss, self.untrained)
        limit = self._first + self.rise * abs(self._first)
        if loss <= limit or self._first == 0.0:
            self._above.clear()
            return None
        self._above.append(loss)
        n = len(self._above)
        if n < (self._above.maxlen or 0):
            return None
        losses = [value - self._first for value in self._above]
        if median(losses[n // 2 :]) < self.progress * median(losses[: n // 2]):
            return None
        level = "it started at" if self._first != self.untrained else "untrained weights lose up to"
        return (
            f"hopeless: the training loss stayed above {limit:.4g} for {n} updates in a row "
            f"without coming down ({level} {self._first:.4g})"
        )
