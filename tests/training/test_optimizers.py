from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import update_rules_reference as reference
from torch import Tensor, nn

from lrdoctor.core.trial import canonical_json
from lrdoctor.training import torch_optimizers
from lrdoctor.training.optimizers import Optimizer

SETTINGS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.8},
    "rmsprop": {"rho": 0.9, "momentum": 0.7, "eps": 1e-3},
    "adam": {"betas": [0.9, 0.99], "eps": 1e-3},
    "nadam": {"betas": [0.8, 0.95], "eps": 1e-3},
}
"""eps is large, so that its place in the formula shows."""

RATES = [0.0, *(0.03 * (1 + step % 3) for step in range(19))]
"""Changing, so that eta inside a momentum buffer and eta outside of it differ."""


class Odd(nn.Module):
    """Parameters of several shapes: a matrix, a scalar, a column, an image kernel."""

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        torch.manual_seed(0)
        for i, shape in enumerate([(3, 4), (), (5, 1), (2, 1, 3, 3)]):
            setattr(self, f"p{i}", nn.Parameter(torch.randn(shape, dtype=dtype)))

    def forward(self, x: Tensor) -> Tensor:
        return sum(((p - x) ** 2).sum() ** 1.1 for p in self.parameters())  # type: ignore[return-value]


def make(model: nn.Module, name: str, **settings: Any) -> Optimizer:
    return torch_optimizers.make(canonical_json({"name": name, **settings}), model, ".")


def flat(model: nn.Module) -> np.ndarray:
    return np.concatenate([p.detach().double().numpy().reshape(-1) for p in model.parameters()])


def set_gradients(model: nn.Module, g: np.ndarray) -> None:
    pieces = torch.tensor(g).split([p.numel() for p in model.parameters()])
    for p, piece in zip(model.parameters(), pieces, strict=True):
        p.grad = piece.view(p.shape).to(p.dtype)


def random_gradients(n: int, size: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=size) * 10.0 ** rng.uniform(-3, 1) for _ in range(n)]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("name", SETTINGS)
def test_rules_follow_the_formulas(name: str, weight_decay: float) -> None:
    model = Odd()
    settings = {**SETTINGS[name], "weight_decay": weight_decay}
    gradients = random_gradients(len(RATES), flat(model).size)
    expected = reference.trajectory(name, flat(model), gradients, RATES, settings)
    rule = make(model, name, **settings)
    for step, (theta, g, eta) in enumerate(zip(expected, gradients, RATES, strict=True)):
        set_gradients(model, g)
        assert rule.collect().item() == pytest.approx(np.linalg.norm(g), rel=1e-14)
        rule.update(eta, None)
        np.testing.assert_allclose(flat(model), theta, rtol=1e-12, atol=1e-12, err_msg=f"step {step}")


def train(model: nn.Module, step: Callable[[float], None], rates: list[float]) -> np.ndarray:
    for i, eta in enumerate(rates):
        model.zero_grad()
        model(torch.tensor(0.1 * i, dtype=torch.float64)).backward()
        step(eta)
    return flat(model)


def train_rule(model: nn.Module, rule: Optimizer, rates: list[float]) -> np.ndarray:
    def step(eta: float) -> None:
        rule.collect()
        rule.update(eta, None)

    return train(model, step, rates)


def train_torch(model: nn.Module, torch_optimizer: torch.optim.Optimizer, rates: list[float]) -> np.ndarray:
    def step(eta: float) -> None:
        for group in torch_optimizer.param_groups:
            group["lr"] = eta
        torch_optimizer.step()

    return train(model, step, rates)


