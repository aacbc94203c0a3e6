"""The total norm of gradients, as torch's clipping measures it, wherever they lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor
    Value = float | torch.Tensor


def total_norm(parameters: Iterable[Any], scale: Any = None) -> Tensor | None:
    """The 2-norm of all gradients taken as one vector, over all ranks where they are sharded (DTensor).

    Args:
        parameters: of which those without a gradient are passed over.
        scale: what the gradients are still multiplied by; None for 1.

    Returns:
        A tensor of one element, on the device of the gradients; None where no parameter has a gradient.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    # divided one by one: the squares of scaled ones may overflow
    return norm_of(gradients if scale is None else [g / scale for g in gradients])


def norm_of(gradients: Sequence[Tensor]) -> Tensor | None:
    """The 2-norm of these as one vector; None for none."""
    import torch

    # the norm of a sparse gradient is that of its values, once those of one row are summed
    dense = [g.coalesce().values() if g.is_sparse else g for g in gradients]
    if not dense:
        return None
    with torch.no_grad():
        if len({(g.device, type(g)) for g in dense}) > 1:
            parts = [whole(torch.linalg.vector_norm(g)).to(dense[0].device, torch.float32) for g in dense]
        else:
            parts = list(torch._foreach_norm(dense))  # what torch.nn.utils.get_total_norm calls
        return whole(torch.linalg.vector_norm(torch.stack(parts)))


def whole(norm: Any) -> Tensor:
    """The norm with what lies on other ranks; every rank must ask for it."""
    full = getattr(norm, "full_tensor", None)
    result: Tensor = norm if full is None else full()
    return result
