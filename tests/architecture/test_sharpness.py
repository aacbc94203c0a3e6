"""The top of the Hessian's spectrum against what is known or computed in full."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_nets import GPT, WIDTH, ids, square
from torch import Tensor, nn

from lrdoctor.architecture import sharpness
from lrdoctor.architecture.sharpness import Settings, lanczos


class Quadratic(nn.Module):
    """loss = sum of curvature / 2 * p^2."""

    def __init__(self, curvatures: list[float]) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.ones(len(curvatures)))
        self.curvatures = torch.tensor(curvatures)

    def forward(self, x: Tensor) -> Tensor:
        return (self.curvatures * self.p.square() / 2).sum()


@pytest.mark.parametrize(
    ("curvatures", "top"),
    [([3.0], 3.0), ([1.0, 2.0, 5.0], 5.0), ([-9.0, 1.0, 4.0], 4.0), ([2.0, 2.0, 2.0], 2.0), ([-3.0, -1.0], -1.0)],
)
def test_the_largest_curvature_of_a_quadratic_not_the_steepest(curvatures: list[float], top: float) -> None:
    found = sharpness(Quadratic(curvatures), None, lambda model, batch: model(batch))
    assert found.top_eigenvalue == pytest.approx(top, rel=1e-4)
    assert found.is_converged
    assert found.n_iterations <= len(curvatures)


def full_hessian_top(model: nn.Module, batch: Any) -> float:
    params = dict(model.named_parameters())
    sizes = [p.numel() for p in params.values()]

    def loss(flat: Tensor) -> Tensor:
        parts = dict(zip(params, flat.split(sizes), strict=True))
        shaped = {name: part.view_as(params[name]) for name, part in parts.items()}
        return torch.func.functional_call(model, shaped, (batch,)).pow(2).mean()

    flat = torch.cat([p.detach().flatten() for p in params.values()])
    return float(torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, flat))[-1])


def test_against_the_whole_hessian() -> None:
    torch.manual_seed(0)
    model, batch = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.LayerNorm(6), nn.Linear(6, 2)), torch.randn(8, 4)
    found = sharpness(model, batch, square)
    assert found.is_converged
    assert found.top_eigenvalue == pytest.approx(full_hessian_top(model, batch), rel=0.02)


def test_fused_attention_has_a_second_derivative_too() -> None:
    torch.manual_seed(0)
    found = sharpness(GPT(), ids(), square)
    assert found.is_converged
    assert found.top_eigenvalue > 0


def test_a_loss_without_curvature() -> None:
    found = sharpness(nn.Linear(WIDTH, 1), torch.randn(2, WIDTH), lambda model, batch: model(batch).sum())
    assert (found.top_eigenvalue, found.is_converged) == (0.0, True)


def test_too_few_iterations_are_said_to_be_so() -> None:
    matrix = torch.diag(torch.linspace(0, 1, 50))
    start = [torch.ones(50)]
    few = lanczos(lambda v: [matrix @ v[0]], start, Settings(most_iterations=3, tolerance=1e-6))
    assert not few.is_converged
    assert few.top_eigenvalue < 1
    many = lanczos(lambda v: [matrix @ v[0]], start, Settings(most_iterations=49, tolerance=1e-3))
    assert many.top_eigenvalue == pytest.approx(1, rel=1e-3)


def test_a_curvature_that_is_not_finite() -> None:
    found = lanczos(lambda v: [v[0] * float("nan")], [torch.ones(2)], Settings())
    assert not found.is_converged
    assert found.n_iterations == 1
