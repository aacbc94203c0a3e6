"""Further nets, written after the rules stood: what each is made of was written down before the first look."""

from __future__ import annotations

from collections.abc import Callable

import torch
from small_nets import VOCABULARY, WIDTH, Attention
from torch import Tensor, nn
from torch.nn import functional as F


class RootMeanSquare(nn.Module):
    """A norm by its sums; the class that is used is named as models name theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class TinyRMSNorm(RootMeanSquare):
    pass


class Llama(nn.Module):
    """Norms of its own, a gated feed-forward branch."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.head = nn.Embedding(VOCABULARY, WIDTH), nn.Linear(WIDTH, VOCABULARY)
        self.norms = nn.ModuleList([TinyRMSNorm() for _ in range(5)])
        self.attentions = nn.ModuleList([Attention() for _ in range(2)])
        self.gates, self.ups, self.downs = (
            nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(2)]) for _ in range(3)
        )

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids)
        for i in range(2):
            x = x + self.attentions[i](self.norms[2 * i](x))
            h = self.norms[2 * i + 1](x)
            x = x + self.downs[i](F.silu(self.gates[i](h)) * self.ups[i](h))
        return self.head(self.norms[-1](x))


class TwoSummands(nn.Module):
    """attention + feed-forward + x, in this order: one add has the skip, its branch is a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.attention, self.f = nn.LayerNorm(WIDTH), Attention(), nn.Linear(WIDTH, WIDTH)
        self.tokens, self.head = nn.Embedding(VOCABULARY, WIDTH), nn.Linear(WIDTH, VOCABULARY)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids)
        for _ in range(2):
            h = self.norm(x)
            x = self.attention(h) + self.f(h) + x
        return self.head(x)


class Translator(nn.Module):
    """torch's encoder and decoder: two and three residual adds a layer."""

    def __init__(self, norm_first: bool) -> None:
        super().__init__()
        self.tokens, self.head = nn.Embedding(VOCABULARY, WIDTH), nn.Linear(WIDTH, VOCABULARY)
        self.body = nn.Transformer(WIDTH, 2, 2, 2, 32, batch_first=True, norm_first=norm_first)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.body(self.tokens(ids), self.tokens(ids)))


class Excited(nn.Module):
    """A residual block whose branch ends with a squeeze-and-excitation gate."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 1, 1)
        self.conv, self.norm = nn.Conv2d(8, 8, 3, 1, 1), nn.BatchNorm2d(8)
        self.squeeze, self.head = nn.Conv2d(8, 8, 1), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        f = self.norm(self.conv(x))
        x = F.relu(x + f * self.squeeze(f.mean((2, 3), keepdim=True)).sigmoid())
        return self.head(x.mean((2, 3)))


class Highway(nn.Module):
    """t * f(x) + (1 - t) * x: a gated skip, which is no residual add."""

    def __init__(self) -> None:
        super().__init__()
        self.f, self.t = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        t = self.t(x).sigmoid()
        return t * self.f(x).relu() + (1 - t) * x


class Dense(nn.Module):
    """Concatenated skips, which are no residual adds."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3 + 4 * i, 4, 3, 1, 1) for i in range(4)])
        self.head = nn.Linear(19, 3)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, layer(x).relu()], 1)
        return self.head(x.mean((2, 3)))


class UNet(nn.Module):
    """Down and up again, the levels added across."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.down = nn.Conv2d(3, 4, 3, 1, 1), nn.Conv2d(4, 8, 3, 2, 1)
        self.middle, self.up = nn.Conv2d(8, 8, 3, 1, 1), nn.ConvTranspose2d(8, 4, 2, 2)
        self.head = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        return self.head(x + self.up(self.middle(self.down(x).relu()).relu()))


class Mixer(nn.Module):
    """Two mixers a block, over positions and over channels, each with its norm in front."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.head = nn.Embedding(VOCABULARY, WIDTH), nn.Linear(WIDTH, 3)
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH) for _ in range(4)])
        self.over = nn.ModuleList([nn.Linear(12, 12) for _ in range(2)])
        self.within = nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(2)])

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids)
        for i in range(2):
            x = x + self.over[i](self.norms[2 * i](x).transpose(1, 2)).transpose(1, 2)
            x = x + F.gelu(self.within[i](self.norms[2 * i + 1](x)))
        return self.head(x.mean(1))


class DropPath(nn.Module):
    """Drops whole samples of a branch, scaled as it is known."""

    def forward(self, x: Tensor) -> Tensor:
        mask = x.new_empty(x.shape[0], *(1,) * (x.ndim - 1)).bernoulli_(0.8)
        return x * mask.div_(0.8)


class Swin(nn.Module):
    """The norm ends the branch, a stochastic depth behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head, self.drop = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3), DropPath()
        self.f = nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(3)])
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for f, norm in zip(self.f, self.norms, strict=True):
            x = x + self.drop(norm(f(x)))
        return self.head(x)


class Pooled(nn.Module):
    """A mixer without parameters, its norm in front: the norm alone is on the branch."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.head = nn.Conv2d(3, 8, 3, 1, 1), nn.GroupNorm(1, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + F.avg_pool2d(self.norm(x), 3, 1, 1)
        return self.head(x.mean((2, 3)))


class Lazy(nn.Module):
    """Layers that learn their sizes from the first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.f, self.norm = nn.LazyLinear(WIDTH), nn.LazyLinear(WIDTH), nn.LazyBatchNorm1d()

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.norm(x + self.f(x)).relu()


class WeightNormed(nn.Module):
    """Norms of weights are no norms of the signal."""

    def __init__(self) -> None:
        super().__init__()
        wrap: Callable[[nn.Module], nn.Module] = nn.utils.parametrizations.weight_norm
        self.layers = nn.ModuleList([wrap(nn.Linear(WIDTH, WIDTH)) for _ in range(4)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x).relu()
        return x


class Moments(nn.Module):
    """A norm in plain operations, which is not recognised, in a residual stack that is."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer((x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5))
        return x
