"""What is put behind a branch: callables that go along when the model is copied or pickled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from lrdoctor.architecture.rewrite.plan import NewNorm

Operator = Callable[[Tensor], Tensor]


class Gated:
    """gate * f."""

    def __init__(self, owner: nn.Module, name: str) -> None:
        self.owner = owner
        self.name = name

    def __call__(self, f: Tensor) -> Tensor:
        gate: Tensor = getattr(self.owner, self.name)
        return gate * f


class Normed:
    """Norm(f), with the parameters of a module that may iterate over its submodules, and so gets none."""

    def __init__(self, owner: nn.Module, norm: NewNorm) -> None:
        self.owner = owner
        self.norm = norm

    def __call__(self, f: Tensor) -> Tensor:
        weight, bias = (getattr(self.owner, f"{self.norm.name}_{part}") for part in ("weight", "bias"))
        if self.norm.is_channels_first:
            return F.group_norm(f, 1, weight, bias)
        return F.layer_norm(f, (self.norm.size,), weight, bias)


class Bypass:
    """Stands for the forward pass of a norm that was moved: at the sum its input goes through."""

    def __init__(self, norm: nn.Module) -> None:
        self.norm = norm
        self.is_moved = False

    def __call__(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not self.is_moved:
            return x
        out: Tensor = type(self.norm).forward(self.norm, x, *args, **kwargs)
        return out


class Moved:
    """Norm(f), with the norm that stood behind the sum."""

    def __init__(self, norm: nn.Module, bypass: Bypass) -> None:
        self.norm = norm
        self.bypass = bypass

    def __call__(self, f: Tensor) -> Tensor:
        self.bypass.is_moved = True
        try:
            out: Tensor = self.norm(f)
            return out
        finally:
            self.bypass.is_moved = False


class AtEnd:
    """A forward hook: puts an operator behind the module."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator

    def __call__(self, module: nn.Module, args: Any, out: Tensor) -> Tensor:
        return self.operator(out)
