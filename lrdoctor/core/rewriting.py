"""What can be changed in a copy of a model without its author, as plain values, so that judging needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from lrdoctor.core.architecture import Architecture

Rewrite = Literal["zero_init", "rezero", "move_norm", "add_norm"]

REWRITES: tuple[Rewrite, ...] = get_args(Rewrite)

SLOW: frozenset[Rewrite] = frozenset({"rezero"})
"""What learns slowly at first, since nothing behind a factor of 0 has a gradient before the factor has moved."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One line of source whose residual adds were changed, and how its author would change it."""

    where: str
    """file:line of the add."""
    modules: tuple[str, ...]
    """Paths of the modules that ran this line; "" for the model itself."""
    what: str
    """What was done to the copy, in words."""
    source: str
    """The change of the source, a few lines of Python."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One residual site that was left as it is."""

    where: str
    module: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Rewriting:
    """What a rewrite did to a copy of the model."""

    name: Rewrite
    edits: tuple[Edit, ...]
    refused: tuple[Refusal, ...]
    n_sites: int
    """Residual sites changed, as the recorder counts them."""
    after: Architecture | None
    """The changed model, recorded again; None where nothing was changed."""
    note: str = ""
    """What the user should know of the changed model; may be empty."""
    failure: str = ""
    """Why the rewrite as a whole is refused; empty where it was made, or where there was nothing to change."""

    @property
    def is_made(self) -> bool:
        return self.n_sites > 0 and not self.failure


@dataclass(frozen=True, kw_only=True)
class Possible:
    """What can be changed in a model, each change tried on a copy of its own."""

    model: Architecture | None
    """The model as it is; None where it could not be looked at."""
    failure: str = ""
    """Why not; empty where it could."""
    rewritings: Mapping[Rewrite, Rewriting] = field(default_factory=dict)
    """Of a model with residual adds."""
