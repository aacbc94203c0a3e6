"""Hugging Face's and timm's models: what each is made of was written down from its source."""

from __future__ import annotations

import pytest
import torch
from published import Row, hf, loss_of, words
from published_timm import TIMM, WELL_KNOWN_OF_TIMM
from published_transformers import SMALL, TRANSFORMERS, WELL_KNOWN
from torch import Tensor

from lrdoctor.architecture import look
from lrdoctor.core.architecture import Architecture

ROWS = [*WELL_KNOWN, *WELL_KNOWN_OF_TIMM, *TRANSFORMERS, *TIMM]


def counts(model: Architecture) -> tuple[int, int, int]:
    """Residual adds, those with Norm(x + f(x)), and branches without a norm last."""
    return len(model.sites), len(model.post_norm_sites), sum(not site.is_norm_last for site in model.sites)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_published_models_are_made_of(row: Row) -> None:
    model = row.look()
    assert counts(model) == (row.found or row.expected)
    assert model.unknown == ()


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_model_that_was_looked_at_is_as_it_was(row: Row) -> None:
    torch.manual_seed(0)
    model, batch = row.make(), row.batch()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(1)
    expected = loss_of(model, batch).detach()
    model.load_state_dict(before)
    torch.manual_seed(1)
    look(model, batch, loss_of)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(loss_of(model, batch).detach(), expected)


@pytest.mark.parametrize("returned", ["a mapping", "a tuple"])
def test_whatever_the_forward_pass_returns(returned: str) -> None:
    def loss(model: torch.nn.Module, batch: dict[str, Tensor]) -> Tensor:
        out = model(**batch, return_dict=returned == "a mapping", output_hidden_states=True)
        return out["loss"] if returned == "a mapping" else out[0]

    torch.manual_seed(0)
    assert counts(look(hf("BertForMaskedLM", **SMALL), words(), loss)) == (4, 4, 4)
