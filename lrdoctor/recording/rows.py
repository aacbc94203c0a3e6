"""The rows of one optimizer: values as they come, on an accelerator many of them read at once, appended to a file."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lrdoctor.recording.settings import COLUMNS

if TYPE_CHECKING:
    from lrdoctor.recording.norms import Value

Seen = Callable[[int, float | None, float | None, float | None], None]

LONGEST_WAIT = 1.0
"""Seconds after which values are read from an accelerator however few they are: what a kill can lose."""
MOST_SKIPPED = 10_000
"""Skipped steps that are listed."""


@dataclass(eq=False, slots=True)
class Row:
    """One step of an optimizer; what is a tensor has not been read yet."""

    step: int
    rate: Value | None
    losses: Sequence[Value]
    """Backwarded since the last update; their sum is the loss of this one."""
    norms: Sequence[Value]
    """Of parts of the parameters that have nothing in common."""
    skipped: Value = 0.0
    """Above 0 where a loss scaler kept the step from changing anything."""


@dataclass(eq=False)
class Series:
    """The file of one optimizer, appended row by row, each by one write: what was written survives any kill."""

    path: str
    sync_every: int
    n_rows: int = 0
    n_skipped: int = 0
    skipped: list[int] = field(default_factory=list)
    """Steps that a loss scaler skipped."""
    bad: tuple[int, str, float] | None = None
    """Step, column and value of the first update that is not finite."""
    seen: Seen | None = None
    """Called with every update once it has been read: step, learning rate, loss and gradient norm."""

    def __post_init__(self) -> None:
        self._file = -1
        self._waiting: list[Row] = []
        self._since = 0.0

    @property
    def n_updates(self) -> int:
        """Steps that changed parameters; those that wait to be read count as such."""
        return self.n_rows - self.n_skipped

    def open(self) -> None:
        """Makes the file.

        Raises:
            FileExistsError: another process has made it.
            OSError: it cannot be written.
        """
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._write(",".join(COLUMNS) + "\n")

    def add(self, row: Row) -> None:
        """Appends the row now, or with others once they are read."""
        self.n_rows += 1
        if not self._waiting and _is_read(row):
            self._write(self._line(row.step, row.rate, row.losses, row.norms, row.skipped > 0))  # type: ignore[arg-type]
            return
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(row)
        if len(self._waiting) >= self.sync_every or time.monotonic() - self._since > LONGEST_WAIT:
            self.flush()

    def flush(self) -> None:
        """Reads what waits on an accelerator, in one go, and appends it."""
        rows, self._waiting = self._waiting, []
        if rows:
            read = _read([value for row in rows for value in _values(row)])
            self._write("".join(self._read_line(row, read) for row in rows))

    def _read_line(self, row: Row, read: list[float]) -> str:
        """The row as a line; its tensors have the values at the front of `read`, which are taken from there."""

        def number(value: Value) -> float:
            return value if type(value) is float else read.pop(0)

        rate = None if row.rate is None else number(row.rate)
        losses = [number(value) for value in row.losses]
        norms = [number(value) for value in row.norms]
        return self._line(row.step, rate, losses, norms, number(row.skipped) > 0)

    def _line(
        self, step: int, rate: float | None, losses: Sequence[float], norms: Sequence[float], skipped: bool
    ) -> str:
        loss = losses[0] if len(losses) == 1 else _sum(losses)
        norm = norms[0] if len(norms) == 1 else _together(norms)
        if skipped:
            self.n_skipped += 1
            if len(self.skipped) < MOST_SKIPPED:
                self.skipped.append(step)
        elif self.bad is None:
            if loss is not None and not math.isfinite(loss):
                self.bad = (step, "train_loss", loss)
            elif norm is not None and not math.isfinite(norm):
                self.bad = (step, "grad_norm", norm)
        if self.seen is not None and not skipped:
            self.seen(step, rate, loss, norm)
        # the shortest texts that read back as the same numbers; blank for none
        return (
            f"{step},{'' if rate is None else repr(rate)},{'' if loss is None else repr(loss)},"
            f"{'' if norm is None else repr(norm)},\n"
        )

    def _write(self, text: str) -> None:
        data = text.encode("ascii")
        n = os.write(self._file, data)
        while n < len(data):
            n += os.write(self._file, data[n:])


def _is_read(row: Row) -> bool:
    """Whether none of the row's values is a tensor any more; what every update on a processor asks."""
    if type(row.skipped) is not float or (row.rate is not None and type(row.rate) is not float):
        return False
    for value in row.losses:
        if type(value) is not float:
            return False
    for value in row.norms:  # noqa: SIM110  # `all` of a generator takes several times as long
        if type(value) is not float:
            return False
    return True


def _values(row: Row) -> list[Any]:
    """The tensors among the row's values, in the order in which `_read_line` asks for them."""
    every = (row.rate, *row.losses, *row.norms, row.skipped)
    return [value for value in every if value is not None and type(value) is not float]


def _read(tensors: list[Any]) -> list[float]:
    """The tensors' values, those of one device in one transfer."""
    import torch

    found: dict[int, float] = {}
    for device in {tensor.device for tensor in tensors}:
        at = [k for k, tensor in enumerate(tensors) if tensor.device == device]
        kind = torch.float32 if device.type == "mps" else torch.float64  # MPS has no double
        stacked = torch.stack([tensors[k].detach().reshape(()).to(kind) for k in at])
        found.update(zip(at, stacked.tolist(), strict=True))
    return [found[k] for k in range(len(tensors))]


def _sum(values: Sequence[float]) -> float | None:
    return sum(values) if values else None


def _together(norms: Sequence[float]) -> float | None:
    """The norm of all parts: the root of the sum of squares."""
    if not norms:
        return None
    return math.nan if any(map(math.isnan, norms)) else math.hypot(*norms)
