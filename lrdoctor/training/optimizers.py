"""The playbook's update rules.

The rules are written once, on one flat vector per parameter type: a model with many small parameters then costs
a handful of tensor operations an update instead of a handful per parameter. g is the gradient, eta the learning
rate, theta the parameters; the letters of the formulas are the source's. A complex parameter counts as two
real numbers, its real and its imaginary part, as in torch.optim.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn

HALF = (torch.float16, torch.bfloat16)
"""Types in which a sum of squares overflows or is rounded away: norms of them are taken in float32."""


class Optimizer(Protocol):
    """What the training loop needs of an update rule."""

    hyperparameters: Mapping[str, Any]
    """Its settings but for the learning rate, by torch's names."""
    notes: Sequence[str]
    """What of it the user should know before any trial runs, as sentences."""

    def collect(self) -> Tensor:
        """Takes over the gradients of the backward pass; returns their global L2 norm, a scalar tensor."""

    def update(self, learning_rate: float, clip_scale: Tensor | None) -> None:
        """One update at this rate, the gradients first multiplied by `clip_scale` when there is one."""

    def set_momentum(self, momentum: float) -> None:
        """Sets the momentum (beta1 in the Adam family) of the updates to come."""

    def evaluating(self) -> AbstractContextManager[None]:
        """The parameters are within it what is to be evaluated, and on the way out what is trained."""


class Rule(Protocol):
    """An update rule on one flat vector."""

    def set_momentum(self, momentum: float) -> None:
        """Sets gamma, or beta1, of the updates to come."""

    def direction(self, g: Tensor, eta: float) -> tuple[Tensor, float]:
        """The update as (vector, factor): theta += factor * vector. `g` may be overwritten."""


class SGD:
    """theta -= eta g."""

    def __init__(self, like: Tensor) -> None:
        del like

    def set_momentum(self, momentum: float) -> None:
        raise AssertionError("a schedule sees that sgd has no momentum")

    def direction(self, g: Tensor, eta: float) -> tuple[Tensor, float]:
        return g, -eta


class Momentum:
    """v = gamma v + g with v0 = 0; theta -= eta v."""

    def __init__(self, like: Tensor, momentum: float) -> None:
        self.gamma = momentum
        self.v = torch.zeros_like(like)

    def set_momentum(self, momentum: float) -> None:
        self.gamma = momentum

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

    def set_momentum(self, momentum: float) -> None:
        self.gamma = momentum

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

    def set_momentum(self, momentum: float) -> None:
        self.beta1 = momentum

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
        self.hyperparameters: Mapping[str, Any] = settings
        self.notes: Sequence[str] = ()

    @torch.no_grad()
    def collect(self) -> Tensor:
        norms = [group.collect() for group in self.groups]
        return norms[0] if len(norms) == 1 else torch.linalg.vector_norm(torch.stack([n.to(norms[0]) for n in norms]))

    @torch.no_grad()
    def update(self, learning_rate: float, clip_scale: Tensor | None) -> None:
        for group in self.groups:
            group.update(learning_rate, clip_scale)

    def set_momentum(self, momentum: float) -> None:
        for group in self.groups:
            group.rule.set_momentum(momentum)

    def evaluating(self) -> AbstractContextManager[None]:
        return nullcontext()


class _Group:
    """Parameters of one type on one device."""

    def __init__(self, params: list[nn.Parameter], name: str, weight_decay: float, settings: dict[str, Any]) -> None:
        self.params: list[Tensor] = list(params)
        self.is_complex = params[0].is_complex()
        self.shapes = [p.shape for p in self._real(self.params)]
        self.weight_decay = weight_decay
        first = self._real(self.params)[0]
        self.g = torch.zeros(sum(map(math.prod, self.shapes)), dtype=first.dtype, device=first.device)
        self.g_views = self._views(self.g)
        self.rule: Rule = RULES[name](self.g, **settings)
        self.seen: dict[int, list[Tensor]] = {id(self.g): self.g_views}
        self.norm_dtype = torch.float32 if first.dtype in HALF else None

    def _views(self, flat: Tensor) -> list[Tensor]:
        pieces = torch.split(flat, list(map(math.prod, self.shapes)))
        return [piece.view(shape) for piece, shape in zip(pieces, self.shapes, strict=True)]

    def _real(self, tensors: list[Tensor]) -> list[Tensor]:
        """The tensors, complex ones with real and imaginary part in a last dimension of size 2."""
        return [torch.view_as_real(t.detach()) for t in tensors] if self.is_complex else tensors

    def collect(self) -> Tensor:
        dense = [self._dense(p.grad, view) for p, view in zip(self.params, self.g_views, strict=True)]
        torch._foreach_copy_(self.g_views, dense)
        norm: Tensor = torch.linalg.vector_norm(self.g, dtype=self.norm_dtype)
        return norm

    def update(self, learning_rate: float, clip_scale: Tensor | None) -> None:
        if clip_scale is not None:
            self.g.mul_(clip_scale)
        if self.weight_decay:
            torch._foreach_add_(self.g_views, self._real(self.params), alpha=self.weight_decay)
        vector, factor = self.rule.direction(self.g, learning_rate)
        # A rule gives back one of its own few buffers every time: their views are made once.
        if id(vector) not in self.seen:
            self.seen[id(vector)] = self._views(vector)
        torch._foreach_add_(self._real(self.params), self.seen[id(vector)], alpha=factor)

    def _dense(self, grad: Tensor | None, view: Tensor) -> Tensor:
        if grad is None:
            return torch.zeros_like(view)
        dense = grad.to_dense() if grad.is_sparse else grad
        return torch.view_as_real(dense.resolve_conj()) if self.is_complex else dense
