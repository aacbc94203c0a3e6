"""The norm of gradients by each of the ways that it is measured in: torch's own value."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from lrdoctor.recording.norms import SMALL, are_small, total_norm


def linear() -> list[nn.Parameter]:
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    model(torch.ones(4, 3)).square().sum().backward()
    return list(model.parameters())


def sparse() -> list[nn.Parameter]:
    model = nn.Embedding(6, 3, sparse=True)
    model(torch.tensor([1, 1, 4])).square().sum().backward()
    return list(model.parameters())


def channels_last() -> list[nn.Parameter]:
    model = nn.Conv2d(2, 3, 2)
    model.weight.data = model.weight.data.to(memory_format=torch.channels_last)
    model(torch.ones(1, 2, 4, 4)).square().sum().backward()
    return list(model.parameters())


def some_without() -> list[nn.Parameter]:
    return [nn.Parameter(torch.ones(2)), *linear()]


def two_kinds() -> list[nn.Parameter]:
    return [*linear(), *(nn.Parameter(p.detach().double()) for p in linear())]


def many() -> list[nn.Parameter]:
    found = nn.Parameter(torch.zeros(SMALL + 1))
    found.grad = torch.full_like(found, 0.5)
    return [found]


@pytest.mark.parametrize(
    ("make", "is_small"),
    [(linear, True), (sparse, True), (channels_last, True), (some_without, True), (two_kinds, False), (many, False)],
)
def test_the_norm_is_that_of_the_gradients_as_one_vector(
    make: Callable[[], list[nn.Parameter]], is_small: bool
) -> None:
    torch.manual_seed(0)
    parameters = make()
    dense = [p.grad.to_dense() if p.grad.is_sparse else p.grad for p in parameters if p.grad is not None]
    wanted = torch.cat([g.double().reshape(-1) for g in dense]).norm().item()
    assert are_small(parameters) is is_small
    for way in {is_small, False}:
        norm = total_norm(parameters, None, way)
        assert norm is not None
        assert norm.item() == pytest.approx(wanted, rel=1e-6)


def test_parameters_without_gradients_have_no_norm() -> None:
    assert total_norm([nn.Parameter(torch.ones(2))], None, True) is None
    assert not are_small([])
