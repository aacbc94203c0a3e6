"""Clipping, norms, odd parameters, and optimizers named by class path."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lrdoctor.core.trial import canonical_json
from lrdoctor.errors import WorkloadError
from lrdoctor.training import torch_optimizers
from lrdoctor.training.optimizers import Optimizer

HERE = "test_optimizer_parts"


def make(model: nn.Module, **block: Any) -> Optimizer:
    return torch_optimizers.make(canonical_json(block), model, ".")


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def backward(model: nn.Module) -> list[Tensor]:
    model.zero_grad()
    x = torch.linspace(-1, 1, 12, dtype=next(model.parameters()).dtype).view(4, 3)
    model(x).square().sum().backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


KINDS = [
    {"name": "momentum", "momentum": 0.9},
    {"name": "adamw"},
    {"class_path": "torch.optim.SGD", "init_args": {"momentum": 0.9}},
]


@pytest.mark.parametrize("block", KINDS)
def test_collect_gives_the_norm_of_the_raw_gradients(block: dict[str, Any]) -> None:
    model = net()
    rule = make(model, **block)
    for _ in range(3):
        gradients = backward(model)
        norm = rule.collect()
        assert norm.shape == ()
        assert norm.item() == pytest.approx(nn.utils.get_total_norm(gradients).item(), rel=1e-6)
        rule.update(0.1, torch.tensor(0.01))


@pytest.mark.parametrize("block", [{"name": "sgd"}, {"class_path": "torch.optim.SGD"}])
@pytest.mark.parametrize("clip_norm", [0.5, 1e9])
def test_clipping(block: dict[str, Any], clip_norm: float) -> None:
    """A larger gradient is scaled down to the threshold exactly; a smaller one stays the same to the last bit."""
    model = net()
    rule = make(model, **block)
    gradients = backward(model)
    norm = rule.collect()
    before = [p.detach().clone() for p in model.parameters()]
    rule.update(1.0, (clip_norm / norm).clamp(max=1.0))
    steps = [b - p.detach() for b, p in zip(before, model.parameters(), strict=True)]
    if clip_norm < norm:
        assert nn.utils.get_total_norm(steps).item() == pytest.approx(clip_norm, rel=1e-6)
        for step, g in zip(steps, gradients, strict=True):
            torch.testing.assert_close(step, g * (clip_norm / norm))
    else:
        unclipped = [b - g for b, g in zip(before, gradients, strict=True)]
        assert all(torch.equal(p, u) for p, u in zip(model.parameters(), unclipped, strict=True))


def test_a_parameter_without_a_gradient_counts_as_gradient_0() -> None:
    model = net()
    rule = make(model, name="momentum", momentum=0.5)
    backward(model)
    rule.collect()
    rule.update(0.1, None)
    moved = [p.detach().clone() for p in model.parameters()]
    velocity = [g.clone() for g in (p.grad for p in model.parameters())]
    for p in model.parameters():
        p.grad = None
    assert rule.collect().item() == 0.0
    rule.update(0.1, None)
    for p, m, v in zip(model.parameters(), moved, velocity, strict=True):
        torch.testing.assert_close(p.detach(), m - 0.1 * 0.5 * v)


def test_frozen_parameters_stay() -> None:
    model = net()
    model[0].requires_grad_(False)
    frozen = model[0].weight.detach().clone()
    for block in KINDS:
        rule = make(model, **{**block, "weight_decay": 0.5} if "name" in block else block)
        backward(model)
        rule.collect()
        rule.update(0.1, None)
    assert torch.equal(model[0].weight, frozen)
    assert not torch.equal(model[2].weight, net()[2].weight)


def test_a_tied_parameter_is_updated_once() -> None:
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[1].weight = model[0].weight
    rule = make(model, name="sgd")
    (gradient,) = backward(model)
    before = model[0].weight.detach().clone()
    assert rule.collect().item() == pytest.approx(gradient.norm().item())
    rule.update(0.1, None)
    torch.testing.assert_close(model[0].weight.detach(), before - 0.1 * gradient)
    assert model[1].weight is model[0].weight


class Mixed(nn.Module):
    def __init__(self, *dtypes: torch.dtype) -> None:
        super().__init__()
        self.parts = nn.ParameterList(nn.Parameter(torch.ones(2, dtype=t)) for t in dtypes)

    def forward(self) -> Tensor:
        return sum((p.float() * 3).sum() for p in self.parts)  # type: ignore[return-value]


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("bfloat16", "float32"), ("float16", "bfloat16")])
def test_parameters_of_several_types(dtypes: tuple[str, ...]) -> None:
    model = Mixed(*(getattr(torch, t) for t in dtypes))
    rule = make(model, name="momentum", momentum=0.9)
    model().backward()
    assert rule.collect().item() == pytest.approx(6.0)  # four numbers with gradient 3
    rule.update(0.125, torch.tensor(0.5))
    assert [p.dtype for p in model.parts] == [getattr(torch, t) for t in dtypes]
    assert all(p.tolist() == [1 - 0.125 * 1.5] * 2 for p in model.parts)


@pytest.mark.parametrize("block", [{"name": "sgd"}, {"class_path": "torch.optim.SGD"}])
def test_the_norm_of_half_precision_gradients_does_not_overflow(block: dict[str, Any]) -> None:
    model = nn.ParameterList([nn.Parameter(torch.zeros(4, dtype=torch.float16))])
    rule = make(model, **block)
    model[0].grad = torch.full((4,), 40_000.0, dtype=torch.float16)
    assert rule.collect().item() == pytest.approx(80_000.0, rel=1e-3)


@pytest.mark.parametrize("block", [{"name": "sgd"}, {"class_path": "torch.optim.SGD"}])
def test_sparse_gradients(block: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = nn.Embedding(5, 2, sparse=True)
    before = model.weight.detach().clone()
    rule = make(model, **block)
    model(torch.tensor([1, 1, 3])).sum().backward()
    assert rule.collect().item() == pytest.approx(math.sqrt(2 * 2**2 + 2 * 1**2))
    rule.update(0.5, torch.tensor(0.5))
    change = torch.tensor([0.0, 2.0, 0.0, 1.0, 0.0])[:, None].expand(5, 2)
    torch.testing.assert_close(model.weight.detach(), before - 0.25 * change)


def test_adamw_is_torchs() -> None:
    ours, theirs = net(), net()
    settings = {"betas": [0.8, 0.9], "eps": 1e-6, "weight_decay": 0.3}
    rule = make(ours, name="adamw", **settings)
    torchs = torch.optim.AdamW(theirs.parameters(), lr=0.01, **settings)
    for _ in range(5):
        backward(ours)
        backward(theirs)
        rule.collect()
        rule.update(0.01, None)
        torchs.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-7)


def slow_head(params: Iterable[nn.Parameter], lr: float, factor: float) -> torch.optim.Optimizer:
    """A user's factory: the last two parameters learn at a fraction of the rate."""
    *body, weight, bias = params
    return torch.optim.SGD([{"params": body}, {"params": [weight, bias], "lr": lr * factor}], lr=lr)


