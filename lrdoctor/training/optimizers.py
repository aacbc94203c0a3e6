"""The playbook's update rules, and any torch optimizer by its class path.

The rules are written once, on one flat vector per parameter type: a model with many small parameters then costs
a handful of tensor operations an update instead of a handful per parameter. g is the gradient, eta the learning
rate, theta the parameters; the letters of the formulas are the source's.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from lrdoctor.errors import WorkloadError
from lrdoctor.training.importing import blame, build

HALF = (torch.float16, torch.bfloat16)
"""Types in which a sum of squares overflows or is rounded away: norms of them are taken in float32."""


class Optimizer(Protocol):
    """What the training loop needs of an update rule."""

    def collect(self) -> Tensor:
        """Takes over the gradients of the backward pass; returns their global L2 norm, a scalar tensor."""

    def update(self, learning_rate: float, clip_scale: Tensor | None) -> None:
        """One update at this rate, the gradients first multiplied by `clip_scale` when there is one."""


class Rule(Protocol):
    """An update rule on one flat vector."""

    def direction(self, g: Tensor, eta: float) -> tuple[Tensor, float]:
        """The update as (vector, factor): theta += factor * vector. `g` may be overwritten."""


class SGD:
    """theta -= eta g."""

    def __init__(self, like: Tensor) -> None:
        del like

    def direction(self, g: Tensor, eta: float) -> tuple[Tensor, float]:
        return g, -eta


class Momentum:
    """v = gamma v + g with v0 = 0; theta -= eta v."""

    def __init__(self, like: Tensor, momentum: float) -> None:
        self.gamma = momentum
        self.v = torch.zeros_like(like)

    def direction(self, g: Tensor, eta: float) -> tuple[Tensor, float]:
        return self.v.mul_(self.gamma).add_(g), -eta


class Nesterov(Momentum):
    """v = gamma v + g with v0 = 0; theta -= eta (gamma v + g)."""

    def direction(self, g: Tensor, eta: float) -> tuple[Tensor, float]:
        self.v.mul_(self.gamma).add_(g)
        return g.add_(self.v, alpha=self.gamma), -eta


class RMSProp:
    """v = rho v + (1 - rho) g^2 with v0 = 1; m = gamma m + eta g / sqrt(v + eps) with m0 = 0; theta -= m.

    Unlike torch.optim.RMSprop: v starts at 1, eps stands inside the root, and eta inside the momentum buffer.
    """

    def __init__(self, like: Tensor, rho: float, momentum: float, eps: float) -> None:
        self.rho, self.gamma, self.eps = rho, momentum, eps
        self.v = torch.ones_like(like)
        self.m = torch.zeros_like(like)

    def direction(self, g: Tensor, eta: float) -> tuple[Tensor, float]:
        self.v.mul_(self.rho).addcmul_(g, g, value=1 - self.rho)
        self.m.mul_(self.gamma).addcdiv_(g, (self.v + self.eps).sqrt_(), value=eta)
        return self.m, -1.0


class Adam:
    """m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; b = sqrt(1 - b2^t) / (1 - b1^t), t from 1;
    theta -= eta b m / (sqrt(v) + eps).

    Unlike torch.optim.Adam, which corrects v for its bias before it adds eps.
    """

    def __init__(self, like: Tensor, betas: Sequence[float], eps: float) -> None:
        self.beta1, self.beta2 = betas
        self.eps = eps
        self.t = 0
        self.m = torch.zeros_like(like)
        self.v = torch.zeros_like(like)
        self.root = torch.empty_like(like)

    def numerator(self, g: Tensor) -> Tensor:
        return self.m

    def direction(self, g: Tensor, eta: float) -> tuple[Tensor, float]:
        self.t += 1
        self.m.mul_(self.beta1).add_(g, alpha=1 - self.beta1)
        self.v.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
        b = math.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
        torch.sqrt(self.v, out=self.root).add_(self.eps)
        torch.div(self.numerator(g), self.root, out=self.root)
        return self.root, -eta * b


class NAdam(Adam):
    """Adam with the numerator b1 m + (1 - b1) g.

    Unlike torch.optim.NAdam, which schedules the momentum as well.
    """

    def numerator(self, g: Tensor) -> Tensor:
        return g.mul_(1 - self.beta1).add_(self.m, alpha=self.beta1)


RULES: dict[str, type[Any]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSProp,
    "adam": Adam,
    "nadam": NAdam,
}


class Flat:
    """An update rule on the parameters laid end to end, one vector for each type and device.

    A parameter without a gradient counts as one whose gradient is 0. `weight_decay` adds weight_decay * theta to
    the gradient, after the norm is taken and clipping is done, as torch.optim does.
    """

    def __init__(self, params: Sequence[nn.Parameter], name: str, weight_decay: float = 0.0, **settings: Any) -> None:
        by_kind: dict[tuple[torch.dtype, torch.device], list[nn.Parameter]] = {}
        for p in params:
            by_kind.setdefault((p.dtype, p.device), []).append(p)
        self.groups = [_Group(group, name, weight_decay, settings) for group in by_kind.values()]

    @torch.no_grad()
    def collect(self) -> Tensor:
        norms = [group.collect() for group in self.groups]
        return norms[0] if len(norms) == 1 else torch.linalg.vector_norm(torch.stack([n.to(norms[0]) for n in norms]))

    @torch.no_grad()
    def update(self, learning_rate: float, clip_scale: Tensor | None) -> None:
        for group in self.groups:
            group.update(learning_rate, clip_scale)


class _Group:
    """Parameters of one type on one device."""

    def __init__(self, params: list[nn.Parameter], name: str, weight_decay: float, settings: dict[str, Any]) -> None:
        self.params: list[Tensor] = list(params)
        self.weight_decay = weight_decay
        first = params[0]
        self.g = torch.zeros(sum(p.numel() for p in params), dtype=first.dtype, device=first.device)
        self.g_views = self._views(self.g)
        self.rule: Rule = RULES[name](self.g, **settings)
        self.seen: dict[int, list[Tensor]] = {id(self.g): self.g_views}
        self.norm_dtype = torch.float32 if first.dtype in HALF else None

    def _views(self, flat: Tensor) -> list[Tensor]:
        pieces = torch.split(flat, [p.numel() for p in self.params])
        return [piece.view(p.shape) for piece, p in zip(pieces, self.params, strict=True)]

    def collect(self) -> Tensor:
        grads = [p.grad for p in self.params]
        dense = [_dense(g, view) for g, view in zip(grads, self.g_views, strict=True)]
        torch._foreach_copy_(self.g_views, dense)
        norm: Tensor = torch.linalg.vector_norm(self.g, dtype=self.norm_dtype)
        return norm

    def update(self, learning_rate: float, clip_scale: Tensor | None) -> None:
        if clip_scale is not None:
            self.g.mul_(clip_scale)
        if self.weight_decay:
            torch._foreach_add_(self.g_views, self.params, alpha=self.weight_decay)
        vector, factor = self.rule.direction(self.g, learning_rate)
        # A rule gives back one of its own few buffers every time: their views are made once.
        if id(vector) not in self.seen:
            self.seen[id(vector)] = self._views(vector)
        torch._foreach_add_(self.params, self.seen[id(vector)], alpha=factor)


def _dense(grad: Tensor | None, view: Tensor) -> Tensor:
    if grad is None:
        return torch.zeros_like(view)
    return grad.to_dense() if grad.is_sparse else grad


class Torch:
    """A torch optimizer under the loop's learning rate; its parameter groups keep the ratios of their rates."""

    def __init__(self, params: Sequence[nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
        self.params = params
        self.optimizer = optimizer
        # made with rate 1, so what a group has now is its share of the trial's rate
        self.shares = [float(group["lr"]) for group in optimizer.param_groups]

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


def make(text: str, model: nn.Module, folder: str) -> Optimizer:
    """The optimizer of a trial.

    Args:
        text: `Trial.optimizer`, the JSON of the spec's block.
        model: its trainable parameters are updated.
        folder: the spec's folder, for class paths of files.

    Raises:
        WorkloadError: the model has no trainable parameter, or the class cannot be built or used.
    """
    params = [p for p in model.parameters() if p.requires_grad]
    if not params:
        raise WorkloadError("model: it has no trainable parameter")
    block = json.loads(text)
    name = block.pop("name", None)
    if name == "adamw":
        # torch's own rule; the fused implementation computes the same update in one pass
        return Torch(params, torch.optim.AdamW(params, lr=1.0, fused=_fusable(params), **block))
    if name is not None:
        return Flat(params, name, **block)
    made = build(block, folder, "optimizer", params, lr=1.0)
    if not isinstance(made, torch.optim.Optimizer):
        raise WorkloadError(f"optimizer: {block['class_path']} gave {type(made).__name__}, expected a torch optimizer")
    _refuse_closures(made, block["class_path"])
    return Torch(params, made)


def _fusable(params: Sequence[nn.Parameter]) -> bool:
    return all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in params)


def _refuse_closures(optimizer: torch.optim.Optimizer, class_path: str) -> None:
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise WorkloadError(
            f"optimizer: {class_path} evaluates the loss several times a step, which lrdoctor does not support"
        )
