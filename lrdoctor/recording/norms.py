"""The total norm of gradients, as torch's clipping measures it, wherever they lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor
    Value = float | torch.Tensor

SMALL = 1 << 16
"""Elements of all gradients together up to which they are copied into one vector: on a processor the calls for each
tensor cost more than that many elements, above it the copy does (measured at 6 tensors: 7 us against 20)."""


def are_small(parameters: Sequence[Any]) -> bool:
    """Whether these are dense tensors of one kind on the processor, and few numbers together."""
    import torch

    plain = torch.nn.Parameter, torch.Tensor
    kinds = {(type(p) in plain, p.device.type, p.dtype, p.layout) for p in parameters}
    is_one_kind = len(kinds) == 1 and {(True, "cpu", torch.strided)} == {(k[0], k[1], k[3]) for k in kinds}
    return is_one_kind and sum(p.numel() for p in parameters) <= SMALL


def total_norm(parameters: Iterable[Any], scale: Any = None, is_small: bool = False) -> Tensor | None:
    """The 2-norm of all gradients taken as one vector, over all ranks where they are sharded (DTensor).

    Args:
        parameters: of which those without a gradient are passed over.
        scale: what the gradients are still multiplied by; None for 1.
        is_small: whether the parameters are known to be `are_small`.

    Returns:
        A tensor of one element, on the device of the gradients; None where no parameter has a gradient.
    """
    gradients = [gradient for p in parameters if (gradient := p.grad) is not None]
    # divided one by one: the squares of scaled ones may overflow
    return norm_of(gradients if scale is None else [g / scale for g in gradients], is_small)


def norm_of(gradients: list[Tensor], is_small: bool = False) -> Tensor | None:
    """The 2-norm of these as one vector; None for none."""
    import torch

    if not gradients:
        return None
    try:
        if is_small:
            flat: Tensor = torch.linalg.vector_norm(torch._C._nn.flatten_dense_tensors(gradients))
            # only gradients that a graph was made of have a norm with one
            return flat.detach() if flat.requires_grad else flat
        # what torch.nn.utils.get_total_norm does, without its search for groups of one kind
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    except (RuntimeError, TypeError, NotImplementedError):  # of several kinds, or sparse
        norm = _norm_of_any(gradients)
    return whole(norm).detach()


def _norm_of_any(gradients: Sequence[Tensor]) -> Tensor:
    """The same one by one, so that they may lie on several devices and be sparse or sharded."""
    import torch

    # the norm of a sparse gradient is that of its values, once those of one row are summed
    dense = [g.coalesce().values() if g.is_sparse else g for g in gradients]
    parts = [whole(torch.linalg.vector_norm(g)).to(dense[0].device, torch.float32) for g in dense]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(parts))
    return norm


def whole(norm: Any) -> Tensor:
    """The norm with what lies on other ranks; every rank must ask for it."""
    import torch

    full = None if type(norm) is torch.Tensor else getattr(norm, "full_tensor", None)
    result: Tensor = norm if full is None else full()
    return result


def read(value: Tensor) -> Value:
    """A float where reading the tensor costs no waiting, else a copy that later changes in place do not reach."""
    return value.item() if value.is_cpu else value.detach().clone()
