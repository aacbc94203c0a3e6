"""A look leaves no trace, and measures what a plain pass would."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_nets import GPT, WIDTH, Blocks, ids, square, vectors, wide_resnet
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from lrdoctor.architecture import look, sharpness


def state(model: nn.Module) -> dict[str, Any]:
    return {
        "tensors": {name: t.clone() for name, t in model.state_dict().items()},
        "gradients": [p.grad for p in model.parameters()],
        "modes": [m.training for m in model.modules()],
        "random": (random.random(), np.random.rand(), torch.rand(1).item()),
        "hooks": (
            len(hooks._global_forward_hooks),
            len(hooks._global_forward_pre_hooks),
            len(model._forward_pre_hooks),
        ),
    }


def seeded() -> None:
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)


@pytest.mark.parametrize("measure", [look, sharpness])
@pytest.mark.parametrize("training", [True, False])
def test_a_look_leaves_no_trace(measure: Any, training: bool) -> None:
    torch.manual_seed(0)
    model, batch = nn.Sequential(wide_resnet(), nn.Dropout(0.5)).train(training), torch.randn(4, 3, 8, 8)
    square(model, batch).backward()
    seeded()
    before = state(model)
    gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    seeded()
    measure(model, batch, square)
    after = state(model)
    for name, t in before.pop("tensors").items():
        assert torch.equal(t, after["tensors"][name]), name
    for p, g in zip(before.pop("gradients"), after["gradients"], strict=True):
        assert p is g
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))
    assert before == {name: after[name] for name in before}


def test_a_model_that_raises_leaves_no_hooks_behind() -> None:
    class Raises(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("no such thing")

    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), Raises())
    with pytest.raises(ValueError, match="no such thing"):
        look(model, vectors(), square)
    assert not hooks._global_forward_hooks
    assert not hooks._global_forward_pre_hooks
    assert not model._forward_pre_hooks
    assert len(look(nn.Linear(WIDTH, 3), vectors(), square).chain) == 1


def size(t: Tensor) -> float:
    return float(t.detach().norm())


def test_scales_are_those_of_a_plain_pass() -> None:
    torch.manual_seed(0)
    model, batch = Blocks("none", n=1), vectors()
    seen = look(model, batch, square)
    x = model.first(batch)
    f = model.blocks[0].f(x)
    total = x + f
    total.retain_grad()
    out = model.head(total)
    out.pow(2).mean().backward()
    (site,) = seen.sites
    assert site.branch_scale == pytest.approx(size(f) / size(x), rel=1e-5)
    scale = next(s for s in seen.chain if s.operation == "sum")
    assert seen.sites[scale.site or 0] is site
    assert scale.activation == pytest.approx(size(total) / total.numel() ** 0.5, rel=1e-5)
    assert scale.gradient == pytest.approx(size(total.grad), rel=1e-5)
    assert seen.loss == pytest.approx(size(out) ** 2 / out.numel())


def test_a_factor_of_the_add_belongs_to_the_branch() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.f = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x)
            return torch.add(x, self.f(x), alpha=0.5)

    torch.manual_seed(0)
    model, batch = Half(), vectors()
    x = model.first(batch)
    (site,) = look(model, batch, square).sites
    assert site.branch_scale == pytest.approx(0.5 * size(model.f(x)) / size(x), rel=1e-5)


def test_a_batch_that_is_an_object_of_its_own_is_followed_too() -> None:
    class Holder:
        def __init__(self) -> None:
            self.x = vectors()

    torch.manual_seed(0)
    seen = look(Blocks("post"), Holder(), lambda model, batch: model(x_of(batch)).pow(2).mean())
    assert len(seen.post_norm_sites) == 4


def x_of(batch: Any) -> Tensor:
    return batch.x


def test_mixed_precision_is_looked_at_too() -> None:
    def loss(model: nn.Module, batch: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(batch).float().pow(2).mean()

    torch.manual_seed(0)
    assert len(look(GPT(), ids(), loss).sites) == 6


def test_files_are_named_from_the_folder() -> None:
    torch.manual_seed(0)
    model, batch = Blocks("pre"), vectors()
    near = look(model, batch, square, Path(__file__).parent).sites[0].where
    far = look(model, batch, square, Path(__file__).parent / "elsewhere").sites[0].where
    assert near.startswith("small_nets.py:")
    assert far.endswith(near)
