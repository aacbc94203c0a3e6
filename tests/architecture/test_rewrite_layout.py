"""Which dimension an added norm takes for the features."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from small_nets import WIDTH, square
from torch import Tensor, nn

from lrdoctor.architecture import rewrite


class Branch(nn.Module):
    """x + f(x) for any f; a first layer, so that x is no input."""

    def __init__(self, layer: nn.Module, form: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.form, self.first = layer, form, nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.first
        return x + self.form(self.layer, x)


def linear(n: int = WIDTH) -> nn.Module:
    return nn.Linear(n, n)


CASES: list[tuple[str, nn.Module, Callable[[nn.Module, Tensor], Tensor], tuple[int, ...], str]] = [
    ("vectors", linear(), lambda f, x: f(x), (4, WIDTH), "nn.LayerNorm(16)"),
    ("sequences", linear(), lambda f, x: f(x).tanh(), (4, 5, WIDTH), "nn.LayerNorm(16)"),
    ("flat and back", linear(), lambda f, x: f(x.view(-1, WIDTH)).view(x.shape), (4, 5, WIDTH), "nn.LayerNorm(16)"),
    ("cut", nn.Linear(WIDTH, 20), lambda f, x: f(x)[..., :WIDTH].tanh(), (4, 5, WIDTH), "nn.LayerNorm(16)"),
    ("over positions", linear(5), lambda f, x: f(x.mT).mT.tanh(), (4, 5, WIDTH), "nn.LayerNorm(16)"),
    ("images", nn.Conv2d(6, 6, 3, 1, 1), lambda f, x: f(x), (4, 6, 8, 8), "nn.GroupNorm(1, 6)"),
    ("signals", nn.Conv1d(6, 6, 3, 1, 1), lambda f, x: f(x).relu(), (4, 6, 8), "nn.GroupNorm(1, 6)"),
    ("volumes", nn.ConvTranspose3d(6, 6, 1), lambda f, x: f(x), (2, 6, 3, 3, 3), "nn.GroupNorm(1, 6)"),
    ("channels moved", linear(6), lambda f, x: f(x.movedim(1, -1)).movedim(-1, 1), (4, 6, 8, 8), "nn.GroupNorm(1, 6)"),
    ("channels last", linear(6), lambda f, x: f(x), (4, 8, 8, 6), "nn.LayerNorm(6)"),
    ("sequence of a convolution", nn.Conv1d(6, 6, 1), lambda f, x: f(x.mT).mT, (4, 8, 6), "nn.LayerNorm(6)"),
]


@pytest.mark.parametrize(("layer", "form", "shape", "norm"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_norm_that_is_added(layer: nn.Module, form: object, shape: tuple[int, ...], norm: str) -> None:
    torch.manual_seed(0)
    done = rewrite(Branch(layer, form), torch.randn(shape), square, "add_norm")  # type: ignore[arg-type]
    assert (done.n_sites, done.failure, done.refused) == (1, "", ())
    assert done.edits[0].what == f"{norm} behind the branch"


@pytest.mark.parametrize(
    ("layer", "form", "shape", "why"),
    [
        (nn.Linear(1, 1), lambda f, x: f(x), (4, 5, 1), "one feature"),
        (linear(20), lambda f, x: f(x.flatten(1)).view(x.shape), (4, 5, 4), "reshaped"),
        (linear(1), lambda f, x: f(x[:, None])[:, 0], (8,), "no dimension of features"),
    ],
)
def test_where_the_features_cannot_be_told(
    layer: nn.Module, form: Callable[[nn.Module, Tensor], Tensor], shape: tuple[int, ...], why: str
) -> None:
    torch.manual_seed(0)
    done = rewrite(Branch(layer, form), torch.randn(shape), square, "add_norm")
    assert done.n_sites == 0
    assert why in done.refused[0].why