SLOW = [0.01 * rate for rate in RATES]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("name", "torchs"),
    [
        ("sgd", lambda p, d: torch.optim.SGD(p, weight_decay=d)),
        ("momentum", lambda p, d: torch.optim.SGD(p, momentum=0.9, weight_decay=d)),
        ("nesterov", lambda p, d: torch.optim.SGD(p, momentum=0.8, nesterov=True, weight_decay=d)),
    ],
)
def test_same_as_torch(name: str, torchs: Any, weight_decay: float) -> None:
    ours, theirs = Odd(), Odd()
    rule = make(ours, name, **SETTINGS[name], weight_decay=weight_decay)
    expected = train_torch(theirs, torchs(theirs.parameters(), weight_decay), SLOW)
    np.testing.assert_allclose(train_rule(ours, rule, SLOW), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "torchs"),
    [
        ("rmsprop", lambda p: torch.optim.RMSprop(p, alpha=0.9, momentum=0.7, eps=1e-3)),
        ("adam", lambda p: torch.optim.Adam(p, betas=(0.9, 0.99), eps=1e-3)),
        ("nadam", lambda p: torch.optim.NAdam(p, betas=(0.8, 0.95), eps=1e-3)),
    ],
)
def test_not_the_same_as_torch(name: str, torchs: Any) -> None:
    """The source's rules differ from torch's by more than rounding; their docstrings say how."""
    ours, theirs = Odd(), Odd()
    expected = train_torch(theirs, torchs(theirs.parameters()), RATES)
    actual = train_rule(ours, make(ours, name, **SETTINGS[name]), RATES)
    assert np.abs(actual - expected).max() > 1e-6
    np.testing.assert_allclose(actual, expected, atol=5.0)


def test_adam_with_no_eps_is_torchs() -> None:
    ours, theirs = Odd(), Odd()
    expected = train_torch(theirs, torch.optim.Adam(theirs.parameters(), betas=(0.9, 0.99), eps=0.0), RATES)
    actual = train_rule(ours, make(ours, "adam", betas=[0.9, 0.99], eps=0.0), RATES)
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


CURVATURE = 3.0
START = 1e-20
"""So small that Adam's correction of its first steps leaves the loss far below 1 while it grows."""


@pytest.mark.parametrize(
    ("name", "settings", "limit"),
    [
        ("sgd", {}, 2.0),
        ("momentum", {"momentum": 0.0}, 2.0),
        ("momentum", {"momentum": 0.9}, 2 * 1.9),
        ("momentum", {"momentum": 0.5}, 2 * 1.5),
        ("nesterov", {"momentum": 0.9}, 2 * 1.9 / 2.8),
        ("nesterov", {"momentum": 0.5}, 2 * 1.5 / 2.0),
        # with the second moment pinned by eps the denominator is eps: Adam on the preconditioned curvature
        ("adam", {"betas": [0.9, 0.0], "eps": 1e6}, 38.0 * 1e6),
        ("adam", {"betas": [0.5, 0.0], "eps": 1e6}, 6.0 * 1e6),
    ],
)
def test_stability_limits_on_a_quadratic(name: str, settings: dict[str, Any], limit: float) -> None:
    """loss = curvature * x^2 / 2 shrinks just below eta * curvature = limit and grows just above it."""
    ends = {}
    for share in (0.99, 1.01):
        model = nn.ParameterList([nn.Parameter(torch.tensor([START], dtype=torch.float64))])
        rule = make(model, name, **settings)
        for _ in range(4000):
            model[0].grad = CURVATURE * model[0].detach()
            rule.collect()
            rule.update(share * limit / CURVATURE, None)
            if not 0 < abs(model[0].item()) < 1e3:
                break
        ends[share] = abs(model[0].item())
    assert ends[0.99] < START < 1.0 < ends[1.01]


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_gradients_are_clipped_before_weight_decay_is_added(name: str) -> None:
    """The norm that is limited is that of the loss's gradient; the decay is the same however much is clipped."""
    ours, reference_ = Odd(), Odd()
    (g,) = random_gradients(1, flat(ours).size)
    rule, plain = (make(model, name, **SETTINGS[name], weight_decay=0.5) for model in (ours, reference_))
    for model, optimizer, gradient, scale in ((ours, rule, g, 0.25), (reference_, plain, 0.25 * g, None)):
        set_gradients(model, gradient)
        optimizer.collect()
        optimizer.update(0.1, None if scale is None else torch.tensor(scale, dtype=torch.float64))
    np.testing.assert_allclose(flat(ours), flat(reference_), rtol=1e-12)
