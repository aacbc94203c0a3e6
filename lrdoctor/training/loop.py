"""The training loop: one trial, every step logged."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from lrdoctor.core.run import Status
from lrdoctor.core.trial import Trial
from lrdoctor.errors import Interrupted, WorkloadError
from lrdoctor.training import structures, torch_optimizers
from lrdoctor.training.collapse import output_spread
from lrdoctor.training.hopeless import Hopeless
from lrdoctor.training.importing import blame, is_of_user
from lrdoctor.training.optimizers import Optimizer
from lrdoctor.training.randomness import seed_all
from lrdoctor.training.trainables import parameters, trainable
from lrdoctor.training.workload import Workload, backward, checked_loss, scalar_loss, validation_loss

ROWS_A_MESSAGE = 256
"""Rows gathered at most before they are sent on."""

SECONDS_A_MESSAGE = 0.2
"""The same in time: often enough that a view stays alive and little is lost, seldom enough that it costs nothing."""

STEPS_A_SYNC = 32
"""Updates between two reads of the losses on an accelerator, where each read waits for the device. What is trained
after a non-finite step inside that window is thrown away."""


class Row(NamedTuple):
    """One line of steps.csv."""

    step: int
    learning_rate: float
    train_loss: float
    grad_norm: float | None
    """None where no gradient was taken."""
    val_loss: float | None


class Ending(NamedTuple):
    """How a trial ended."""

    status: Status
    reason: str | None
    facts: Mapping[str, Any] = {}
    """What was found out at its end, see `known`."""


def train(
    workload: Workload,
    trial: Trial,
    emit: Callable[[Sequence[Row]], None],
    stopped: Callable[[], bool],
    untrained: float | None = None,
) -> Ending:
    """Trains one fresh model and emits its rows in order.

    The trial ends `diverged` at the first non-finite loss or gradient norm, which is the last row, and `truncated`
    when it is hopeless (`Trial.stop_hopeless`). An exception of the user's code after the first update ends it
    `failed`.

    Args:
        workload: what is trained.
        trial: how.
        emit: takes the rows.
        stopped: says whether to abandon the trial.
        untrained: the highest level that the untrained weights show on the batches of the seed, see `Hopeless`.

    Raises:
        WorkloadError: the workload cannot be built, or fails before the first update, whatever the learning rate.
        Interrupted: `stopped` said so.
    """
    workload.stopped = stopped
    try:
        loop = _Loop(workload, trial, untrained)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise WorkloadError(f"building the trial raised {blame(error)}") from error
    try:
        return loop.run(emit, stopped)
    except Exception as error:
        if not is_of_workload(error):
            raise
        if loop.n_updates == 0 and not is_out_of_memory(error):
            raise as_workload_error(error) from error
        ending = loop.read()  # a loss that was not finite and is still unread is the cause
        loop.send(emit)
        return ending or Ending("failed", str(as_workload_error(error)))


def is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError)


def is_of_workload(error: Exception) -> bool:
    """Whether the user's workload is at fault, or too large, and not lrdoctor."""
    return isinstance(error, WorkloadError) or is_out_of_memory(error) or is_of_user(error)


def as_workload_error(error: Exception) -> WorkloadError:
    return error if isinstance(error, WorkloadError) else WorkloadError(f"the workload raised {blame(error)}")


