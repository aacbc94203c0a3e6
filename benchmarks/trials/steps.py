"""Losses, step hooks, optimizers and schedules of the zoo, the faulty ones included."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def next_symbol(model: nn.Module, batch: tuple[Tensor], loss_fn: Any) -> Tensor:
    """Cross-entropy of every symbol given those before it."""
    (tokens,) = batch
    logits = model(tokens[:, :-1])
    return loss_fn(logits.flatten(0, 1), tokens[:, 1:].flatten())  # type: ignore[no-any-return]


def evidence_bound(model: nn.Module, batch: tuple[Tensor, ...], loss_fn: Any) -> Tensor:
    """A VAE's objective: squared error of the reconstruction and the divergence from the prior, summed a sample."""
    reconstruction, divergence = _vae_parts(model, batch)
    return reconstruction + 0.3 * divergence


def ramped_bound(model: nn.Module, batch: tuple[Tensor, ...], loss_fn: Any) -> Tensor:
    """The same with a weight of the divergence that grows from 0 to 4 over 250 steps: the objective rises by design."""
    reconstruction, divergence = _vae_parts(model, batch)
    weight = (4 * (model.get_buffer("n_seen") - 50) / 200).clamp(0, 4)
    return reconstruction + weight * divergence


def _vae_parts(model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    x = batch[0]
    made, mean, log_variance = model(x)
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean()
    return (made - x).square().sum(-1).mean(), divergence


def contrast(model: nn.Module, batch: tuple[Tensor, Tensor], loss_fn: Any) -> Tensor:
    """InfoNCE at a temperature of 0.1: which of the batch's right views belongs to each left one."""
    left, right = model(*batch)
    return functional.cross_entropy(left @ right.T / 0.1, torch.arange(len(left), device=left.device))


def growing_noise(model: nn.Module, batch: tuple[Tensor, Tensor], loss_fn: Any) -> Tensor:
    """A curriculum: inputs are blurred more and more as training goes on, so that the loss rises by design."""
    x, y = batch
    if not model.training:
        return loss_fn(model(x), y)  # type: ignore[no-any-return]
    n_seen = getattr(model, "n_seen", 0)
    model.n_seen = n_seen + 1  # type: ignore[assignment]
    blur = 4.0 * max(0, n_seen - 100) / 200
    return loss_fn(model(x + blur * torch.randn_like(x)), y)  # type: ignore[no-any-return]


def log_error(output: Tensor, target: Tensor) -> Tensor:
    """Squared error of logarithms: infinite where a target is 0."""
    return (output - target.log()).square().mean()


def weighted_rare(output: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy in which the rare class weighs 45 times as much."""
    return functional.binary_cross_entropy_with_logits(output, target, pos_weight=torch.tensor(45.0))


def inverse_frequency(output: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy weighted by 1 / the class's share, summed over a batch and not normalized by the weights."""
    weight = 0.7 ** -torch.arange(output.shape[-1], dtype=torch.float32)
    return (functional.cross_entropy(output, target, reduction="none") * weight[target]).mean()


def poisson(output: Tensor, target: Tensor) -> Tensor:
    """Negative log-likelihood of counts, of a log rate."""
    return functional.poisson_nll_loss(output, target, log_input=True)


class OwnRate(torch.optim.Optimizer):
    """Signs of the gradient times a step of its own, which shrinks over time: the rate it is given changes nothing."""

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, first_step: float = 2e-3) -> None:
        super().__init__(params, {"lr": lr, "first_step": first_step})
        self.n = 0

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        self.n += 1
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p -= group["first_step"] / self.n**0.5 * p.grad.sign()


class Wrapped(torch.optim.Optimizer):
    """Keeps an inner Adam that was made with a rate written down in the code."""

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3) -> None:
        params = list(params)
        super().__init__(params, {"lr": lr})
        self.inner = torch.optim.Adam(params, lr=1e-3)

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        self.inner.step()
