"""Softmax regression: one linear layer, whose loss is convex. A control: nothing but a rate too high can go wrong."""

from __future__ import annotations

from torch import Tensor, nn


class Softmax(nn.Module):
    """One linear layer, weights and biases 0.

    Args:
        inputs: numbers a sample.
        classes: outputs.
    """

    def __init__(self, inputs: int = 64, classes: int = 10) -> None:
        super().__init__()
        self.head = nn.Linear(inputs, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [batch, classes] of the samples [batch, inputs]."""
        logits: Tensor = self.head(x)
        return logits
