"""`lrdoctor.Recorder`: what a training loop of one's own tells of each update, recorded and judged while it runs."""

from __future__ import annotations

import math
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any

from lrdoctor.api import Objective
from lrdoctor.core.report import Report, Verdict
from lrdoctor.integrations.live import Live, OnUnstable
from lrdoctor.recording import patches
from lrdoctor.recording.norms import read, total_norm
from lrdoctor.recording.rows import Row
from lrdoctor.recording.watched import Watched


class Recorder:
    """Records a loop of your own, an update at a time, and judges it meanwhile.

    >>> import tempfile, torch, lrdoctor
    >>> weight = torch.zeros(2, requires_grad=True)
    >>> optimizer = torch.optim.SGD([weight], lr=0.1)
    >>> with lrdoctor.Recorder(optimizer, folder=tempfile.mkdtemp()) as recorder:
    ...     for _ in range(100):
    ...         optimizer.zero_grad()
    ...         loss = 1 + (weight - 1).square().sum()
    ...         loss.backward()
    ...         norm = torch.nn.utils.clip_grad_norm_([weight], max_norm=1.0)  # returns the norm before it clips
    ...         recorder.step(loss=loss, gradient_norm=norm)
    ...         optimizer.step()
    ...         if recorder.should_stop:
    ...             break
    >>> recorder.report.verdict
    'stable'

    The files are those of `lrdoctor run`: `steps.csv`, which `lrdoctor diagnose` reads, and `recording.json`. Of
    several ranks the first one writes and tells; make one on every rank and call `step` there, so that with "stop" they
    all see `should_stop` after the same update. In a trial of `lrdoctor sweep` it does nothing: lrdoctor records the
    trial itself. Losses and norms on an accelerator stay there and are read 32 updates at a time,
    so that recording does not wait for it; the judge sees them as they are read.

    Args:
        optimizer: whose learning rate is recorded, and whose gradients are measured where no norm is given; None where
            there is none of torch's.
        folder: for the files; None for `lrdoctor_out/<name>-<time>`.
        name: of the training.
        on_unstable: "warn" prints a line on standard error once the training is unstable; "stop" prints it and sets
            `should_stop`; a callable gets the `StreamEvent`.
        alpha: the share of healthy trainings that may be taken for unstable, over the whole training.
        objective: whether a rise of the loss is a failure: "auto", "minimized", "reinforcement" or "adversarial".

    Raises:
        LrdoctorError: the folder cannot be made, or holds a recording.
        ValueError: `on_unstable`, `alpha` or `objective` is none of the above.
    """

    def __init__(
        self,
        optimizer: Any = None,
        *,
        folder: str | PathLike[str] | None = None,
        name: str = "training",
        on_unstable: OnUnstable = "warn",
        alpha: float = 0.01,
        objective: Objective = "auto",
    ) -> None:
        self._live = Live(folder, name, on_unstable, alpha, objective)
        # wrappers of Accelerate hold the one that steps
        held = getattr(optimizer, "optimizer", optimizer)
        if held is None:
            self._watched = Watched("unknown", math.nan, [])
        else:
            self._live.listener.watch(held)
            self._watched = self._live.listener._watched(held)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._live.listener.facts.exception = f"{type(error).__name__}: {error}"[:500]
        self.finish()

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._live.folder

    @property
    def should_stop(self) -> bool:
        """Whether the loop is to end: the training is unstable and `on_unstable` is "stop"."""
        return self._live.should_stop

    @property
    def verdict(self) -> Verdict:
        """As of the last look at the updates so far; inconclusive before the first."""
        return self._live.verdict

    @property
    def report(self) -> Report:
        """The report on the whole training, which ends the recording."""
        return self._live.finish()

    def step(self, *, loss: Any, gradient_norm: Any = None, learning_rate: float | None = None) -> None:
        """Records an update that is about to be made: call it between backward and `optimizer.step()`.

        Args:
            loss: of the update, a number or a tensor of one element; with accumulation, the sum as it was backwarded.
            gradient_norm: what `clip_grad_norm_` returned, which is the norm before clipping. None measures the
                gradients of the optimizer as they are, so before they are clipped.
            learning_rate: that the update will use; None takes it from the optimizer.
        """
        if self._live.listener.is_on:
            self._write(loss, gradient_norm, learning_rate)
        self._live.agree()

    def _write(self, loss: Any, gradient_norm: Any, learning_rate: float | None) -> None:
        listener, watched = self._live.listener, self._watched
        norm = gradient_norm
        if norm is None and watched.groups:
            norm = total_norm(p for group in watched.groups for p in group["params"])
        rate = watched.rate() if learning_rate is None else float(learning_rate)
        norms = [] if norm is None else [_value(norm)]
        try:
            listener.write(watched, Row(0, rate, [_value(loss)], norms))
        except OSError as error:  # a full disk ends the recording, not the training
            patches.fail(listener, error)

    def evaluated(self, val_loss: Any) -> None:
        """Records a validation loss, of the model after the last update.

        Args:
            val_loss: a number, or a tensor of one element.
        """
        self._live.listener.evaluated(float(val_loss.detach() if hasattr(val_loss, "detach") else val_loss), None)

    def finish(self) -> Report:
        """Ends the recording, and judges it whole; the same report again when called again."""
        return self._live.finish()


def _value(value: Any) -> Any:
    """A float, or a tensor on an accelerator that is read later."""
    return read(value.detach().reshape(())) if hasattr(value, "detach") else float(value)
