"""The table of published models, each with what its source says of it, written down before it was first looked at.

Every residual add of the source counts that runs for the batch, one with a projected, pooled or narrowed skip too. A
sum with something that does not depend on the batch, as learned latents are, is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from published import from_timm, hf, pictures, words
from torch import Tensor, nn

SMALL = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
SPEECH = {
    "conv_dim": (16, 16),
    "conv_stride": (5, 2),
    "conv_kernel": (10, 3),
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "layerdrop": 0.0,
    "apply_spec_augment": False,
}


@dataclass(frozen=True)
class Row:
    """One model, and what its source says of it."""

    name: str
    """A class of transformers, or a model of timm's."""
    settings: dict[str, Any]
    """What makes it small."""
    expected: tuple[int, int, int]
    """Residual adds, those with Norm(x + f(x)), and branches without a norm last."""
    batch: Callable[[], Any] = words
    why: str = ""

    def make(self) -> nn.Module:
        return hf(self.name, **self.settings) if self.name[0].isupper() else from_timm(self.name, **self.settings)


def ids() -> dict[str, Tensor]:
    return {"input_ids": torch.randint(3, 50, (2, 8))}


def pixels() -> dict[str, Tensor]:
    return {"pixel_values": pictures()}


def large() -> Tensor:
    return pictures(64)


