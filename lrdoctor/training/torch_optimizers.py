"""Any optimizer of torch's kind by its class path, and the optimizer of a trial."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lrdoctor.errors import WorkloadError
from lrdoctor.training.importing import blame, build, parameters_of, resolve
from lrdoctor.training.optimizers import HALF, Flat, Optimizer
from lrdoctor.training.trainables import loss_parameters, trainable

HINTS = {
    "relative_step": "this optimizer chooses its step size by itself, so there is no learning rate to sweep; give it "
    "init_args {relative_step: false, warmup_init: false} to train at the rate of each trial",
    "unexpected keyword argument 'lr'": "lrdoctor gives an optimizer its learning rate by a parameter `lr`; write a "
    "function (params, lr) that hands it on under its own name",
    "only supports 2D": "a function (model, lr) is given the model and can hand its matrices to one optimizer and the "
    "rest to another, in one object with param_groups, step, zero_grad and state",
    "required positional argument": "an optimizer is called with (params, lr=...), or, where it has a parameter "
    "`model`, with those of model, params, loss_fn and lr that it names; the rest comes from init_args",
}
"""Part of what building an optimizer raised -> what to do about it."""


class Torch:
    """A torch optimizer under the loop's learning rate; the rate of each parameter group is a fixed share of it.

    Args:
        params: what is trained; their gradients make up the norm.
        optimizer: made at the rate `made_at`.
        made_at: what the rates of its groups are shares of.
    """

    def __init__(self, params: Sequence[nn.Parameter], optimizer: Any, made_at: float = 1.0) -> None:
        self.params = params
        self.optimizer = optimizer
        self.shares = [_rate_of(group, optimizer) / made_at for group in optimizer.param_groups]
        first = optimizer.param_groups[0]
        self.hyperparameters: Mapping[str, Any] = {k: v for k, v in first.items() if k not in ("params", "lr")}
        self.notes: Sequence[str] = ()
        # schedule-free optimizers and the like keep two sets of weights, and are told which of them is wanted
        self.has_modes = all(callable(getattr(optimizer, mode, None)) for mode in ("train", "eval"))
        if self.has_modes:
            self._set_mode("train")

    @torch.no_grad()
    def collect(self) -> Tensor:
        grads = [p.grad for p in self.params if p.grad is not None]
        dense = [g.coalesce().values() if g.is_sparse else g for g in grads]
        return nn.utils.get_total_norm([g.float() if g.dtype in HALF else g for g in dense])

    @torch.no_grad()
    def update(self, learning_rate: float, clip_scale: Tensor | None) -> None:
        for p in self.params:
            if clip_scale is not None and p.grad is not None:
                p.grad.mul_(clip_scale)
        for group, share in zip(self.optimizer.param_groups, self.shares, strict=True):
            group["lr"] = learning_rate * share
        try:
            self.optimizer.step()
        except Exception as error:
            raise WorkloadError(f"optimizer: {type(self.optimizer).__name__}.step() raised {blame(error)}") from error

    def set_momentum(self, momentum: float) -> None:
        for group in self.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            elif "momentum" in group:
                group["momentum"] = momentum

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        if not self.has_modes:
            yield
            return
        self._set_mode("eval")
        try:
            yield
        finally:
            self._set_mode("train")

    def _set_mode(self, mode: str) -> None:
        try:
            getattr(self.optimizer, mode)()
        except Exception as error:
            raise WorkloadError(f"optimizer: {type(self.optimizer).__name__}.{mode}() raised {blame(error)}") from error


def make(
    text: str, model: nn.Module, folder: str, loss_fn: Any = None, base_learning_rate: float | None = None
) -> Optimizer:
    """The optimizer of a trial.

    Args:
        text: `Trial.optimizer`, the JSON of the spec's block.
        model: its trainable parameters are updated.
        folder: the spec's folder, for class paths of files.
        loss_fn: the trial's loss, whose parameters are updated too.
        base_learning_rate: the trial's, for groups that keep a rate of their own.

    Raises:
        WorkloadError: there is no trainable parameter, or the class cannot be built or used.
    """
    params = trainable(model, loss_fn)
    if not params:
        raise WorkloadError("model: it has no trainable parameter")
    block = json.loads(text)
    name = block.pop("name", None)
    if name == "adamw":
        # torch's own rule; the fused implementation computes the same update in one pass
        return Torch(params, torch.optim.AdamW(params, lr=1.0, fused=_fusable(params), **block))
    if name is not None:
        return Flat(params, name, **block)
    keeps = block.pop("group_rates", "relative") == "absolute"
    if keeps and base_learning_rate is None:
        raise ValueError("absolute group rates need the trial's base learning rate")
    # made with rate 1 the rate of a group is its share of the trial's; made with the trial's it is what the user wrote
    made_at = float(base_learning_rate) if keeps and base_learning_rate is not None else 1.0
    made = _built(block, folder, params, model, loss_fn, made_at)
    _refuse_unusable(made, block["class_path"])
    _refuse_unsteppable(made, block["class_path"])
    _refuse_untrained_loss(made, loss_fn, block["class_path"])
    rule = Torch(params, made, made_at)
    rule.notes = list(_notes(made, made_at, keeps))
    return rule


def _built(
    block: Mapping[str, Any], folder: str, params: list[nn.Parameter], model: nn.Module, loss_fn: Any, lr: float
) -> Any:
    """Calls the factory with what it asks for: the parameters, or the model and the loss function."""
    factory = resolve(block["class_path"], folder)
    asked = parameters_of(factory)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    given = block.get("init_args") or {}
    takes_model = next((name for name, p in asked.items() if name not in given and _is_model(p, factory)), None)
    if takes_model is None:
        args = [params]
    else:
        offers = {takes_model: model, "params": params, "loss_fn": loss_fn}
        for name, p in asked.items():
            if name in offers and name not in given:
                if p.kind is inspect.Parameter.POSITIONAL_ONLY:
                    args.append(offers[name])
                else:
                    kwargs[name] = offers[name]
    try:
        return build(block, folder, "optimizer", *args, lr=lr, **kwargs)
    except WorkloadError as error:
        hint = next((hint for part, hint in HINTS.items() if part in str(error)), None)
        raise WorkloadError(f"{error}; {hint}" if hint else str(error)) from error


def _is_model(parameter: inspect.Parameter, factory: Any) -> bool:
    """Whether a parameter of a factory is called `model`, or said to be a module."""
    if parameter.name == "model":
        return True
    said = parameter.annotation
    if isinstance(said, str):  # `from __future__ import annotations` keeps the text
        said = _named(said, getattr(factory, "__globals__", {}))
    return inspect.isclass(said) and issubclass(said, nn.Module)


def _named(text: str, names: Mapping[str, Any]) -> Any:
    """What a dotted name stands for among the global names; None where it is none of them."""
    first, *rest = text.strip("'\"").split(".")
    found = names.get(first)
    for part in rest:
        found = getattr(found, part, None)
    return found


def _fusable(params: Sequence[nn.Parameter]) -> bool:
    return all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in params)


def _refuse_unusable(made: Any, class_path: str) -> None:
    if isinstance(made, torch.optim.Optimizer):
        return
    groups = getattr(made, "param_groups", None)
    usable = isinstance(groups, list) and groups and all(isinstance(group, dict) for group in groups)
    if not usable or not callable(getattr(made, "step", None)):
        several = isinstance(made, (list, tuple, dict))
        raise WorkloadError(
            f"optimizer: {class_path} gave {type(made).__name__}, expected a torch optimizer"
            + (", or several of them in one object with param_groups, step, zero_grad and state" if several else "")
        )


def _refuse_unsteppable(optimizer: Any, class_path: str) -> None:
    closure = parameters_of(type(optimizer).step).get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise WorkloadError(
            f"optimizer: {class_path} evaluates the loss several times a step, which lrdoctor does not support"
        )


def _refuse_untrained_loss(optimizer: Any, loss_fn: Any, class_path: str) -> None:
    """A factory that takes the model may not know of the loss."""
    own = {id(p) for group in optimizer.param_groups for p in group["params"]}
    left = [p for p in loss_parameters(loss_fn) if p.requires_grad and id(p) not in own]
    if left:
        raise WorkloadError(
            f"optimizer: {class_path} leaves out {sum(p.numel() for p in left):,} trainable numbers that are the "
            "loss's own; give it a parameter `loss_fn` as well, which is the loss, or set requires_grad=False in it"
        )


def _rate_of(group: Mapping[str, Any], optimizer: Any) -> float:
    rate = group.get("lr")
    try:
        value = math.nan if rate is None else float(rate)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise WorkloadError(
            f"optimizer: a parameter group of {type(optimizer).__name__} has lr {rate!r}, expected a number: an "
            "optimizer that chooses its step size by itself has no learning rate to sweep"
        )
    return value


def _notes(optimizer: Any, made_at: float, keeps: bool) -> Iterator[str]:
    """Says which rates the parameter groups get, where they are not all the trial's."""
    rates = [_rate_of(group, optimizer) for group in optimizer.param_groups]
    others = sorted({rate for rate in rates if not math.isclose(rate, made_at)})
    if not others:
        return
    shown, n = ", ".join(f"{rate:.4g}" for rate in others), sum(not math.isclose(rate, made_at) for rate in rates)
    whose = f"optimizer: {n} of {len(rates)} parameter groups have a learning rate of their own"
    if keeps:
        yield f"{whose}, {shown} at the base learning rate {made_at:.4g}: as given, times the schedule"
    else:
        yield (
            f"{whose}: {shown} times that of the trial at every rate (with optimizer.group_rates: absolute they keep "
            "what is given)"
        )
