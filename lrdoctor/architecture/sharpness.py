"""The largest eigenvalue of the loss Hessian, by the Lanczos iteration on products of the Hessian with a vector.

Three vectors of the model's size are held, whatever the number of iterations: vectors that were found before are not
made orthogonal again, which gives copies of the largest eigenvalue and does not change it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from lrdoctor.architecture.look import LossOf, Model
from lrdoctor.architecture.state import kept
from lrdoctor.core.architecture import Sharpness

Vector = Sequence[Tensor]


@dataclass(frozen=True)
class Settings:
    """When the iteration ends."""

    most_iterations: int = 60
    """Products with the Hessian, each about as long as two backward passes. The top eigenvalue of a network stands far
    from the others and is usually found within 20."""
    tolerance: float = 0.01
    """Residual of the eigenvalue, relative to it: two digits are plenty for a learning rate."""
    seed: int = 0
    """Of the first vector."""


def sharpness(model: Model, batch: Any, loss_of: LossOf, settings: Settings | None = None) -> Sharpness:
    """The top of the Hessian's spectrum at the model's present weights, on one batch.

    Dropout draws one mask for the whole measurement. The model is afterwards as it was (see `look`).

    Raises:
        RuntimeError: an operation of the model has no second derivative.
    """
    with kept(model), torch.compiler.set_stance("force_eager"), sdpa_kernel(SDPBackend.MATH):
        params = [p for p in model.parameters() if p.requires_grad]
        gradient = torch.autograd.grad(loss_of(model, batch), params, create_graph=True, allow_unused=True)
        pairs = [(p, g) for p, g in zip(params, gradient, strict=True) if g is not None and g.requires_grad]
        if not pairs:  # the loss is linear in every parameter
            return Sharpness(top_eigenvalue=0.0, n_iterations=0, is_converged=True)
        used, known = [p for p, _ in pairs], [g for _, g in pairs]

        def times_hessian(vector: Vector) -> Vector:
            products = torch.autograd.grad(known, used, vector, retain_graph=True, allow_unused=True)
            return [torch.zeros_like(p) if h is None else h for p, h in zip(used, products, strict=True)]

        return lanczos(times_hessian, _start(used, settings or Settings()), settings or Settings())


def lanczos(times: Callable[[Vector], Vector], start: Vector, settings: Settings) -> Sharpness:
    """The largest eigenvalue of a symmetric matrix.

    Args:
        times: the product of the matrix with a vector.
        start: any vector that is not 0, in as many parts as one likes.
        settings: when to stop.
    """
    vector, before = _scaled(start, 1 / _norm(start)), [torch.zeros_like(t) for t in start]
    diagonal: list[float] = []
    beside: list[float] = []
    top, error = 0.0, float("inf")
    for _ in range(settings.most_iterations):
        product = times(vector)
        diagonal.append(_dot(product, vector))
        beta = beside[-1] if beside else 0.0
        product = [h - diagonal[-1] * v - beta * b for h, v, b in zip(product, vector, before, strict=True)]
        length = _norm(product)
        top, error = _top(diagonal, beside, length)
        if not np.isfinite(top) or error <= settings.tolerance * abs(top):
            break
        beside.append(length)
        vector, before = _scaled(product, 1 / length), list(vector)
    converged = bool(error <= settings.tolerance * abs(top))
    return Sharpness(top_eigenvalue=top, n_iterations=len(diagonal), is_converged=converged)


def _top(diagonal: Sequence[float], beside: Sequence[float], next_beside: float) -> tuple[float, float]:
    """The largest eigenvalue of the tridiagonal matrix, and how far the whole matrix's may be from it."""
    if not np.isfinite([*diagonal, *beside]).all():
        return float("nan"), float("inf")
    matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    values, vectors = np.linalg.eigh(matrix)
    return float(values[-1]), float(next_beside * abs(vectors[-1, -1]))


def _start(params: Sequence[Tensor], settings: Settings) -> Vector:
    # drawn on the CPU, so that every device starts from the same vector
    generator = torch.Generator().manual_seed(settings.seed)
    return [torch.randn(p.shape, generator=generator).to(p) for p in params]


def _dot(one: Vector, other: Vector) -> float:
    return float(sum((a.double() * b.double()).sum() for a, b in zip(one, other, strict=True)))


def _norm(vector: Vector) -> float:
    return math.sqrt(_dot(vector, vector))


def _scaled(vector: Vector, factor: float) -> Vector:
    return [t * factor for t in vector]
