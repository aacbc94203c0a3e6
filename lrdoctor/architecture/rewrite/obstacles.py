"""What stands in the way of changing a model at all."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.parameter import UninitializedParameter

from lrdoctor.architecture.recorder import COMPILED
from lrdoctor.core.rewriting import Rewrite

WRAPPERS = ("torch.nn.parallel.", "torch.distributed.")
"""Packages whose modules run copies or parts of the model that a change here would not reach."""


def obstacle(model: nn.Module, name: Rewrite) -> str:
    """Why no branch of the model can be changed; empty where they can."""
    for path, p in model.named_parameters():
        if isinstance(p, UninitializedParameter):
            return f"{path} has no size before the first batch: run the model once, then change it"
    # what is compiled or copied still takes its parameters from the model
    return "" if name == "zero_init" else next(_obstacles(model), "")


def _obstacles(model: nn.Module) -> Iterator[str]:
    for path, module in model.named_modules():
        what = path.replace(COMPILED, "") or "the model"
        if f"{type(module).__module__}.".startswith(WRAPPERS):
            yield f"{what} is wrapped in {type(module).__name__}, whose copies a change would not reach"
        if _is_compiled(module):
            yield f"{what} was compiled by torch.compile, and would run without the change"


def _is_compiled(module: nn.Module) -> bool:
    if getattr(module, "_compiled_call_impl", None) is not None:
        return True
    own = [*vars(module).values(), *(value for kind in type(module).__mro__ for value in vars(kind).values())]
    return COMPILED.rstrip(".") in module._modules or any(_is_compiled_function(value) for value in own)


def _is_compiled_function(value: object) -> bool:
    return "_torchdynamo_orig_callable" in getattr(value, "__dict__", {})
