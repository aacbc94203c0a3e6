"""A small net for every way of writing residual connections, and some without any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from lrdoctor.architecture import look
from lrdoctor.core.architecture import Architecture

WIDTH = 16
VOCABULARY = 20
PLACEMENTS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "none": lambda b, x: x + b.f(x),
    "pre": lambda b, x: x + b.f(b.norm(x)),
    "post": lambda b, x: b.norm(x + b.f(x)),
    "norm last": lambda b, x: x + b.norm(b.f(x)),
    "rezero": lambda b, x: x + b.gate * b.f(x),
    "relu last": lambda b, x: x + F.relu(b.f(x)),
    "parallel": lambda b, x: x + b.f(b.norm(x)) + F.gelu(b.up(b.norm(x)))[..., :WIDTH],
    "minus": lambda b, x: x - b.f(x),
    "sum of a list": lambda b, x: sum([x, b.f(x)]),
    "functional norm": lambda b, x: F.layer_norm(x + b.f(x), (WIDTH,)),
}
"""How a block puts its norm and its branch together."""


class Block(nn.Module):
    def __init__(self, placement: str) -> None:
        super().__init__()
        self.placement = placement
        self.norm = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, 2 * WIDTH)
        self.down = nn.Linear(2 * WIDTH, WIDTH)
        self.gate = nn.Parameter(torch.zeros(1))

    def f(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x)))

    def forward(self, x: Tensor) -> Tensor:
        if self.placement == "in place":
            y = self.f(x)
            y += x
            return y
        if self.placement == "through a view":
            y = x.clone()
            y.view(-1).add_(self.f(x).view(-1))
            return self.norm(y)
        if self.placement == "into a slice":
            y = torch.empty_like(x)
            y[:] = x + self.f(x)
            return y
        return PLACEMENTS[self.placement](self, x)


class Blocks(nn.Module):
    """A first layer, `n` residual blocks, a last layer."""

    def __init__(self, placement: str, n: int = 4, shared: bool = False, reentrant: bool | None = None) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3)
        block = Block(placement)
        self.blocks = nn.ModuleList([block if shared else Block(placement) for _ in range(n)])
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = block(x) if self.reentrant is None else checkpoint(block, x, use_reentrant=self.reentrant)
        return self.head(x)


class Form(nn.Module):
    """One block of which only the sum differs."""

    def __init__(self, form: Callable[[nn.Linear, Tensor], Tensor]) -> None:
        super().__init__()
        self.form = form
        self.first, self.f = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.form(self.f, self.first(x))


class Functions(nn.Module):
    """Residual connections without a single module inside."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(torch.randn(WIDTH, WIDTH) / 4) for _ in range(4)])
        self.last = nn.Parameter(torch.randn(WIDTH, 3))

    def forward(self, x: Tensor) -> Tensor:
        for w in self.weights:
            x = x + torch.tanh(x @ w.T)
        return x @ self.last


class DataDependent(nn.Module):
    """Which branch runs depends on the values of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other, self.norm = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = x + self.one(self.norm(x)) if x.abs().mean() > 0.5 else x + self.other(x)
        return self.head(x)


class WideBlock(nn.Module):
    """A pre-activation block of a residual network, with a projection where the shape changes."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(before), nn.BatchNorm2d(after)
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.skip = nn.Conv2d(before, after, 1, stride, bias=False) if before != after else None

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm1(x))
        branch = self.conv2(F.relu(self.norm2(self.conv1(h))))
        return branch + (x if self.skip is None else self.skip(h))


def wide_resnet() -> nn.Module:
    blocks = [WideBlock(4, 8, 1), WideBlock(8, 8, 1), WideBlock(8, 16, 2), WideBlock(16, 16, 1)]
    last = (nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3))
    return nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1), *blocks, *last)


