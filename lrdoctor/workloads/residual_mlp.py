"""A deep residual network of fully connected layers, over-scaled: what zeroed branches and norms are for."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

NormPlacement = Literal["none", "pre", "post"]


class ResidualMLP(nn.Module):
    """A linear layer, `depth` residual blocks of Linear, ReLU, Linear, and a linear head.

    Xavier-uniform weights, in the branches times `gain`, and zero biases. Without a norm the activations grow by a
    constant factor a block.

    Args:
        depth: blocks.
        norm: "none", "pre" for x + f(Norm(x)) or "post" for Norm(x + f(x)).
        width: units of the stream and of the hidden layers.
        gain: of the branches' weights.
        inputs: numbers a sample.
        classes: outputs.
    """

    def __init__(
        self,
        depth: int = 24,
        norm: NormPlacement = "none",
        width: int = 32,
        gain: float = 2.0,
        inputs: int = 64,
        classes: int = 10,
    ) -> None:
        super().__init__()
        if norm not in ("none", "pre", "post"):
            raise ValueError(f"norm is {norm!r}, expected 'none', 'pre' or 'post'")
        self.first = _linear(inputs, width, 1.0)
        self.blocks = nn.ModuleList(_Block(norm, width, gain) for _ in range(depth))
        self.head = _linear(width, classes, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [batch, classes] of the samples [batch, inputs]."""
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(x)
        return logits


class _Block(nn.Module):
    def __init__(self, norm: NormPlacement, width: int, gain: float) -> None:
        super().__init__()
        self.placement = norm
        self.norm = nn.Identity() if norm == "none" else nn.LayerNorm(width)
        self.branch = nn.Sequential(_linear(width, width, gain), nn.ReLU(), _linear(width, width, gain))

    def forward(self, x: Tensor) -> Tensor:
        if self.placement == "post":
            normalized: Tensor = self.norm(x + self.branch(x))
            return normalized
        out: Tensor = x + self.branch(self.norm(x))
        return out


def _linear(fan_in: int, fan_out: int, gain: float) -> nn.Linear:
    layer = nn.Linear(fan_in, fan_out)
    nn.init.xavier_uniform_(layer.weight, gain=gain)
    nn.init.zeros_(layer.bias)
    return layer