class _Loop:
    """The state of one training."""

    def __init__(self, workload: Workload, trial: Trial, untrained: float | None) -> None:
        self.workload, self.trial = workload, trial
        self.train_batches, self.validation, _ = workload.batches(trial.seed)
        self.model = workload.model(trial.seed)
        self.loss_fn = workload.loss()
        materialize(workload, self.model, self.train_batches, self.loss_fn)
        if trial.rewrite is not None:
            # before the optimizer is made, which has to know what the change adds
            workload.rewrite(self.model, trial.rewrite, trial.seed)
        self.optimizer = optimizer_of(workload, trial, self.model, self.loss_fn)
        self.params = trainable(self.model, self.loss_fn)
        self.rate = workload.schedule(trial, self.optimizer.hyperparameters)
        self.hopeless = Hopeless(trial.schedule_steps, untrained=untrained)
        self.sync_every = 1 if workload.device.type == "cpu" else STEPS_A_SYNC
        self.unread: list[tuple[int, float, Tensor, Tensor]] = []
        self.rows: list[Row] = []
        self.n_updates = 0
        self.norms: Tensor | None = None
        self.sent = time.monotonic()

    def run(self, emit: Callable[[Sequence[Row]], None], stopped: Callable[[], bool]) -> Ending:
        # what is drawn during training depends on the seed, not on how many numbers the model's making took
        seed_all(self.trial.seed)
        batches = iter(self.train_batches)
        for step in range(self.trial.n_steps):
            learning_rate = float(self.rate(step))
            norm = self._backward(next(batches), step, learning_rate)
            # the first step is read at once: what fails there is no learning rate's fault
            if len(self.unread) >= self.sync_every or step == 0:
                ending = self.read()
                if ending:
                    self.send(emit)
                    return ending
            self._set_momentum(step)
            self.optimizer.update(learning_rate, self._clip_scale(norm))
            self.n_updates += 1
            if self._is_due(step):
                ending = self.read()
                if ending:
                    self.send(emit)
                    return ending
                self._evaluate()
            if len(self.rows) >= ROWS_A_MESSAGE or time.monotonic() - self.sent > SECONDS_A_MESSAGE:
                self.send(emit)
            if stopped():
                raise Interrupted("the trial was abandoned")
        self.send(emit)
        first = next(iter(self.train_batches))  # the same for every trial of the seed, so that they compare
        spread = output_spread(self.workload, self.model, first, self.loss_fn)
        return Ending("completed", None, known(output_spread=spread))

    def send(self, emit: Callable[[Sequence[Row]], None]) -> None:
        """Hands on the rows that are complete."""
        self.sent = time.monotonic()
        if self.rows:
            emit(self.rows)
            self.rows = []

    def _backward(self, batch: Any, step: int, learning_rate: float) -> Tensor:
        for p in self.params:
            p.grad = None
        loss = checked_loss(self.workload, self.model, batch, self.loss_fn)
        backward(loss)
        norm = self.optimizer.collect()
        self.unread.append((step, learning_rate, loss.detach(), norm))
        return norm

    def _set_momentum(self, step: int) -> None:
        momentum = self.rate.momentum(step)
        if momentum is not None:
            self.optimizer.set_momentum(momentum)

    def _clip_scale(self, norm: Tensor) -> Tensor | None:
        limit = self._clip_norm(norm)
        return None if limit is None else (limit / norm).clamp(max=1.0)

    def _clip_norm(self, norm: Tensor) -> float | Tensor | None:
        """The norm that gradients are scaled down to at this update; None where nothing is clipped."""
        percentile = self.trial.autoclip_percentile
        if percentile is None:
            return self.trial.clip_norm
        # AutoClip: the history holds the norms before clipping, this update's among them; it stays on the device, where
        # a percentile on the host would wait for every update
        if self.norms is None:
            self.norms = torch.empty(self.trial.n_steps, dtype=norm.dtype, device=norm.device)
        self.norms[self.n_updates] = norm
        return torch.quantile(self.norms[: self.n_updates + 1], percentile / 100)

    def _is_due(self, step: int) -> bool:
        if self.validation is None:
            return False
        return (step + 1) % self.trial.eval_every == 0 or step + 1 == self.trial.n_steps

    def _evaluate(self) -> None:
        assert self.validation is not None
        batches = structures.first_examples(self.validation, self.trial.eval_examples)
        value = validation_loss(self.workload, self.model, batches, self.loss_fn, self.optimizer)
        self.rows[-1] = self.rows[-1]._replace(val_loss=value)

    def read(self) -> Ending | None:
        """Turns what was measured since the last read into rows; says when the trial is over."""
        if not self.unread:
            return None
        unread, self.unread = self.unread, []
        if len(unread) == 1:
            pairs = [(float(unread[0][2]), float(unread[0][3]))]
        else:  # one transfer for all of them
            kind = torch.promote_types(unread[0][2].dtype, unread[0][3].dtype)
            pairs = torch.stack([torch.stack((loss.to(kind), norm.to(kind))) for *_, loss, norm in unread]).tolist()
        for (step, learning_rate, *_), (loss, norm) in zip(unread, pairs, strict=True):
            self.rows.append(Row(step, learning_rate, loss, norm, None))
            ending = self._ending(step, loss, norm)
            if ending:
                return ending
        return None

    def _ending(self, step: int, loss: float, norm: float) -> Ending | None:
        if not (math.isfinite(loss) and math.isfinite(norm)):
            name, value = ("loss", loss) if not math.isfinite(loss) else ("gradient norm", norm)
            if step == 0:
                raise before_any_update(name, value, self.trial.seed)
            return Ending("diverged", f"the {name} is {value} at step {step}")
        if self.trial.stop_hopeless:
            reason = self.hopeless.add(loss)
            if reason:
                return Ending("truncated", reason)
        return None


def known(**facts: float | None) -> dict[str, Any]:
    """Those that are finite numbers; of the others nothing is known."""
    return {name: value for name, value in facts.items() if value is not None and math.isfinite(value)}


def optimizer_of(workload: Workload, trial: Trial, model: nn.Module, loss_fn: Any) -> Optimizer:
    """The trial's optimizer of what model and loss have to train."""
    return torch_optimizers.make(trial.optimizer, model, workload.folder, loss_fn, trial.base_learning_rate)


def materialize(workload: Workload, model: nn.Module, batches: Any, loss_fn: Any) -> None:
    """Gives lazy modules their shapes: they have no parameters to train before the first batch."""
    if any(isinstance(p, UninitializedParameter) for p in parameters(model, loss_fn)):
        with torch.no_grad():
            scalar_loss(workload, model, next(iter(batches)), loss_fn, "the training step")


def before_any_update(name: str, value: float, seed: int) -> WorkloadError:
    """The error of a loss or gradient norm that is not finite at the very start."""
    return WorkloadError(
        f"the {name} is {value} at step 0 with seed {seed}, before any update: no learning rate can be blamed; look at "
        "the data (missing values, log of 0), the loss and the initialization"
    )
