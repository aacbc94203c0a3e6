"""A recording by listening to torch while a framework trains, for the callbacks: the recorder of `lrdoctor run`.

Frameworks hand callbacks means of losses, and gradients that are clipped already. The recorder sees the losses as they
are backwarded, and what the clipping itself returns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from lrdoctor.api import Objective
from lrdoctor.core.report import Report, Verdict
from lrdoctor.errors import LrdoctorError
from lrdoctor.integrations.live import Live, OnUnstable
from lrdoctor.recording import patches

KERAS = "keras.src.optimizers.base_optimizer"
Place = tuple[Any, str, Any]


class Listening:
    """What the callbacks of all frameworks share. One training at a time; a second one gets a folder of its own.

    Args: those of `lrdoctor.Recorder`, without the optimizer.
    """

    def __init__(
        self,
        folder: str | PathLike[str] | None,
        name: str,
        on_unstable: OnUnstable,
        alpha: float,
        objective: Objective,
    ) -> None:
        self._folder = folder
        self._again: Callable[[], Live] = partial(Live, None, name, on_unstable, alpha, objective)
        self.live = Live(folder, name, on_unstable, alpha, objective)
        """The recording that runs, or ran last."""
        self._before: list[Place] | None = None
        self._hooks: list[tuple[dict[int, Any], set[int]]] = []
        self._active: Any = None

    def start(self, *, keras: bool = False) -> None:
        """Listens from now on.

        Raises:
            LrdoctorError: a second training, which the folder has no room for.
        """
        import torch

        if self._before is not None or self.live.is_trial:
            return
        if not self.live.listener.is_on:
            if self._folder is not None:
                raise LrdoctorError(
                    f"{self._folder}: holds a recording already; give each training a callback of its own"
                )
            self.live = self._again()
        self._before = list(_places(torch, keras))
        self._hooks = [(hooks, set(hooks)) for hooks in _hooks()]
        self._active = patches.active
        patches.start(self.live.listener.settings, torch, self.live.listener)
        if keras:
            patches.patch_keras(sys.modules[KERAS])

    def finish(self) -> Report:
        """Listens no more, and judges the whole training."""
        report = self.live.finish()
        if self._before is None:
            return report
        for owner, name, real in self._before:
            setattr(owner, name, real)
        for hooks, there in self._hooks:
            for key in hooks.keys() - there:
                del hooks[key]
        patches.active, self._before = self._active, None
        return report

    def evaluated(self, value: Any) -> None:
        """Records a validation loss, of the model after the last update."""
        self.live.listener.evaluated(float(value), None)


def _places(torch: Any, keras: bool) -> Iterator[Place]:
    """Where the recorder listens, with what stands there without it."""
    owners: list[tuple[Any, tuple[str, ...]]] = [
        (torch.autograd, ("backward",)),
        *(
            (module, ("clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_"))
            for module in (torch.nn.utils, sys.modules["torch.nn.utils.clip_grad"])
        ),
        (torch.optim.Optimizer, ("__init__",)),
        (torch.amp.grad_scaler.GradScaler, ("scale", "step")),
    ]
    if keras:
        owners.append((sys.modules[KERAS].BaseOptimizer, ("apply", "scale_loss")))
    for owner, names in owners:
        for name in names:
            if hasattr(owner, name):
                yield owner, name, getattr(owner, name)


def _hooks() -> Iterator[dict[int, Any]]:
    """Those that torch calls before and after every step of any optimizer."""
    from torch.optim import optimizer

    for name in ("_global_optimizer_pre_hooks", "_global_optimizer_post_hooks"):
        yield getattr(optimizer, name)


class Told:
    """What a callback tells of its recording."""

    listening: Listening

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.listening.live.folder

    @property
    def verdict(self) -> Verdict:
        """As of the last look at the updates so far; inconclusive before the first."""
        return self.listening.live.verdict

    @property
    def report(self) -> Report:
        """The report on the whole training, which ends the recording."""
        return self.listening.finish()
