"""Hugging Face's and timm's models: what each is made of was written down from its source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from published import from_timm, hf, pictures, published, words
from torch import nn

from lrdoctor.core.architecture import Architecture

SMALL = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def counts(model: Architecture) -> tuple[int, int, int]:
    """Residual adds, those with Norm(x + f(x)), and branches without a norm last."""
    return len(model.sites), len(model.post_norm_sites), sum(not site.is_norm_last for site in model.sites)


WELL_KNOWN: list[tuple[str, Callable[[], nn.Module], Callable[[], Any], tuple[int, int, int]]] = [
    (
        "gpt2",
        lambda: hf("GPT2LMHeadModel", vocab_size=50, n_positions=32, n_embd=32, n_layer=2, n_head=2),
        words,
        (4, 0, 4),
    ),
    ("bert", lambda: hf("BertForMaskedLM", **SMALL), words, (4, 4, 4)),
    (
        "t5",
        lambda: hf(
            "T5ForConditionalGeneration",
            **{"vocab_size": 50, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2},
            decoder_start_token_id=0,
        ),
        words,
        (10, 0, 10),
    ),
    ("llama", lambda: hf("LlamaForCausalLM", **SMALL), words, (4, 0, 4)),
    (
        "vit",
        lambda: hf(
            "ViTForImageClassification",
            **{key: SMALL[key] for key in SMALL if key != "vocab_size"},
            image_size=32,
            patch_size=8,
        ),
        lambda: {"pixel_values": pictures()},
        (4, 0, 4),
    ),
    ("timm's resnet18, zero at init", lambda: from_timm("resnet18"), pictures, (8, 0, 0)),
    (
        "timm's convnext",
        lambda: from_timm("convnext_atto", depths=(1, 1, 2, 1), dims=(8, 16, 16, 32)),
        pictures,
        (5, 0, 5),
    ),
    (
        "timm's vit",
        lambda: from_timm("vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2),
        pictures,
        (4, 0, 4),
    ),
    (
        "timm's swinv2",
        lambda: from_timm(
            "swinv2_tiny_window8_256",
            **{"img_size": 32, "patch_size": 2, "embed_dim": 16, "depths": (2, 2), "num_heads": (2, 2)},
            window_size=4,
            drop_path_rate=0.1,
        ),
        pictures,
        (8, 0, 0),
    ),
]


@pytest.mark.parametrize(
    ("make", "batch", "expected"), [row[1:] for row in WELL_KNOWN], ids=[row[0] for row in WELL_KNOWN]
)
def test_well_known_models(make: Callable[[], nn.Module], batch: Callable[[], Any], expected: Any) -> None:
    assert counts(published(make, batch)) == expected
