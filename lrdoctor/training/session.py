"""What runs inside a worker process: the workload, and the trials it is asked for."""

from __future__ import annotations

import itertools
import math
import os
import platform
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from lrdoctor.core.trial import Trial
from lrdoctor.errors import Interrupted, WorkloadError
from lrdoctor.training import schedules, structures
from lrdoctor.training.batches import Batches
from lrdoctor.training.control import observe
from lrdoctor.training.importing import blame, user_modules
from lrdoctor.training.loop import Row, before_any_update, materialize, optimizer_of, train
from lrdoctor.training.trainables import loss_parameters, parameters, refuse_strays, trainable
from lrdoctor.training.workload import Rewriter, Workload, backward, checked_loss, validation_loss

OF_THE_LOSS = (
    "the loss's own parameters are trained with the model's; requires_grad=False in the loss leaves them as they are"
)

SECONDS_A_SIGN = 10.0
"""How often a long look at the validation data says how far it is."""


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
        return {
            "device": str(self.device),
            "device_name": name,
            "devices": 1 if single else devices,
            "host": platform.node(),
            "torch": str(torch.__version__),  # plain text: unpickling its own class imports torch
        }

    def run(self, payload: Any, emit: Callable[[Any], None], stopped: Callable[[], bool]) -> Any:
        if payload["kind"] == "check":
            trial = payload.get("trial")
            return self.check(payload["seed"], None if trial is None else Trial(**trial), emit, stopped)

        def send(rows: Sequence[Row]) -> None:
            # plain tuples: a row of our own type would make the parent import this package, and torch with it
            emit([tuple(row) for row in rows])

        trial = Trial(**payload["trial"])
        if trial.control:
            ending = observe(self.workload, trial, send, stopped)
        else:
            ending = train(self.workload, trial, send, stopped, payload.get("untrained"))
        return {"status": ending.status, "reason": ending.reason, "facts": {**self._facts(trial), **ending.facts}}

    def _facts(self, trial: Trial) -> dict[str, int]:
        """What the trial's own settings leave open: how many examples the whole batches of an evaluation held."""
        validation = self.workload.batches(trial.seed).validation
        if trial.eval_examples is None or validation is None:
            return {}
        return {
            "evaluated": sum(map(structures.batch_length, structures.first_examples(validation, trial.eval_examples)))
        }

    def check(
        self,
        seed: int,
        trial: Trial | None = None,
        emit: Callable[[Any], None] = lambda said: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """One forward and backward pass and one evaluation, before any trial runs.

        Args:
            seed: of model and batches.
            trial: one that is to run, whose optimizer and schedule are tried as well.
            emit: takes a sentence from time to time where it takes long.
            stopped: asked whether to give up.

        Returns:
            n_parameters: trainable numbers of the model and of the loss.
            n_loss_parameters: those of them that are the loss's own.
            has_validation: whether there are validation data.
            notes: what the user should know before any trial runs, as sentences.
            facts: digests of the data and of the user's code, which tell whether both are still the same later.

        Raises:
            WorkloadError: something of the workload does not work.
            Interrupted: `stopped` said so.
        """
        self.workload.stopped = stopped
        train_batches, validation, provenance = self.workload.batches(seed)
        model = self.workload.model(seed)
        loss_fn = self.workload.loss()
        materialize(self.workload, model, train_batches, loss_fn)
        first = next(iter(train_batches))
        facts = {f"first batch of seed {seed}": _digest(first, "train"), **provenance, **user_modules()}
        loss = checked_loss(self.workload, model, first, loss_fn)
        if not math.isfinite(loss.item()):
            raise before_any_update("loss", loss.item(), seed)
        refuse_strays(loss, parameters(model, loss_fn))
        backward(loss)
        notes = [] if trial is None else self._tried(trial, model, loss_fn)
        if validation is not None:
            facts["first validation batch"] = _digest(next(iter(validation)), "validation")
            # all of them are made before any is evaluated, so that data without an end are found out soon
            deque(_followed(validation, "made", emit), maxlen=0)
            validation_loss(self.workload, model, _followed(validation, "evaluated", emit), loss_fn)
        own = {id(p) for p in model.parameters()}
        of_loss = [p for p in loss_parameters(loss_fn) if p.requires_grad and id(p) not in own]
        if of_loss:
            notes.insert(0, OF_THE_LOSS)
        return {
            "n_parameters": _count(trainable(model, loss_fn)),
            "n_loss_parameters": _count(of_loss),
            "has_validation": validation is not None,
            "notes": notes,
            "facts": facts,
        }

    def _tried(self, trial: Trial, model: nn.Module, loss_fn: Any) -> list[str]:
        """Makes the trial's optimizer and walks through its schedule; what there is to say of both."""
        optimizer = optimizer_of(self.workload, trial, model, loss_fn)
        rates = self.workload.schedule(trial, optimizer.hyperparameters)
        for step in itertools.chain((0,), range(trial.warmup_steps, trial.schedule_steps)):
            if self.workload.stopped():
                raise Interrupted("the look at the schedule was abandoned")
            rates(step)
        unused = schedules.unused_peak(self.workload.blocks["schedule"])
        return [*optimizer.notes, *([] if unused is None else [unused])]


def _followed(validation: Batches, done: str, emit: Callable[[Any], None]) -> Iterator[Any]:
    """The batches; says from time to time how many of them are done."""
    said, n_examples = time.monotonic(), 0
    for n_batches, batch in enumerate(validation, start=1):
        n_examples += structures.batch_length(batch)
        yield batch
        if time.monotonic() - said > SECONDS_A_SIGN:
            said = time.monotonic()
            emit(f"validation data: {n_batches:,} batches ({n_examples:,} examples) {done} so far")


def _digest(batch: Any, key: str) -> str:
    try:
        return structures.digest(batch)
    except Exception as error:
        raise WorkloadError(
            f"data: a batch of {key} holds something whose bytes cannot be read: {blame(error)}; try tensors, numpy "
            "arrays, or an object of your own with a `to` method"
        ) from error


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


def _count(params: Iterable[nn.Parameter]) -> int:
    return sum(p.numel() for p in params)