TRANSFORMERS = [
    Row(
        "WhisperForConditionalGeneration",
        {
            **{"vocab_size": 50, "d_model": 32, "num_mel_bins": 8, "max_source_positions": 16},
            **{"max_target_positions": 16, "encoder_layers": 1, "decoder_layers": 1},
            **{"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 64},
            **{"decoder_ffn_dim": 64, "decoder_start_token_id": 1, "pad_token_id": 0, "eos_token_id": 2},
        },
        (5, 0, 5),
        lambda: {"input_features": torch.randn(2, 8, 32), "labels": words()["labels"]},
        "two in the encoder's layer, three in the decoder's",
    ),
    Row(
        "Wav2Vec2Model",
        {**SMALL, **SPEECH},
        (5, 5, 5),
        lambda: {"input_values": torch.randn(2, 400)},
        "x + gelu(conv(x)) gives the positions, and is normalized too",
    ),
    Row(
        "Wav2Vec2ConformerModel",
        {**SMALL, **SPEECH},
        (8, 1, 8),
        lambda: {"input_values": torch.randn(2, 400)},
        "half steps; each layer ends with a norm, behind the last one comes the encoder's",
    ),
    Row(
        "CLIPModel",
        {"text_config": SMALL, "vision_config": {**SMALL, "image_size": 32, "patch_size": 8}},
        (8, 0, 8),
        lambda: {**ids(), "pixel_values": pictures(n=2), "return_loss": True},
        "two towers",
    ),
    Row(
        "Mamba2ForCausalLM",
        {
            **{"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2},
            **{"num_heads": 4, "head_dim": 16, "state_size": 8, "n_groups": 1, "chunk_size": 8},
        },
        (2, 0, 2),
        why="the skip y + D x of the state space has no layer beside it",
    ),
    Row("RwkvForCausalLM", {**SMALL, "context_length": 16, "attention_hidden_size": 32}, (4, 0, 4)),
    Row(
        "Gemma3ForCausalLM",
        {**SMALL, "num_key_value_heads": 1, "head_dim": 16},
        (4, 0, 0),
        why="norms on both sides of every layer",
    ),
    Row("Glm4ForCausalLM", {**SMALL, "num_key_value_heads": 2, "head_dim": 16, "pad_token_id": 0}, (4, 0, 0)),
    Row("CohereForCausalLM", {**SMALL, "num_key_value_heads": 2}, (4, 0, 4), why="(x + attention) + mlp"),
    Row("FalconForCausalLM", SMALL, (2, 0, 2), why="x + (mlp + attention) is one add of two summands"),
    Row(
        "Qwen2MoeForCausalLM",
        {
            **SMALL,
            **{"num_key_value_heads": 2, "num_experts": 4, "num_experts_per_tok": 2},
            **{"moe_intermediate_size": 32, "shared_expert_intermediate_size": 32},
        },
        (4, 0, 4),
        why="experts + shared expert is no residual",
    ),
    Row(
        "GraniteMoeForCausalLM",
        {
            **SMALL,
            **{"num_key_value_heads": 2, "num_local_experts": 4, "num_experts_per_tok": 2, "residual_multiplier": 0.5},
        },
        (4, 0, 4),
    ),
    Row(
        "Lfm2ForCausalLM",
        {**SMALL, "num_key_value_heads": 2, "layer_types": ["conv", "full_attention"]},
        (4, 0, 4),
    ),
    Row(
        "SegformerForImageClassification",
        {
            **{"num_encoder_blocks": 2, "depths": [1, 1], "sr_ratios": [2, 1], "hidden_sizes": [16, 32]},
            **{"patch_sizes": [3, 3], "strides": [2, 2], "num_attention_heads": [1, 2], "mlp_ratios": [2, 2]},
        },
        (4, 0, 4),
        pixels,
    ),
    Row(
        "Dinov2Model",
        {
            **{"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
            **{"image_size": 32, "patch_size": 8},
        },
        (4, 0, 4),
        pixels,
        "layer scale",
    ),
    Row(
        "FunnelModel",
        {
            **{"vocab_size": 50, "block_sizes": [1, 1], "num_decoder_layers": 1, "d_model": 32},
            **{"n_head": 2, "d_head": 16, "d_inner": 64},
        },
        (7, 6, 7),
        ids,
        "the first block's end is added to the stretched end of the second, without a norm behind",
    ),
    Row("LongformerForMaskedLM", {**SMALL, "attention_window": 4}, (4, 4, 4)),
    Row("RoFormerForMaskedLM", SMALL, (4, 4, 4)),
    Row("MPNetForMaskedLM", SMALL, (4, 4, 4)),
    Row(
        "FNetForMaskedLM",
        {key: SMALL[key] for key in SMALL if key != "num_attention_heads"},
        (4, 4, 4),
        why="half of the branches are Fourier transforms, without parameters",
    ),
    Row("ModernBertForMaskedLM", {**SMALL, "pad_token_id": 0}, (4, 0, 4)),
    Row(
        "MobileBertForMaskedLM",
        {
            **{**SMALL, "intermediate_size": 32, "embedding_size": 16, "intra_bottleneck_size": 16},
            "num_feedforward_networks": 2,
        },
        (8, 0, 8),
        why="four in a layer, one around the others; its NoNorm multiplies and adds, and normalizes nothing",
    ),
    Row(
        "SqueezeBertForMaskedLM",
        {
            **{**SMALL, "embedding_size": 32, "q_groups": 2, "k_groups": 2, "v_groups": 2, "post_attention_groups": 1},
            **{"intermediate_groups": 2, "output_groups": 2},
        },
        (4, 4, 4),
    ),
    Row(
        "PerceiverModel",
        {
            **{"num_latents": 4, "d_latents": 16, "d_model": 12, "num_blocks": 1, "num_self_attends_per_block": 2},
            **{"num_self_attention_heads": 2, "num_cross_attention_heads": 2},
        },
        (5, 0, 5),
        lambda: {"inputs": torch.randn(2, 10, 12)},
        "the cross attention is added to learned latents",
    ),
    Row(
        "LongT5ForConditionalGeneration",
        {
            **{"vocab_size": 50, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2},
            **{"local_radius": 4, "decoder_start_token_id": 0},
        },
        (10, 0, 10),
    ),
]

TIMM = [
    Row("convnextv2_atto", {"depths": (1, 1, 2, 1), "dims": (8, 16, 16, 32)}, (5, 0, 5), pictures),
    Row(
        "maxvit_rmlp_pico_rw_256",
        {"img_size": 64, "depths": (1, 1, 1, 1), "embed_dim": (32, 32, 64, 64)},
        (20, 0, 20),
        large,
        "in a block one of convolutions, and two for windows and for the grid",
    ),
    Row("mobilevit_xxs", {}, (21, 0, 18), large, "three of convolutions end with a norm; nine blocks of attention"),
    Row(
        "efficientformer_l1",
        {"depths": (1, 1, 1, 2), "embed_dims": (16, 16, 32, 32), "num_vit": 1},
        (10, 0, 6),
        lambda: pictures(224, 2),
        "four branches pool(x) - x have a layer scale and no layer; four of convolutions end with a norm",
    ),
    Row(
        "davit_tiny",
        {"depths": (1, 1), "embed_dims": (16, 32), "num_heads": (2, 2)},
        (16, 0, 16),
        pictures,
        "two of the four in a block give the positions, x + conv(x)",
    ),
    Row(
        "cait_xxs24_224",
        {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2},
        (7, 0, 7),
        pictures,
        "the first add of the class token is to a parameter",
    ),
    Row(
        "pit_ti_224",
        {"img_size": 64, "base_dims": [16, 16, 16], "depth": [1, 1, 1], "heads": [2, 2, 2]},
        (6, 0, 6),
        large,
    ),
    Row(
        "ghostnet_050",
        {},
        (16, 0, 16),
        large,
        "one a block, five with two convolutions on the skip; branches end with a concatenation",
    ),
    Row(
        "res2net50_26w_4s",
        {"layers": (2, 1, 1, 1)},
        (5, 0, 0),
        pictures,
        "sums of different groups of channels within a block are none",
    ),
    Row("hgnetv2_b0", {}, (1, 0, 1), large, "only the second block of a stage has a skip"),
    Row("ese_vovnet19b_dw", {}, (0, 0, 0), large, "concatenations; its stages have one block, without a skip"),
    Row("rexnet_100", {}, (11, 0, 0), large, "added to the first channels only"),
    Row("mambaout_femto", {"depths": (1, 1, 1, 1), "dims": (16, 16, 32, 32)}, (4, 0, 4), large),
    Row(
        "tiny_vit_5m_224",
        {"depths": (2, 1, 1, 1), "embed_dims": (16, 16, 32, 32), "num_heads": (2, 2, 2, 2)},
        (8, 0, 6),
        large,
        "two of convolutions end with a norm",
    ),
    Row(
        "dpn48b", {"k_sec": (2, 1, 1, 1)}, (5, 0, 5), large, "added to the first channels, the others are concatenated"
    ),
    Row("dla46_c", {}, (12, 0, 0), large, "at the beginning of a stage the skip has a maximum pooling"),
    Row(
        "sequencer2d_s",
        {"layers": [1, 1, 1, 1], "embed_dims": [16, 32, 32, 32], "hidden_sizes": [8, 8, 8, 8]},
        (8, 0, 8),
        pictures,
        "recurrent layers in the place of attention",
    ),
]
