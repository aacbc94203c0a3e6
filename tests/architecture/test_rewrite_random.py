"""Random residual nets: every rewrite that applies is verified, trains, and leaves the draws alone."""

from __future__ import annotations

import random

import pytest
import torch
from small_nets import WIDTH, square
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from lrdoctor.architecture import rewrite
from lrdoctor.core.rewriting import REWRITES, Rewrite


class RandomBlock(nn.Module):
    """A sum of a random form, with a norm at a random place, and maybe another block inside of its branch."""

    def __init__(self, draw: random.Random, depth: int) -> None:
        super().__init__()
        self.form = draw.choice(("plus", "plus", "turned", "minus", "in place", "add", "sum", "method"))
        self.placement = draw.choice(("none", "pre", "post", "last", "post, other line"))
        self.end = draw.choice(("linear", "linear", "dropout", "relu", "tanh", "reshaped", "scaled"))
        self.reentrant = draw.choice((None, None, True, False))
        self.f, self.g, self.norm = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)
        self.drop = nn.Dropout(0.1)
        self.inner = RandomBlock(draw, depth - 1) if depth and draw.random() < 0.3 else None

    def branch(self, x: Tensor) -> Tensor:
        x = F.gelu(self.f(self.norm(x) if self.placement == "pre" else x))
        f = self.g(self.inner(x) if self.inner is not None else x)
        ends = {
            "linear": lambda: f, "dropout": lambda: self.drop(f), "relu": lambda: F.relu(f),
            "tanh": lambda: torch.tanh(f), "reshaped": lambda: f.view(-1).view(f.shape), "scaled": lambda: 0.5 * f,
        }  # fmt: skip
        f = ends[self.end]()
        return self.norm(f) if self.placement == "last" else f

    def total(self, x: Tensor, f: Tensor) -> Tensor:
        if self.form == "in place":
            f = f.clone()
            f += x
            return f
        forms = {
            "plus": lambda: x + f, "turned": lambda: f + x, "minus": lambda: x - f,
            "add": lambda: torch.add(x, f, alpha=0.5), "sum": lambda: sum([x, f]), "method": lambda: x.add(f),
        }  # fmt: skip
        return forms[self.form]()

    def run(self, x: Tensor) -> Tensor:
        total = self.total(x, self.branch(x))
        if self.placement == "post, other line":
            total = self.drop(total)
        return self.norm(total) if self.placement.startswith("post") else total

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x)


class RandomNet(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        draw = random.Random(seed)
        self.first, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3)
        made = [RandomBlock(draw, 1) for _ in range(draw.randint(1, 5))]
        self.blocks = nn.ModuleList(made + made[:1] * draw.randint(0, 1))  # the first one maybe twice

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = block(x) if block.reentrant is None else checkpoint(block, x, use_reentrant=block.reentrant)
        return self.head(x)


def losses(net: nn.Module, batch: Tensor) -> list[float]:
    torch.manual_seed(2)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    seen = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = (net(batch) - 1).square().mean()
        loss.backward()
        optimizer.step()
        seen.append(float(loss.detach()))
    return seen


@pytest.mark.parametrize("name", REWRITES)
def test_random_nets(name: Rewrite) -> None:
    n_made = 0
    for seed in range(15):
        curves = []
        for _ in range(2):
            torch.manual_seed(seed)
            net, batch = RandomNet(seed), torch.randn(6, 2, WIDTH)
            done = rewrite(net, batch, square, name)
            assert done.failure == "", (seed, done.failure)
            assert not any("recorded again" in refusal.why for refusal in done.refused), (seed, done.refused)
            curves.append(losses(net, batch))
        n_made += done.n_sites
        assert curves[0] == curves[1], seed
        assert all(torch.isfinite(torch.tensor(curves[0]))), seed
    assert n_made > 10
