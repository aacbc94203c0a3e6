"""A workload whose stability limits are known exactly: the loss is 0.5 * sum(curvature_i * x_i^2)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Quadratic(nn.Module):
    """The parameters are the point x. It starts where the gradient is about equally large in every direction, so that
    the most curved one holds little of the loss, as in networks.

    Args:
        curvature: the largest one.
        others: directions beside it; their curvatures lie between a hundredth and a tenth of it.
    """

    curvature: Tensor

    def __init__(self, curvature: float, others: int = 100) -> None:
        super().__init__()
        relative = torch.cat([torch.ones(1), torch.logspace(-2, -1, others)])
        self.register_buffer("curvature", curvature * relative)
        signs = torch.randint(2, relative.shape) * 2 - 1
        self.x = nn.Parameter(signs * (0.5 + torch.rand(relative.shape)) / relative)

    def forward(self, push: Tensor) -> Tensor:
        return 0.5 * (self.curvature * self.x**2).sum() + push * self.x.sum()


def batches(noise: float = 0.0) -> dict[str, Any]:
    """A batch is what it adds to every coordinate of the gradient: noise in training, nothing in validation."""
    generator = torch.Generator().manual_seed(0)
    return {"train": [noise * value for value in torch.randn(64, generator=generator)], "validation": [torch.zeros(())]}


def loss_of(model: nn.Module, batch: Tensor, loss_fn: Any) -> Tensor:
    """The spec's step hook."""
    del loss_fn
    loss: Tensor = model(batch)
    return loss
