"""What runs inside a worker process: the workload, and the trials it is asked for."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from lrdoctor.core.trial import Trial
from lrdoctor.errors import WorkloadError
from lrdoctor.training import structures
from lrdoctor.training.control import observe
from lrdoctor.training.importing import user_modules
from lrdoctor.training.loop import Row, before_any_update, train
from lrdoctor.training.workload import Rewriter, Workload, backward, checked_loss, validation_loss


def open_session(context: Mapping[str, Any], worker: int, rewriter: Rewriter | None = None) -> TrainingSession:
    """The engine's entry point.

    Args:
        context: `Spec.workload()`.
        worker: index of the worker; worker i takes accelerator i modulo their number.
        rewriter: changes the models of trials that ask for it.
    """
    # One thread a worker: two workers with one thread each train more than one worker with two, and the
    # order of additions inside an operation, so every bit of a curve, does not depend on the machine's load.
    torch.set_num_threads(1)
    device = pick_device(str(context["device"]), worker)
    if device.type == "cuda":
        _make_cuda_deterministic(device)
    return TrainingSession(Workload(context, device, rewriter), device)


class TrainingSession:
    """One worker's workload; see `engines.base.Session`."""

    def __init__(self, workload: Workload, device: torch.device) -> None:
        self.workload = workload
        self.device = device

    def describe(self) -> dict[str, Any]:
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type
        # an index was asked for: that one accelerator is all there is
        devices = torch.cuda.device_count() if self.device.type == "cuda" else 0
        single = self.device.type == "mps" or ":" in str(self.workload.blocks["device"])
        return {"device": str(self.device), "device_name": name, "devices": 1 if single else devices}

    def run(self, payload: Any, emit: Callable[[Any], None], stopped: Callable[[], bool]) -> Any:
        if payload["kind"] == "check":
            return self.check(payload["seed"])

        def send(rows: Sequence[Row]) -> None:
            # plain tuples: a row of our own type would make the parent import this package, and torch with it
            emit([tuple(row) for row in rows])

        trial = Trial(**payload["trial"])
        ending = (observe if trial.control else train)(self.workload, trial, send, stopped)
        return {"status": ending.status, "reason": ending.reason, "facts": {**self._facts(trial), **ending.facts}}

    def _facts(self, trial: Trial) -> dict[str, int]:
        """What the trial's own settings leave open: how many examples the whole batches of an evaluation held."""
        validation = self.workload.batches(trial.seed).validation
        if trial.eval_examples is None or validation is None:
            return {}
        return {
            "evaluated": sum(map(structures.batch_length, structures.first_examples(validation, trial.eval_examples)))
        }

    def check(self, seed: int) -> dict[str, Any]:
        """One forward and backward pass and one evaluation, before any trial runs.

        Returns:
            n_parameters: trainable numbers of the model.
            has_validation: whether there are validation data.
            facts: digests of the data and of the user's code, which tell whether both are still the same later.

        Raises:
            WorkloadError: something of the workload does not work.
        """
        train_batches, validation, provenance = self.workload.batches(seed)
        model = self.workload.model(seed)
        loss_fn = self.workload.loss()
        first = next(iter(train_batches))
        facts = {f"first batch of seed {seed}": structures.digest(first), **provenance, **user_modules()}
        loss = checked_loss(self.workload, model, first, loss_fn)
        if not math.isfinite(loss.item()):
            raise before_any_update("loss", loss.item(), seed)
        backward(loss)
        if validation is not None:
            facts["first validation batch"] = structures.digest(next(iter(validation)))
            validation_loss(self.workload, model, validation, loss_fn)
        return {"n_parameters": _n_trainable(model), "has_validation": validation is not None, "facts": facts}


def pick_device(text: str, worker: int) -> torch.device:
    """The spec's device for this worker: `auto` is CUDA where there is one, else the CPU.

    Raises:
        WorkloadError: the device is not there.
    """
    if text == "auto":
        text = "cuda" if torch.cuda.is_available() else "cpu"
    if text == "cuda" and torch.cuda.is_available():
        return torch.device("cuda", worker % torch.cuda.device_count())
    device = torch.device(text)
    missing = (device.type == "cuda" and not torch.cuda.is_available()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if missing or (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()):
        raise WorkloadError(f"device: {text} is not there; {torch.cuda.device_count()} CUDA devices are visible")
    return device


def _make_cuda_deterministic(device: torch.device) -> None:
    torch.cuda.set_device(device)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)


def _n_trainable(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
