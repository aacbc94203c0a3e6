"""A deep fully connected ReLU network without residuals or normalization: unstable in mid-training."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn


class MLP(nn.Module):
    """Linear-ReLU blocks of equal width, then a linear head. He-normal weights, biases 0.

    Args:
        depth: hidden layers.
        width: units of each.
        inputs: numbers a sample.
        classes: outputs.
    """

    def __init__(self, depth: int = 10, width: int = 64, inputs: int = 64, classes: int = 10) -> None:
        super().__init__()
        sizes = [inputs] + [width] * depth
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(sizes):
            layers += [_linear(fan_in, fan_out, math.sqrt(2 / fan_in)), nn.ReLU()]
        self.layers = nn.Sequential(*layers, _linear(width, classes, math.sqrt(1 / width)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits [batch, classes] of the samples [batch, inputs]."""
        logits: Tensor = self.layers(x)
        return logits


def _linear(fan_in: int, fan_out: int, deviation: float) -> nn.Linear:
    layer = nn.Linear(fan_in, fan_out)
    nn.init.normal_(layer.weight, std=deviation)
    nn.init.zeros_(layer.bias)
    return layer
