"""A decoder-only character Transformer whose norm placement is an argument (Figures 6 and 8).

Deep and post-norm it fails at high rates by sticking at the entropy of single characters: no NaN, no spike.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from lrdoctor.workloads.text import vocabulary_size

NormPlacement = Literal["pre", "post"]


class CharTransformer(nn.Module):
    """Embedding and learned positions, `depth` blocks of causal self-attention and feed-forward, a linear head.

    Xavier-uniform weights and zero biases, as the original Transformer.

    Args:
        depth: blocks.
        norm: "post" for Norm(x + f(x)), "pre" for x + f(Norm(x)) with a last norm before the head.
        width: size of the residual stream.
        heads: attention heads.
        feed_forward: hidden units of the feed-forward branch.
        context: characters a window.
    """

    def __init__(
        self,
        depth: int = 12,
        norm: NormPlacement = "post",
        width: int = 32,
        heads: int = 2,
        feed_forward: int = 64,
        context: int = 32,
    ) -> None:
        super().__init__()
        if norm not in ("pre", "post"):
            raise ValueError(f"norm is {norm!r}, expected 'pre' or 'post'")
        characters = vocabulary_size()
        self.embedding = nn.Embedding(characters, width)
        self.position = nn.Parameter(torch.zeros(context, width))
        nn.init.normal_(self.position, std=0.02)
        self.blocks = nn.ModuleList(_Block(norm, width, heads, feed_forward) for _ in range(depth))
        self.last_norm = nn.LayerNorm(width) if norm == "pre" else nn.Identity()
        self.head = nn.Linear(width, characters)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits [batch, time, characters] of the next character, for ids [batch, time]."""
        x = self.embedding(ids) + self.position[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.last_norm(x))
        return logits


class _Block(nn.Module):
    def __init__(self, norm: NormPlacement, width: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.attention = _Residual(norm, width, _Attention(width, heads))
        self.feed_forward = _Residual(
            norm, width, nn.Sequential(nn.Linear(width, feed_forward), nn.ReLU(), nn.Linear(feed_forward, width))
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.feed_forward(self.attention(x))
        return out


class _Residual(nn.Module):
    def __init__(self, placement: NormPlacement, width: int, branch: nn.Module) -> None:
        super().__init__()
        self.placement = placement
        self.norm = nn.LayerNorm(width)
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        if self.placement == "pre":
            return x + self.branch(self.norm(x))  # type: ignore[no-any-return]
        normalized: Tensor = self.norm(x + self.branch(x))
        return normalized


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        q, k, v = self.qkv(x).view(batch, time, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, time, width))
        return out


def next_character_loss(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    """The spec's `step` hook: mean loss over all characters of the windows, in nats."""
    ids, targets = batch
    loss: Tensor = loss_fn(model(ids).flatten(0, 1), targets.flatten())
    return loss
