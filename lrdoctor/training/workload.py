"""The user's model, data and loss, built from the plain values of a spec."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lrdoctor.core import schedule as schedules
from lrdoctor.core.rewriting import Rewrite
from lrdoctor.core.trial import Trial
from lrdoctor.errors import Interrupted, WorkloadError
from lrdoctor.training import structures
from lrdoctor.training.batches import CACHE_BYTES, Batches, Epoch, epochs_of, is_stateless, length_of
from lrdoctor.training.importing import blame, build, resolve
from lrdoctor.training.optimizers import Optimizer
from lrdoctor.training.randomness import Stream, seed_all
from lrdoctor.training.schedules import Multiplier, Rates, named_by_class_path, with_warmup
from lrdoctor.training.trainables import move_loss
from lrdoctor.training.untouched import untouched

Step = Callable[[nn.Module, Any, Any], Tensor]
"""(model, batch, loss function) -> scalar loss of the batch."""

LossOf = Callable[[nn.Module, Any], Tensor]
"""(model, batch) -> scalar loss."""

Rewriter = Callable[[nn.Module, Any, LossOf, Rewrite, int], None]
"""(model, batch, loss of it, name of the rewrite, seed): changes the model in place, or raises WorkloadError."""

DATA_SEED = 0
"""Seed of the global generators while the data factory runs: every seed of a study gets the same split."""


class Data(NamedTuple):
    """What a data factory returned, taken apart."""

    train: Any
    validation: Any
    provenance: Mapping[str, str]


class SeedData(NamedTuple):
    """The batches of one seed, and what the data factory says of the data's origin, such as a checksum."""

    train: Batches
    validation: Batches | None
    provenance: Mapping[str, str]

    @property
    def held(self) -> int:
        """Bytes in the caches."""
        return self.train.held + (self.validation.held if self.validation else 0)


