"""Changes a model as planned, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from lrdoctor.architecture.recorder import plain_name
from lrdoctor.architecture.rewrite.adds import ChangedAdds
from lrdoctor.architecture.rewrite.operators import AtEnd, Bypass, Gated, Moved, Normed, Operator
from lrdoctor.architecture.rewrite.plan import Change, Gate, MovedNorm, NewNorm, RewritePlan, Zero


def apply(plan: RewritePlan, model: nn.Module) -> None:
    """Changes a fresh model as one of its kind was; nothing is run, and no random number drawn.

    The optimizer is to be made afterwards, as there may be new parameters.
    """
    make(plan.changes, model)


def make(changes: Iterable[Change], model: nn.Module) -> Callable[[], None]:
    """Changes the model.

    Returns:
        what takes the changes back.
    """
    making = _Making(model)
    for change in changes:
        making.make(change)
    return making.undo.close


class _Making:
    def __init__(self, model: nn.Module) -> None:
        self.undo = ExitStack()
        self._modules = {plain_name(name): module for name, module in model.named_modules()}
        self._params = {plain_name(name): p for name, p in model.named_parameters()}
        self._adds: dict[str, ChangedAdds] = {}
        self._bypasses: dict[str, Bypass] = {}

    def make(self, change: Change) -> None:
        if isinstance(change.what, Zero):
            for name in change.what.parameters:
                self._zero(self._params[name])
            return
        operator = self._operator(self._modules[change.place.module], change.what)
        if change.end is None:
            self._adds_of(change.place.module).put(change.place, change.operand, operator)
        else:
            self.undo.callback(self._modules[change.end].register_forward_hook(AtEnd(operator)).remove)

    @torch.no_grad()
    def _zero(self, p: Tensor) -> None:
        self.undo.callback(_restore, p, p.detach().clone())
        p.zero_()

    def _operator(self, owner: nn.Module, what: Gate | NewNorm | MovedNorm) -> Operator:
        if isinstance(what, MovedNorm):
            return Moved(self._modules[what.norm], self._bypass(what.norm))
        like = self._params[what.like]
        if isinstance(what, Gate):
            self._register(owner, what.name, torch.zeros((), dtype=like.dtype, device=like.device))
            return Gated(owner, what.name)
        for part, full in (("weight", torch.ones), ("bias", torch.zeros)):
            self._register(owner, f"{what.name}_{part}", full(what.size, dtype=like.dtype, device=like.device))
        return Normed(owner, what)

    def _register(self, owner: nn.Module, name: str, value: Tensor) -> None:
        owner.register_parameter(name, nn.Parameter(value))
        self.undo.callback(delattr, owner, name)

    def _bypass(self, path: str) -> Bypass:
        if path not in self._bypasses:
            norm = self._modules[path]
            self._bypasses[path] = Bypass(norm)
            # of this one module and not of its class, whose others stay as they are
            norm.forward = self._bypasses[path]
            self.undo.callback(delattr, norm, "forward")
        return self._bypasses[path]

    def _adds_of(self, path: str) -> ChangedAdds:
        if path not in self._adds:
            adds, owner = ChangedAdds(), self._modules[path]
            self.undo.callback(owner.register_forward_pre_hook(adds.enter).remove)
            self.undo.callback(owner.register_forward_hook(adds.leave, always_call=True).remove)
            self._adds[path] = adds
        return self._adds[path]


@torch.no_grad()
def _restore(p: Tensor, value: Tensor) -> None:
    p.copy_(value)