def test_groups_keep_the_ratio_of_their_rates() -> None:
    model = net()
    rule = make(model, class_path=f"{HERE}.slow_head", init_args={"factor": 0.25})
    for rate in (0.0, 0.1, 0.4):
        gradients = backward(model)
        before = [p.detach().clone() for p in model.parameters()]
        rule.collect()
        rule.update(rate, None)
        for i, (p, b, g) in enumerate(zip(model.parameters(), before, gradients, strict=True)):
            torch.testing.assert_close(p.detach(), b - rate * (0.25 if i >= 2 else 1.0) * g)


def not_an_optimizer(params: Iterable[nn.Parameter], lr: float) -> str:
    return f"SGD at {lr}"


class Breaking(torch.optim.SGD):
    def step(self, closure: Any = None) -> None:
        raise ValueError("no step today")


@pytest.mark.parametrize(
    ("class_path", "init_args", "message"),
    [
        ("torch.optim.LBFGS", {}, "LBFGS evaluates the loss several times a step"),
        ("torch.optim.SGD", {"momentun": 0.9}, "torch.optim.SGD raised TypeError"),
        ("torch.optim.Sgd", {}, "`torch.optim` has no `Sgd`; it has "),
        (f"{HERE}.not_an_optimizer", {}, "gave str, expected a torch optimizer"),
    ],
)
def test_refused(class_path: str, init_args: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        make(net(), class_path=class_path, init_args=init_args)


def test_an_optimizer_that_breaks_is_blamed() -> None:
    model = net()
    rule = make(model, class_path=f"{HERE}.Breaking")
    backward(model)
    rule.collect()
    with pytest.raises(
        WorkloadError, match=r"Breaking.step\(\) raised ValueError: no step today \(test_optimizer_parts"
    ):
        rule.update(0.1, None)


def test_nothing_to_train() -> None:
    for model in (nn.ReLU(), net().requires_grad_(False)):
        with pytest.raises(WorkloadError, match="no trainable parameter"):
            make(model, name="sgd")
