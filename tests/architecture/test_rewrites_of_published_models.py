"""What can be changed in Hugging Face's and timm's models, and what is refused."""

from __future__ import annotations

import pytest
import torch
from published import Row, loss_of
from published_timm import TIMM, WELL_KNOWN_OF_TIMM
from published_transformers import TRANSFORMERS, WELL_KNOWN

from lrdoctor.architecture.rewrite import rewrite
from lrdoctor.core.rewriting import REWRITES, Rewrite, Rewriting

ROWS = {row.name: row for row in (*WELL_KNOWN, *WELL_KNOWN_OF_TIMM, *TRANSFORMERS, *TIMM)}

NOT_NORMALIZED = "the sum is not normalized"
POST_NORM = "the sum is normalized"
ZERO = "the branch is 0 already"
NORM_LAST = "the branch ends with a norm"
FACTOR = "the branch has a factor"

# for zero_init, rezero, move_norm, add_norm: how many sites are changed, and why others are not
TABLE: list[tuple[str, tuple[int | str | tuple[int, str], ...]]] = [
    ("GPT2LMHeadModel", (4, 4, NOT_NORMALIZED, 4)),
    ("BertForMaskedLM", (4, 4, 4, POST_NORM)),
    ("T5ForConditionalGeneration", (10, 10, NOT_NORMALIZED, 10)),
    ("LlamaForCausalLM", (4, 4, NOT_NORMALIZED, 4)),
    ("ViTForImageClassification", (4, 4, NOT_NORMALIZED, 4)),
    ("resnet18", (ZERO, ZERO, NOT_NORMALIZED, NORM_LAST)),
    ("convnext_atto", (5, FACTOR, NOT_NORMALIZED, FACTOR)),
    ("vit_tiny_patch16_224", (4, 4, NOT_NORMALIZED, 4)),
    ("swinv2_tiny_window8_256", (ZERO, ZERO, NOT_NORMALIZED, NORM_LAST)),
    ("FalconForCausalLM", (2, 2, NOT_NORMALIZED, 2)),
    ("Gemma3ForCausalLM", ("changed and recorded again, the branch is not 0", 4, NOT_NORMALIZED, NORM_LAST)),
    ("FNetForMaskedLM", ((2, "its last operation is fftn"), (2, "nothing on the branch learns"), 4, POST_NORM)),
    ("Wav2Vec2Model", ((4, "its last operation is gelu"), 5, 5, POST_NORM)),
    ("mobilevit_xxs", ((18, ZERO), (18, ZERO), NOT_NORMALIZED, (18, NORM_LAST))),
]


def rewritten(row: Row, name: Rewrite) -> tuple[torch.nn.Module, object, Rewriting]:
    torch.manual_seed(0)
    model, batch = row.make(), row.batch()
    return model, batch, rewrite(model, batch, loss_of, name)


@pytest.mark.parametrize(
    ("row", "name", "expected"),
    [(ROWS[row], name, expected) for row, each in TABLE for name, expected in zip(REWRITES, each, strict=True)],
    ids=[f"{row}-{name}" for row, _ in TABLE for name in REWRITES],
)
def test_what_is_changed_and_what_is_refused(row: Row, name: Rewrite, expected: int | str | tuple[int, str]) -> None:
    sites, why = (
        expected if isinstance(expected, tuple) else (expected, "") if isinstance(expected, int) else (0, expected)
    )
    _, _, found = rewritten(row, name)
    assert found.n_sites == sites
    assert {refusal.why.startswith(why) for refusal in found.refused} == ({True} if why else set())
    assert found.failure == ""
    assert (found.after is not None) == bool(sites)


@pytest.mark.parametrize(("row", "name"), [(ROWS["BertForMaskedLM"], name) for name in REWRITES[:3]], ids=REWRITES[:3])
def test_a_changed_model_learns(row: Row, name: Rewrite) -> None:
    model, batch, _ = rewritten(row, name)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = loss_of(model.eval(), batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.1


def test_a_model_without_residual_adds_is_left_as_it_is() -> None:
    _, _, found = rewritten(ROWS["ese_vovnet19b_dw"], "rezero")
    assert not found.is_made
    assert "no residual add" in found.failure
