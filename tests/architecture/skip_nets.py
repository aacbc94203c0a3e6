"""Blocks that tell a skip from what looks like one: what published models were found to do, in a few lines each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Channels(nn.Module):
    """A stem of 4 channels, the block, and a head, for pictures."""

    def __init__(self, block: Callable[[nn.ModuleList, Tensor], Tensor]) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3)
        sizes = [(4, 4, 1, 1), (4, 4, 3, 2), (4, 4, 3, 4), (4, 4, 1, 1), (2, 2, 3, 1)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(given, made, size, stride=2 if groups == 2 else 1, padding=size // 2, groups=groups)
            for given, made, size, groups in sizes
        )
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(self.convolutions, self.stem(x).relu()).mean((2, 3)))


def pooled(convolutions: nn.ModuleList, x: Tensor) -> Tensor:
    """A maximum pooling on the skip of a block with a stride."""
    return F.max_pool2d(x, 2) + convolutions[0](convolutions[1](x).relu())


def separable(convolutions: nn.ModuleList, x: Tensor) -> Tensor:
    """A depthwise and a pointwise convolution on the skip."""
    return convolutions[3](convolutions[2](x)) + convolutions[0](convolutions[2](x).relu())


def two_steps(convolutions: nn.ModuleList, x: Tensor) -> Tensor:
    """A nonlinearity between two convolutions: two branches, and no skip."""
    return convolutions[3](convolutions[2](x).relu()) + convolutions[0](convolutions[2](x).relu())


def heads(convolutions: nn.ModuleList, x: Tensor) -> Tensor:
    """Two layers beside each other, whose sum is one layer again."""
    return convolutions[0](x) + convolutions[3](x)


def groups(convolutions: nn.ModuleList, x: Tensor) -> Tensor:
    """One half of the channels, added to what was made of the other half."""
    first, second = x.split(2, 1)
    return torch.cat([second + convolutions[4](first).relu(), first], 1)


def fourier(convolutions: nn.ModuleList, x: Tensor) -> Tensor:
    """A branch without parameters, that mixes as a layer does."""
    return x + torch.fft.fft2(x).real


class NoNorm(nn.Module):
    """What is named a norm, and multiplies."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(4, 1, 1)), nn.Parameter(torch.zeros(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight + self.bias


class NotNormalized(Channels):
    """Two blocks, with something between that is named a norm."""

    def __init__(self) -> None:
        super().__init__(lambda layers, x: self.norm(x + layers[0](x).relu()) + layers[3](x).relu())
        self.norm = NoNorm()


class NormAndActivation(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu()


class HiddenActivation(Channels):
    """A projected skip, and a branch whose only activation is inside its norm."""

    def __init__(self) -> None:
        super().__init__(lambda layers, x: layers[3](x) + layers[0](self.norm(layers[2](x))))
        self.norm = NormAndActivation(4)