class Workload:
    """Builds what a trial needs; one lives in every worker and keeps the batches of the seeds it has served.

    Args:
        blocks: `Spec.workload()`: model, data, loss, step, schedule and the spec's folder.
        device: where models and batches go.
        rewriter: changes the models of trials that ask for it; None where none does.
    """

    def __init__(self, blocks: Mapping[str, Any], device: torch.device, rewriter: Rewriter | None = None) -> None:
        self.blocks = blocks
        self.rewriter = rewriter
        self.folder = str(blocks["folder"])
        self.device = device
        self.stopped: Callable[[], bool] = lambda: False
        """Asked between two batches, of an evaluation and of the data, whether the work is to be abandoned."""
        self._seeds: dict[int, SeedData] = {}
        self._shared: Data | None = None

    @cached_property
    def step(self) -> Step:
        """The spec's step hook, or `default_step`."""
        if self.blocks.get("step") is None:
            return default_step
        hook = resolve(self.blocks["step"], self.folder)
        if not callable(hook):
            raise WorkloadError(f"step: {self.blocks['step']} is not a function (model, batch, loss_fn) -> loss")
        return hook  # type: ignore[no-any-return]

    def model(self, seed: int) -> nn.Module:
        """A fresh model on the device, its weights drawn after seeding every global generator with the seed."""
        seed_all(seed)
        model = build(self.blocks["model"], self.folder, "model")
        if not isinstance(model, nn.Module):
            raise WorkloadError(
                f"model: {self.blocks['model']['class_path']} gave {type(model).__name__}, expected a torch.nn.Module"
            )
        try:
            # as statements: a user's own `to` and `train` need not return the model
            model.to(self.device)
            model.train()
        except (Exception, SystemExit) as error:
            raise WorkloadError(f"model: moving it to {self.device} raised {blame(error)}") from error
        return model

    def rewrite(self, model: nn.Module, name: Rewrite, seed: int) -> None:
        """Makes the named change to a fresh model, on the first batch of the seed.

        Raises:
            WorkloadError: the change cannot be made to this model.
        """
        if self.rewriter is None:
            raise WorkloadError(f"nothing here can rewrite a model, and the trial asks for {name}")
        self.rewriter(model, next(iter(self.batches(seed).train)), self.loss_of(self.loss()), name, seed)

    def loss_of(self, loss_fn: Any) -> LossOf:
        """(model, batch) -> the checked loss of the spec's step."""
        return lambda model, batch: checked_loss(self, model, batch, loss_fn)

    def loss(self) -> Any:
        """A fresh loss function: a class is instantiated, a plain function is used as it is."""
        block = self.blocks["loss"]
        named = resolve(block["class_path"], self.folder)
        if inspect.isfunction(named) or inspect.isbuiltin(named):
            if block.get("init_args"):
                raise WorkloadError(f"loss: {block['class_path']} is a function, so it takes no init_args")
            return named
        made = build(block, self.folder, "loss")
        move_loss(made, self.device)
        return made

    def schedule(self, trial: Trial, hyperparameters: Mapping[str, Any] | None = None) -> Rates:
        """What the whole trial's schedule decides step by step, the warmup prepended.

        Args:
            trial: with its base learning rate, warmup and length.
            hyperparameters: of its optimizer, for schedulers that change the momentum.
        """
        if trial.post_warmup_steps is not None:
            return with_warmup(trial, Multiplier(schedules.constant()))
        block = self.blocks["schedule"]
        if block.get("name") is None:
            return with_warmup(trial, named_by_class_path(block, self.folder, trial, hyperparameters or {}))
        named: dict[str, Callable[[], schedules.Schedule]] = {
            "constant": schedules.constant,
            "linear": lambda: schedules.linear(trial.max_train_steps),
            "cosine": lambda: schedules.cosine(trial.max_train_steps),
        }
        return with_warmup(trial, Multiplier(named[block["name"]]()))

    def batches(self, seed: int) -> SeedData:
        """The batches of the seed: the same ones for every trial of it, whichever worker runs it."""
        if seed not in self._seeds:
            while self._seeds and sum(data.held for data in self._seeds.values()) > CACHE_BYTES:
                del self._seeds[next(iter(self._seeds))]
            self._seeds[seed] = self._seed_data(self._data(), seed)
        # the last used stands last, the first is the one to go
        self._seeds[seed] = self._seeds.pop(seed)
        return self._seeds[seed]

    def _seed_data(self, data: Data, seed: int) -> SeedData:
        size = self.blocks["data"].get("batch_size")
        shuffled: Epoch = epochs_of(data.train, size, "train", shuffle=True)
        train = Batches(shuffled, seed, self.device, "train", repeat=True, stopped=self._is_stopped)
        if data.validation is None:
            return SeedData(train, None, data.provenance)
        ordered: Epoch = epochs_of(data.validation, size, "validation", shuffle=False)
        validation = Batches(
            ordered,
            DATA_SEED,
            self.device,
            "validation",
            repeat=False,
            told_length=length_of(data.validation),
            stopped=self._is_stopped,
        )
        return SeedData(train, validation, data.provenance)

    def _is_stopped(self) -> bool:
        """What the task that runs now says: batches outlive the task that made them."""
        return self.stopped()

    def _data(self) -> Data:
        if self._shared is not None:
            return self._shared
        with Stream(DATA_SEED):
            data = _take_apart(build(self.blocks["data"], self.folder, "data"), self.blocks["data"]["class_path"])
        # Loaders and other iterables may carry state (a generator, a position), so each seed gets fresh ones.
        if is_stateless(data.train) and (data.validation is None or is_stateless(data.validation)):
            self._shared = data
        return data


def _take_apart(made: Any, class_path: str) -> Data:
    """(train, validation), (train,), or a mapping with the keys train, validation and provenance."""
    if isinstance(made, Mapping) and "train" in made:
        unknown = set(made) - {"train", "validation", "provenance"}
        if unknown:
            raise WorkloadError(
                f"data: {class_path} returned the keys {sorted(unknown)}; known: train, validation, provenance"
            )
        return Data(made["train"], made.get("validation"), made.get("provenance", {}))
    if isinstance(made, (tuple, list)) and len(made) in (1, 2) and not isinstance(made[0], Tensor):
        return Data(made[0], made[1] if len(made) == 2 else None, {})
    raise WorkloadError(
        f"data: {class_path} returned {type(made).__name__}, expected a pair (train, validation) or a mapping with "
        "the keys train and validation; validation may be None"
    )


