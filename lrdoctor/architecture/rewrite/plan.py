"""What a rewrite is going to do, as plain values: names and places, no modules and no tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lrdoctor.architecture.call_sites import Span
from lrdoctor.architecture.graph import Key
from lrdoctor.core.rewriting import Rewriting


class Place(NamedTuple):
    """One add in one module's forward pass; a shared block comes to it again and again."""

    module: str
    file: str
    line: int
    span: Span
    within: int
    """See `graph.Key`."""


def place_of(key: Key) -> Place:
    return Place(key.module, key.file, key.line, key.span, key.within)


class Zero(NamedTuple):
    """Parameters that are set to 0."""

    parameters: tuple[str, ...]


class Gate(NamedTuple):
    """A new factor that starts at 0."""

    name: str
    """In the module that adds."""
    like: str
    """A parameter of the branch, whose type and device it has."""


class NewNorm(NamedTuple):
    """A new norm with a weight and a bias."""

    name: str
    """What the names of both start with, in the module that adds."""
    like: str
    size: int
    """Features: of the second dimension, which are normalized together with all behind it, or of the last one."""
    is_channels_first: bool


class MovedNorm(NamedTuple):
    """The norm of the sum, which normalizes the branch instead."""

    norm: str
    """Path of the module."""


What = Zero | Gate | NewNorm | MovedNorm


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is done to one branch."""

    place: Place
    operand: int
    """Which operand of the add the branch is."""
    end: str | None
    """Path of the module whose result is the branch, and is used for nothing else; None where there is none."""
    what: What


@dataclass(frozen=True, kw_only=True)
class RewritePlan:
    """A rewrite that was verified, to be applied to fresh models of the same kind."""

    changes: tuple[Change, ...]
    rewriting: Rewriting
