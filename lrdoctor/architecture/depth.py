"""How many layers lie one behind the other, outside the residual branches and without a norm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from lrdoctor.architecture.graph import Graph, Node
from lrdoctor.architecture.residuals import Residual


class Depth(NamedTuple):
    """The longest way."""

    layers: int
    """Operations with weights on it."""
    distinct: int
    """Of these, with weights that no other one on it has."""


def outside_residuals(graph: Graph, found: Mapping[int, Residual]) -> Depth:
    """The longest way that takes the skip at every residual add, and does not end in a branch."""
    inside = {i for residual in found.values() for i in residual.own}
    ends = [node.index for node in graph.nodes if node.index not in inside]
    return _longest(
        graph, lambda node: [found[node.index].skip] if node.index in found else graph.activations(node), ends
    )


def without_norm(graph: Graph) -> Depth:
    """The longest way that no norm interrupts."""
    ends = range(len(graph.nodes))
    return _longest(graph, lambda node: [] if node.is_norm else graph.activations(node), ends)


def _longest(graph: Graph, before: Callable[[Node], list[int]], ends: Sequence[int]) -> Depth:
    length = [0] * len(graph.nodes)
    came_from: list[int | None] = [None] * len(graph.nodes)
    for node in graph.nodes:
        best = max(before(node), key=lambda i: length[i], default=None)
        came_from[node.index] = best
        length[node.index] = (length[best] if best is not None else 0) + int(node.is_weight)
    at: int | None = max(ends, key=lambda i: length[i], default=None)
    layers = length[at] if at is not None else 0
    weights = set()
    while at is not None:
        if graph[at].is_weight:
            weights.add(graph[at].params)
        at = came_from[at]
    return Depth(layers, len(weights))
