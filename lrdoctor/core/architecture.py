"""What a model is made of, as one pass over one real batch showed it: plain values, so that judging needs no torch.

Only the operations that ran for this batch are known. What could not be looked into is counted as unknown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

DEEP = 8
"""Layers with weights up to which a model needs neither residual connections nor norms. AlexNet, at 8, did without;
VGG, at 16 to 19, was trained in stages before there were norms."""

Skip = Literal["identity", "projection"]


@dataclass(frozen=True, kw_only=True)
class Site:
    """One residual add: the sum of a skip and a branch, x + f(x)."""

    where: str
    """file:line of the add."""
    module: str
    """Path of the module that the add ran in; "" for the model itself."""
    skip: Skip
    """A projection is a linear layer, or convolutions one behind the other, on the skip."""
    branch_scale: float | None
    """rms(f(x)) / rms(x) before any update; None where it cannot be measured."""
    last_operation: str
    """Of the branch, views, dropout, scales and pooling left out: norm, linear, conv2d, attention, relu, add, ..."""
    post_norm: bool
    """Whether the sum itself is normalized: Norm(x + f(x))."""
    call: int
    """0 for the first time that this place of this module ran, as blocks that are shared run again."""
    gate: str | None
    """Name of a parameter that scales the branch (LayerScale, ReZero)."""
    norm: str | None
    """Path of the module that normalizes the sum; None where nothing does, or no module."""
    zeroable: tuple[str, ...]
    """Parameters that make the branch 0 when they are, and from which it still learns; empty where none may be 0."""
    why_not: str
    """Why there are none; empty where there are."""
    is_dead: bool
    """Whether the branch is 0 and nothing on it has a gradient, though the sum has one."""
    is_probable: bool
    """Whether other readings are possible: a skip with a projection, a branch that is itself a sum."""

    @property
    def is_zero(self) -> bool:
        """Whether the branch adds nothing before the first update."""
        return self.branch_scale == 0

    @property
    def is_norm_last(self) -> bool:
        return self.last_operation == "norm"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large the signal is at one layer of the chain that the residual branches hang on."""

    module: str
    operation: str
    """"sum" for a residual add."""
    activation: float | None
    """Root mean square of the output."""
    gradient: float | None
    """L2 norm of the loss gradient of the output, which the size of a layer does not change as it does the mean's."""
    site: int | None = None
    """Of a residual add, its place in `Architecture.sites`; None for a layer."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What the recorder saw of a model."""

    sites: tuple[Site, ...]
    """In the order in which they ran."""
    depth_outside_residuals: int
    """Layers with weights on the longest way through the model that takes every skip."""
    distinct_outside_residuals: int
    """How many of the layers outside the branches have weights of their own: a recurrence uses its again."""
    depth_without_norm: int
    """Layers with weights on the longest stretch without a normalization."""
    distinct_without_norm: int
    """Layers with weights of their own that have no normalization between them and the input."""
    n_norms: int
    chain: tuple[Scale, ...]
    """The layers outside the branches and the residual sums, in the order in which they ran."""
    unknown: tuple[str, ...]
    """Where tensors came from that no seen operation made: what happened there is not known."""
    mode: Literal["train", "eval"]
    loss: float
    n_operations: int

    @property
    def post_norm_sites(self) -> tuple[Site, ...]:
        return tuple(site for site in self.sites if site.post_norm)

    @property
    def zero_sites(self) -> tuple[Site, ...]:
        return tuple(site for site in self.sites if site.is_zero)

    @property
    def activation_growth(self) -> float | None:
        """Root mean square at the end of the chain / at its beginning."""
        return _growth([scale.activation for scale in self.chain])

    @property
    def gradient_growth(self) -> float | None:
        """Gradient norm at the beginning of the chain / at its end: the way that the gradient goes."""
        return _growth([scale.gradient for scale in reversed(self.chain)])


@dataclass(frozen=True, kw_only=True)
class Sharpness:
    """The largest eigenvalue of the loss Hessian at initialization, on one batch."""

    top_eigenvalue: float
    n_iterations: int
    is_converged: bool
    """Whether the residual of the eigenvalue is small; else it is a lower bound."""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a look at a model brought, in full or in part."""

    model: Architecture | None
    failure: str
    """Why nothing is known of the model; empty where something is."""
    sharpness: Sharpness | None = None
    """None where it was not asked for, or not measured."""
    sharpness_failure: str = ""
    """Why it was not, though asked for."""
    n_parameters: int = 0
    """Trainable numbers of the model."""


def _growth(values: Sequence[float | None]) -> float | None:
    """The last known value over the first; those that are 0 or not finite tell nothing of a scale."""
    known = [value for value in values if value and math.isfinite(value)]
    return known[-1] / known[0] if len(known) > 1 else None


def places(sites: Sequence[Site], most: int = 3) -> str:
    """Where the sites are, in words: each line of source once, with the first module that ran it."""
    lines: dict[str, list[str]] = {}
    for site in sites:
        modules = lines.setdefault(site.where, [])
        if site.module not in modules:
            modules.append(site.module)
    named = [f"{where}{in_modules(modules)}" for where, modules in lines.items()]
    rest = len(named) - most
    return ", ".join(named[:most]) + (f" and {rest} more lines" if rest > 0 else "")


def in_modules(modules: Sequence[str]) -> str:
    """
    >>> in_modules(["blocks.0", "blocks.1"]), in_modules([""])
    (' (blocks.0 and 1 more)', '')
    """
    if list(modules) == [""]:
        return ""
    more = f" and {len(modules) - 1} more" if len(modules) > 1 else ""
    return f" ({modules[0]}{more})"
