"""The named rules take a complex parameter for two real ones, as torch.optim does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lrdoctor.core.trial import canonical_json
from lrdoctor.training import torch_optimizers

RATES = [0.02, 0.05, 0.01, 0.02, 0.04, 0.03]
SHAPES: list[tuple[int, ...]] = [(3, 2), (), (4,)]


def model_of(dtype: torch.dtype) -> nn.ParameterList:
    torch.manual_seed(0)
    kinds = [dtype, dtype, torch.float64]
    return nn.ParameterList(nn.Parameter(torch.randn(s, dtype=t)) for s, t in zip(SHAPES, kinds, strict=True))


def as_pairs(model: nn.ParameterList) -> nn.ParameterList:
    """The same numbers, complex ones with a last dimension for their two parts."""
    return nn.ParameterList(nn.Parameter(_pair(p.detach()).clone()) for p in model)


def _pair(t: Tensor) -> Tensor:
    return torch.view_as_real(t) if t.is_complex() else t


def gradients(dtype: torch.dtype) -> list[list[Tensor]]:
    torch.manual_seed(1)
    return [[torch.randn_like(p) * 10.0 ** (step % 3 - 1) for p in model_of(dtype)] for step in range(len(RATES))]


def made(model: nn.Module, name: str, **settings: Any) -> Any:
    return torch_optimizers.make(canonical_json({"name": name, **settings}), model, ".")


def moved(model: nn.ParameterList, rule: Any, clip_norm: float | None, pairs: bool = False) -> list[Tensor]:
    """The parameters after training on fixed gradients, complex ones as pairs."""
    for rate, grads in zip(RATES, gradients(torch.complex128), strict=True):
        for p, g in zip(model, grads, strict=True):
            p.grad = (_pair(g) if pairs else g).clone()
        norm = rule.collect()
        expected = torch.stack([_pair(g).square().sum() for g in grads]).sum().sqrt()
        assert norm.item() == pytest.approx(expected.item(), rel=1e-12)
        rule.update(rate, None if clip_norm is None else (clip_norm / norm).clamp(max=1.0))
    return [_pair(p.detach()) for p in model]


def trained_by_torch(model: nn.ParameterList, optimizer: torch.optim.Optimizer) -> list[Tensor]:
    for rate, grads in zip(RATES, gradients(torch.complex128), strict=True):
        for p, g in zip(model, grads, strict=True):
            p.grad = g.clone()
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
    return [_pair(p.detach()) for p in model]


@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("sgd", {"weight_decay": 0.1}),
        ("momentum", {"momentum": 0.9, "weight_decay": 0.1}),
        ("nesterov", {"momentum": 0.9}),
        ("rmsprop", {"rho": 0.9, "momentum": 0.5, "eps": 1e-3, "weight_decay": 0.1}),
        ("adam", {"betas": [0.9, 0.99], "eps": 1e-3, "weight_decay": 0.1}),
        ("nadam", {"betas": [0.9, 0.99], "eps": 1e-3}),
    ],
)
def test_a_complex_parameter_is_a_pair_of_real_ones(name: str, settings: Any, clip_norm: float | None) -> None:
    model, pairs = model_of(torch.complex128), as_pairs(model_of(torch.complex128))
    expected = moved(pairs, made(pairs, name, **settings), clip_norm, pairs=True)
    for mine, other in zip(moved(model, made(model, name, **settings), clip_norm), expected, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)


def rms_prop_from_ones(params: list[nn.Parameter]) -> torch.optim.Optimizer:
    """torch's RMSprop, whose mean square starts at 1 in both parts, as the playbook's does."""
    optimizer = torch.optim.RMSprop(params, alpha=0.9, momentum=0.0, eps=0.0)
    for p in params:
        ones = torch.complex(*[torch.ones_like(p.real)] * 2) if p.is_complex() else torch.ones_like(p)
        optimizer.state[p] = {"step": torch.zeros(()), "square_avg": ones}
    return optimizer


@pytest.mark.parametrize(
    ("name", "settings", "torchs"),
    [
        ("momentum", {"momentum": 0.9}, lambda p: torch.optim.SGD(p, momentum=0.9)),
        ("nesterov", {"momentum": 0.8}, lambda p: torch.optim.SGD(p, momentum=0.8, nesterov=True)),
        ("adam", {"betas": [0.9, 0.99], "eps": 1e-300}, lambda p: torch.optim.Adam(p, betas=(0.9, 0.99), eps=0.0)),
        ("adamw", {"weight_decay": 0.2}, lambda p: torch.optim.AdamW(p, weight_decay=0.2)),
        ("rmsprop", {"rho": 0.9, "momentum": 0.0, "eps": 1e-300}, rms_prop_from_ones),
    ],
)
def test_same_as_torch(
    name: str, settings: dict[str, Any], torchs: Callable[[list[nn.Parameter]], torch.optim.Optimizer]
) -> None:
    ours, theirs = model_of(torch.complex128), model_of(torch.complex128)
    expected = trained_by_torch(theirs, torchs(list(theirs)))
    for mine, other in zip(moved(ours, made(ours, name, **settings), None), expected, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-12)


def test_the_first_step_of_nadam_is_that_of_torch_up_to_its_momentum_schedule() -> None:
    """In the first update every part moves by the same length, towards where its own gradient points."""
    p = nn.Parameter(torch.zeros(2, dtype=torch.complex128))
    model = nn.ParameterList([p])
    rule = made(model, "nadam", betas=[0.9, 0.999], eps=1e-8)
    p.grad = torch.tensor([3 - 0.1j, -2e-3 + 5j], dtype=torch.complex128)
    rule.collect()
    rule.update(0.1, None)
    steps = torch.view_as_real(p.detach())
    assert torch.equal(steps.sign(), -torch.view_as_real(p.grad).sign())
    torch.testing.assert_close(steps.abs(), torch.full_like(steps, steps.abs().max().item()), rtol=1e-3, atol=0.0)


def test_lazy_conjugates_and_missing_gradients() -> None:
    model = model_of(torch.complex128)
    rule = made(model, "sgd")
    before = [p.detach().clone() for p in model]
    model[0].grad = torch.ones(3, 2, dtype=torch.complex128).mul(1 + 2j).conj()
    rule.collect()
    rule.update(0.5, None)
    torch.testing.assert_close(model[0].detach(), before[0] - 0.5 * (1 - 2j))
    assert torch.equal(model[1].detach(), before[1])
