"""What is trained: the parameters of the model and those of the loss, each once."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lrdoctor.errors import WorkloadError
from lrdoctor.training.importing import is_users

MOST_SHAPES = 4
"""Shapes that a message lists."""


def trainable(model: nn.Module, loss_fn: Any) -> list[nn.Parameter]:
    """The parameters that an optimizer has to get: the model's, then what the loss has beside them."""
    return [p for p in parameters(model, loss_fn) if p.requires_grad]


def parameters(model: nn.Module, loss_fn: Any) -> list[nn.Parameter]:
    """All parameters of model and loss; one that both share is the model's and stands once."""
    every = [*model.parameters(), *loss_parameters(loss_fn)]
    return list({id(p): p for p in every}.values())


def loss_parameters(loss_fn: Any) -> Iterator[nn.Parameter]:
    """The parameters that the loss holds: an nn.Module, or an object of the user's that has modules or parameters."""
    for part in _parts(loss_fn):
        if isinstance(part, nn.Module):
            yield from part.parameters()
        else:
            yield part


def move_loss(loss_fn: Any, device: torch.device) -> None:
    """Brings what the loss holds to the device, in place."""
    for part in _parts(loss_fn):
        if isinstance(part, nn.Module):
            part.to(device)
        else:
            part.data = part.data.to(device)


def _parts(loss_fn: Any) -> list[nn.Module | nn.Parameter]:
    """Modules and single parameters that the loss consists of, in a fixed order."""
    found: list[nn.Module | nn.Parameter] = []
    seen: set[int] = set()
    waiting = [loss_fn]
    while waiting:
        value = waiting.pop(0)
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, (nn.Module, nn.Parameter)):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            waiting += value
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, functools.partial):
            waiting += (value.func, value.args, value.keywords)
        elif isinstance(value, types.MethodType):
            waiting.append(value.__self__)
        elif not isinstance(value, (type, types.FunctionType)) and is_users(type(value).__module__):
            waiting.append(vars(value) if hasattr(value, "__dict__") else ())
    return found


def refuse_strays(loss: Tensor, known: Iterable[nn.Parameter]) -> None:
    """Refuses parameters that the loss depends on and that belong neither to the model nor to the loss function.

    A user's own loop may train them, or forget them in silence; what no optimizer gets stays at its random start.

    Args:
        loss: before its backward pass.
        known: every parameter of model and loss.

    Raises:
        WorkloadError: there are such parameters.
    """
    own = {id(p) for p in known}
    strays = [p for p in _leaves(loss) if isinstance(p, nn.Parameter) and id(p) not in own]
    if strays:
        shapes = ", ".join(str(tuple(p.shape)) for p in strays[:MOST_SHAPES])
        more = ", ..." if len(strays) > MOST_SHAPES else ""
        raise WorkloadError(
            f"the loss depends on {sum(p.numel() for p in strays):,} trainable numbers that nothing trains: "
            f"{len(strays)} parameters that are neither the model's nor the loss's, of shape {shapes}{more}; make them "
            "attributes of the model, or of a loss that is an nn.Module (a plain list registers nothing: use "
            "nn.ModuleList or nn.ParameterList), or set requires_grad=False where they are to stay as they are"
        )


def _leaves(loss: Tensor) -> Iterator[Tensor]:
    """The tensors at which the backward pass of the loss ends."""
    waiting, seen = [loss.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, Tensor):
            yield leaf
        waiting += [following for following, _ in node.next_functions]
