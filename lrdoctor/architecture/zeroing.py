"""Which parameters make a residual branch 0 when they are, without stopping it from learning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from lrdoctor.architecture import operations as ops
from lrdoctor.architecture.graph import Graph, Node
from lrdoctor.architecture.residuals import End, Residual, end_behind, end_of_branch

LINEAR_ENDS = ops.WEIGHT - ops.RECURRENT
"""Layers whose result is 0 when their parameters are, and which still learn then."""


class Zeroable(NamedTuple):
    """The parameters to set to 0, or why there are none."""

    names: tuple[str, ...]
    why_not: str = ""


def zeroables(graph: Graph, found: Mapping[int, Residual]) -> dict[int, Zeroable]:
    """For every residual add what makes its branch 0."""
    ends = {add: _ends(graph, residual, found) for add, residual in found.items()}
    last = {node.index for parts in ends.values() for end in parts for node in (end.operation, *end.gates)}
    readers = (node for node in graph.nodes if node.index not in last and not _is_other_shape(node))
    elsewhere = Counter(name for node in readers for name in node.params)
    return {add: _all([_one(end, elsewhere) for end in parts]) for add, parts in ends.items()}


def _is_other_shape(node: Node) -> bool:
    """Whether the node is a parameter itself, in another shape: what takes it has its name too."""
    return not node.is_activation and node.operation in ops.VIEW


def _ends(graph: Graph, residual: Residual, found: Mapping[int, Residual]) -> list[End]:
    """The ends of the parts of which a branch is the sum, f(x) + g(x); of most branches the one end."""
    end = end_of_branch(graph, residual)
    parts = list(_parts(graph, residual, end, found))
    return parts if all(part.operation.index in residual.own for part in parts) else [end]


def _parts(graph: Graph, residual: Residual, end: End, found: Mapping[int, Residual]) -> Iterator[End]:
    taken = graph.activations(end.operation)
    is_sum = end.operation.operation in ops.ADD and len(taken) == 2 and end.operation.index not in found
    if not is_sum or end.gates:
        yield end
        return
    for i in taken:
        yield from _parts(graph, residual, end_behind(graph, i, residual.source), found)


def _all(parts: Sequence[Zeroable]) -> Zeroable:
    refused = [part for part in parts if part.why_not]
    return refused[0] if refused else Zeroable(tuple(dict.fromkeys(name for part in parts for name in part.names)))


def _one(end: End, elsewhere: Counter[str]) -> Zeroable:
    if end.gate is not None:
        return _unless_shared((end.gate,), elsewhere)
    node = end.operation
    if not node.is_norm and node.operation not in LINEAR_ENDS:
        last = ops.in_words(node.operation)
        return Zeroable((), f"its last operation is {last}, and a layer zeroed in front of it may not learn")
    names = _last_names(node)
    if not names:
        return Zeroable((), "its last operation has no parameters")
    return _unless_shared(names, elsewhere)


def _last_names(node: Node) -> tuple[str, ...]:
    if node.operation == "multi_head_attention_forward":
        return tuple(name for name in node.params if ".out_proj." in f".{name}")
    return node.params


def _unless_shared(names: tuple[str, ...], elsewhere: Counter[str]) -> Zeroable:
    shared = [name for name in names if elsewhere[name]]
    return Zeroable((), f"{shared[0]} is used elsewhere too") if shared else Zeroable(names)
