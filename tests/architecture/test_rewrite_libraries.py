"""Models of libraries, built from their configurations, without weights."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import torch
from small_nets import square
from torch import nn

from lrdoctor.architecture import LossOf, apply, planned
from lrdoctor.core.rewriting import REWRITES

HEADS = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 32, "intermediate_size": 64}
GPT_LIKE = {"n_positions": 32, "n_embd": 32, "n_layer": 2, "n_head": 2}


def changed(make: Any, batch: Any, loss_of: LossOf) -> tuple[int, ...]:
    """Sites that every rewrite changes, in the order of REWRITES; each trains a little, as a plan's twin does."""
    counts = []
    for name in REWRITES:
        net, twin = make(), make()
        plan = planned(net, batch, loss_of, name)
        apply(plan, twin)
        assert plan.rewriting.failure == ""
        assert not any("again" in refusal.why for refusal in plan.rewriting.refused)
        assert losses(net, batch, loss_of) == losses(twin, batch, loss_of)
        counts.append(plan.rewriting.n_sites)
    return tuple(counts)


def losses(net: nn.Module, batch: Any, loss_of: LossOf) -> list[float]:
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    seen = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = loss_of(net, batch)
        loss.backward()
        optimizer.step()
        seen.append(float(loss.detach()))
    return seen


@pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="transformers is not installed")
@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        ("GPT2LMHeadModel", GPT_LIKE, (4, 4, 0, 4)),
        ("BertForMaskedLM", HEADS, (4, 4, 4, 0)),
        ("AlbertForMaskedLM", {**HEADS, "embedding_size": 16}, (4, 4, 4, 0)),
        ("LlamaForCausalLM", HEADS, (4, 4, 0, 4)),
        ("GPTJForCausalLM", {**GPT_LIKE, "rotary_dim": 4}, (2, 2, 0, 2)),
        ("T5ForConditionalGeneration", {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2},
         (10, 10, 0, 10)),
    ],
)  # fmt: skip
def test_transformers(kind: str, config: dict[str, int], expected: tuple[int, ...]) -> None:
    import transformers

    made = getattr(transformers, kind)
    settings = {"vocab_size": 50, "decoder_start_token_id": 0, "pad_token_id": 0, **config}

    def make() -> nn.Module:
        torch.manual_seed(0)
        return made(made.config_class(**settings))

    torch.manual_seed(0)
    words = torch.randint(1, 49, (2, 8))
    batch = {"input_ids": words, "labels": words}
    assert changed(make, batch, lambda m, b: m(**b).loss) == expected


@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")
@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("resnet18", {}, (0, 0, 0, 0)),
        ("convnext_atto", {"depths": (1, 1, 2, 1), "dims": (8, 16, 16, 32)}, (5, 0, 0, 0)),
        (
            "vit_tiny_patch16_224",
            {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2},
            (4, 4, 0, 4),
        ),
    ],
)
def test_timm(name: str, settings: dict[str, Any], expected: tuple[int, ...]) -> None:
    import timm

    def make() -> nn.Module:
        torch.manual_seed(0)
        return timm.create_model(name, num_classes=10, **settings)  # type: ignore[no-any-return]

    torch.manual_seed(0)
    assert changed(make, torch.randn(4, 3, 32, 32), square) == expected