class BasicBlock(nn.Module):
    """A block of a classic residual network: the norm ends the branch, its weight starts at 0, a ReLU follows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(4, 4, 3, 1, 1, bias=False) for _ in range(2))
        self.norm1, self.norm2 = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


def zero_init_resnet() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1), BasicBlock(), BasicBlock(), nn.Flatten(), nn.Linear(256, 3))


class LayerScale(nn.Module):
    """Norm in front, a small factor for every channel behind."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.f = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH)
        self.scale = nn.Parameter(torch.full((WIDTH,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale * self.f(self.norm(x))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out, self.drop = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH), nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (t.unflatten(2, (2, -1)).transpose(1, 2) for t in self.qkv(x).split(WIDTH, 2))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.drop(self.out(mixed.transpose(1, 2).flatten(2)))


class GPTBlock(nn.Module):
    def __init__(self, parallel: bool) -> None:
        super().__init__()
        self.parallel = parallel
        self.norm1, self.norm2, self.attention = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH), Attention()
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 32), nn.GELU(), nn.Linear(32, WIDTH), nn.Dropout(0.1))

    def forward(self, x: Tensor) -> Tensor:
        if self.parallel:
            return x + self.attention(self.norm1(x)) + self.mlp(self.norm2(x))
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Two embeddings that are added, blocks, a last norm, a head that shares the embedding's weights."""

    def __init__(self, parallel: bool = False) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(12, WIDTH)
        self.blocks = nn.ModuleList([GPTBlock(parallel) for _ in range(3)])
        self.last_norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.last_norm(x))


class Encoder(nn.Module):
    """torch's own Transformer layers."""

    def __init__(self, norm_first: bool) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 32, 0.1, batch_first=True, norm_first=norm_first)
        self.tokens, self.head = nn.Embedding(VOCABULARY, WIDTH), nn.Linear(WIDTH, VOCABULARY)
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.encoder(self.tokens(ids)))


class Recurrent(nn.Module):
    """An LSTM: torch's, or written out, whose gated sums are no residual connections."""

    def __init__(self, by_hand: bool) -> None:
        super().__init__()
        self.by_hand = by_hand
        self.tokens, self.head = nn.Embedding(VOCABULARY, WIDTH), nn.Linear(WIDTH, VOCABULARY)
        self.lstm = nn.LSTM(WIDTH, WIDTH, 2, batch_first=True)
        self.x_gates, self.h_gates = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(WIDTH, 4 * WIDTH)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids)
        return self.head(self._unrolled(x) if self.by_hand else self.lstm(x)[0])

    def _unrolled(self, x: Tensor) -> Tensor:
        h = c = torch.zeros(x.shape[0], WIDTH)
        seen = []
        for t in range(x.shape[1]):
            i, f, g, o = (self.x_gates(x[:, t]) + self.h_gates(h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            seen.append(h)
        return torch.stack(seen, 1)


class Rotated(nn.Module):
    """Rotary positions and a gelu written out: sums of two activations, none of them a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        q, angle = self.q(x), torch.arange(float(WIDTH))
        half = WIDTH // 2
        q = q * angle.cos() + torch.cat([-q[..., half:], q[..., :half]], -1) * angle.sin()
        return self.head(0.5 * q * (1 + torch.tanh(0.8 * (q + 0.045 * q.pow(3)))))


def plain_mlp(depth: int = 20) -> nn.Module:
    layers = [layer for _ in range(depth) for layer in (nn.Linear(WIDTH, WIDTH), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 3))


def plain_cnn() -> nn.Module:
    convolutions = [layer for a, b in ((3, 4), (4, 8), (8, 8)) for layer in (nn.Conv2d(a, b, 3, 2, 1), nn.ReLU())]
    return nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))


def vectors() -> Tensor:
    return torch.randn(8, WIDTH)


def images() -> Tensor:
    return torch.randn(4, 3, 8, 8)


def ids() -> Tensor:
    return torch.randint(0, VOCABULARY, (4, 12))


def square(model: nn.Module, batch: Any) -> Tensor:
    """A loss for any output."""
    return model(batch).pow(2).mean()


def looked_at(make: Callable[[], nn.Module], batch: Callable[[], Any] = vectors, seed: int = 0) -> Architecture:
    """What a fresh model of the seed shows."""
    torch.manual_seed(seed)
    return look(make(), batch(), square, Path(__file__).parent)