def default_step(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    """The loss of a batch of a usual shape.

    (inputs, targets) -> loss_fn(model(inputs), targets); more inputs before the target are passed on in order.
    A mapping -> model(**batch), whose output holds the loss as `.loss` or ["loss"] (Hugging Face's way).

    Raises:
        WorkloadError: the batch has another shape, so the spec needs a `step` hook.
    """
    if isinstance(batch, Mapping):
        output = model(**batch)
        loss = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", None)
        if isinstance(loss, Tensor):
            return loss
        raise WorkloadError(
            f"the batch is a mapping with the keys {sorted(map(str, batch))}, and model(**batch) returned no loss; "
            "give the spec a `step: module:function` hook (model, batch, loss_fn) -> loss"
        )
    if isinstance(batch, (tuple, list)) and len(batch) >= 2:
        *inputs, target = batch
        return loss_fn(model(*inputs), target)  # type: ignore[no-any-return]
    raise WorkloadError(
        f"a batch is {type(batch).__name__}, expected (inputs, targets) or a mapping; give the spec a "
        "`step: module:function` hook (model, batch, loss_fn) -> loss"
    )


def checked_loss(workload: Workload, model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    """The step's loss for one batch of the training data.

    Raises:
        WorkloadError: the user's code raised, or gave no scalar loss that depends on the parameters.
    """
    loss = scalar_loss(workload, model, batch, loss_fn, "the training step")
    if not loss.requires_grad:
        raise WorkloadError("the loss does not depend on any trainable parameter: nothing can be trained")
    return loss


def scalar_loss(workload: Workload, model: nn.Module, batch: Any, loss_fn: Any, what: str) -> Tensor:
    """What the spec's step gives for one batch.

    Raises:
        WorkloadError: the user's code raised, or gave no scalar loss; the message begins with `what`.
    """
    try:
        loss = workload.step(model, batch, loss_fn)
    except WorkloadError:
        raise
    except Exception as error:
        raise WorkloadError(f"{what} raised {blame(error)}") from error
    if not isinstance(loss, Tensor) or loss.is_nested or loss.numel() != 1:
        raise WorkloadError(f"{what} gave {_shape(loss)}, expected a scalar loss, such as the mean over the batch")
    if loss.is_complex():
        raise WorkloadError(
            f"{what} gave a complex loss ({str(loss.dtype).removeprefix('torch.')}), which is neither low nor high; "
            "take its absolute value or its real part"
        )
    if loss.is_meta:
        raise WorkloadError(
            f"{what} gave a loss on the meta device, which has no value; make model and batches on a device that "
            "computes (device: cpu)"
        )
    # a single value may have a layout of its own, whose sums and transfers torch does not have
    return (loss if loss.layout is torch.strided else loss.to_dense()).reshape(())


def _shape(loss: object) -> str:
    """What a loss is that is no scalar."""
    if not isinstance(loss, Tensor):
        return type(loss).__name__
    return "a nested tensor" if loss.is_nested else f"a tensor of shape {tuple(loss.shape)}"


def backward(loss: Tensor) -> None:
    """The backward pass.

    Raises:
        WorkloadError: the user's model has an operation without one, or one that raises.
    """
    try:
        loss.backward()  # type: ignore[no-untyped-call]
    except Exception as error:
        raise WorkloadError(f"the backward pass raised {blame(error)}") from error


def validation_loss(
    workload: Workload, model: nn.Module, batches: Iterable[Any], loss_fn: Any, optimizer: Optimizer | None = None
) -> float:
    """Mean loss over the validation batches, weighted by their numbers of samples, in evaluation mode.

    It leaves no trace: model, loss, step hook and every random generator are left as they were found (see
    `training.untouched` for what that covers).

    Args:
        workload: with the step.
        model: evaluated.
        batches: of the validation data.
        loss_fn: the trial's.
        optimizer: the trial's, where it trains: it may keep other weights for evaluation.

    Raises:
        WorkloadError: the user's code raised, or there is no batch.
        Interrupted: the work is to be abandoned.
    """
    precise = torch.float32 if workload.device.type == "mps" else torch.float64  # which mps does not have
    total, n = torch.zeros((), device=workload.device, dtype=precise), 0
    other_weights = nullcontext() if optimizer is None else optimizer.evaluating()
    with untouched(model, loss_fn, workload.step), Stream(DATA_SEED), other_weights, torch.no_grad():
        model.eval()
        for batch in batches:
            if workload.stopped():
                raise Interrupted("the evaluation was abandoned")
            size = structures.batch_length(batch)
            total += scalar_loss(workload, model, batch, loss_fn, "the evaluation").to(precise) * size
            n += size
        # a user's own `train` may take back what its `eval` did elsewhere than in the model
        model.train()
    if n == 0:
        raise WorkloadError("data: validation yielded no batch")
    return float(total.item()) / n
