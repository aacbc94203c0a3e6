"""The control of a seed: what the untrained weights lose on its batches, step by step, with nothing updated.

Trials of a seed begin with the same weights and see the same batches. What the control shows is therefore what the data
do to a loss curve by themselves: hard batches, an objective that changes, a batch whose loss is nan.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lrdoctor.core.trial import Trial
from lrdoctor.errors import Interrupted
from lrdoctor.measures import level
from lrdoctor.training.collapse import Constant, output_spread
from lrdoctor.training.loop import (
    ROWS_A_MESSAGE,
    SECONDS_A_MESSAGE,
    STEPS_A_SYNC,
    Ending,
    Row,
    as_workload_error,
    is_of_workload,
    is_out_of_memory,
    known,
    materialize,
)
from lrdoctor.training.randomness import seed_all
from lrdoctor.training.workload import Workload, checked_loss, validation_loss


def observe(
    workload: Workload, trial: Trial, emit: Callable[[Sequence[Row]], None], stopped: Callable[[], bool]
) -> Ending:
    """Passes over the batches of the seed with a fresh model that is never updated, and emits a row a step.

    The model is in training mode and gradients can be taken, as in a trial: random numbers are drawn alike, running
    statistics move alike, and the first loss is that of a trial bit for bit. A loss that is not finite does not end it.
    The validation data are evaluated once, after the last step.

    Raises:
        WorkloadError: the workload cannot be built, or fails at the first step.
        Interrupted: `stopped` said so.
    """
    workload.stopped = stopped
    batches, validation, _ = workload.batches(trial.seed)
    model = workload.model(trial.seed)
    loss_fn = workload.loss()
    materialize(workload, model, batches, loss_fn)
    if trial.rewrite is not None:
        workload.rewrite(model, trial.rewrite, trial.seed)
    sync_every = 1 if workload.device.type == "cpu" else STEPS_A_SYNC
    log = _Log(emit)
    seed_all(trial.seed)
    source = iter(batches)
    constant = Constant(workload, trial.n_steps, level.THRESHOLDS.end)
    val_loss = None
    facts: dict[str, Any] = {}
    for step in range(trial.n_steps):
        is_last = step + 1 == trial.n_steps
        try:
            batch = next(source)
            constant.see(step, batch)
            log.unread.append(checked_loss(workload, model, batch, loss_fn).detach())
            if is_last:
                val_loss = None if validation is None else validation_loss(workload, model, validation, loss_fn)
                facts = known(
                    constant_loss=constant.loss(model, loss_fn),
                    output_spread=output_spread(workload, model, next(iter(batches)), loss_fn),
                )
                if "constant_loss" in facts:
                    facts["constant_losses"] = [list(pair) for pair in constant.losses]
        except Exception as error:
            if not is_of_workload(error):
                raise
            if step == 0 and not is_out_of_memory(error):
                raise as_workload_error(error) from error
            log.end()
            return Ending("failed", str(as_workload_error(error)))
        if is_last:
            log.end(val_loss)
        elif len(log.unread) >= sync_every:
            log.read()
        if stopped():
            raise Interrupted("the control was abandoned")
    return Ending("completed", None, facts)


class _Log:
    """Losses on their way into rows."""

    def __init__(self, emit: Callable[[Sequence[Row]], None]) -> None:
        self.unread: list[Tensor] = []
        self._emit, self._n, self._sent = emit, 0, time.monotonic()
        self._rows: list[Row] = []

    def read(self) -> None:
        """Turns the losses since the last read into rows, and hands them on when it is time."""
        self._read()
        if len(self._rows) >= ROWS_A_MESSAGE or time.monotonic() - self._sent > SECONDS_A_MESSAGE:
            self._send()

    def end(self, val_loss: float | None = None) -> None:
        """Hands on what is left, the last row with the validation loss."""
        self._read()
        if self._rows:
            self._rows[-1] = self._rows[-1]._replace(val_loss=val_loss)
            self._send()

    def _read(self) -> None:
        unread, self.unread = self.unread, []
        losses = torch.stack(unread).tolist() if len(unread) > 1 else map(float, unread)
        for loss in losses:
            self._rows.append(Row(self._n, 0.0, loss, None, None))
            self._n += 1

    def _send(self) -> None:
        self._emit(self._rows)
        self._rows, self._sent = [], time.monotonic()
