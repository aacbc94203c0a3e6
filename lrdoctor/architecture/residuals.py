"""Residual sites: sums x + f(x) in a recorded graph.

A sum of two activations is a residual add when one of them, walked back over views, dropout, scales, sums with
constants, earlier residual adds and at most one projection (a linear layer, or convolutions one behind the other),
comes to something that the other one depends on, with a layer or a norm on the way that the skip has not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lrdoctor.architecture import operations as ops
from lrdoctor.architecture.graph import Graph, Node

TWO_LAYERS = 2
"""Layers from which a branch is more than a projection, also where its activations are not seen: some norms hold them
inside."""


@dataclass(frozen=True)
class Residual:
    """One residual add of a graph, by nodes."""

    add: int
    skip: int
    """The operand on the skip."""
    branch: int
    """The other one."""
    source: int
    """Where the two part."""
    projected: bool
    own: frozenset[int]
    """Nodes that lie on the branch alone."""


def residuals(graph: Graph) -> dict[int, Residual]:
    """The residual adds by their node, in the order in which they ran."""
    consumers = graph.consumers()
    found: dict[int, Residual] = {}
    for node in graph.nodes:
        taken = graph.activations(node)
        if node.operation not in ops.ADD or len(taken) != 2 or not node.shape or _is_score(graph, node, consumers):
            continue
        first, second = taken
        readings = [*_readings(graph, node, first, second, found), *_readings(graph, node, second, first, found)]
        if readings:
            # the skip without a projection, and the shorter one
            found[node.index] = min(readings, key=lambda each: each[0])[1]
    for add in _summands(graph, found):
        del found[add]
    return found


def _summands(graph: Graph, found: Mapping[int, Residual]) -> set[int]:
    """The adds that look like sums with a projected skip and are the sum of the parts of a branch, f(x) + g(x)."""
    ends = (end_of_branch(graph, residual).operation.index for residual in found.values() if not residual.projected)
    return {end for end in ends if end in found and found[end].projected}


def _is_score(graph: Graph, node: Node, consumers: list[list[int]]) -> bool:
    """Whether the sum is only squashed: attention scores with a bias, gates of a recurrence."""
    readers = [graph[i] for i in consumers[node.index]]
    return bool(readers) and all(reader.operation in ops.SQUASHES for reader in readers)


def _readings(
    graph: Graph, node: Node, skip: int, branch: int, found: dict[int, Residual]
) -> Iterator[tuple[tuple[bool, int], Residual]]:
    """The add with this operand as its skip, where it can be one, and how far-fetched that is."""
    if graph[skip].shape != node.shape:
        return
    for distance, (source, projected) in enumerate(_back(graph, skip, found)):
        way = graph.between(source, branch) if source < branch else set()
        if way:
            own = way - graph.behind(skip, source)
            if _is_branch(graph, own, projected):
                residual = Residual(node.index, skip, branch, source, projected, frozenset(own))
                yield (projected, distance), residual
            return


def _is_branch(graph: Graph, own: set[int], projected: bool) -> bool:
    """Whether these nodes do something that a skip does not: beside a projection, more than another projection does."""
    nodes = [graph[i] for i in own]
    layers = sum(node.is_weight for node in nodes)
    if projected and layers < TWO_LAYERS and all(_is_linear(graph, node) for node in nodes):
        return False
    return bool(layers) or any(node.is_norm or node.operation in ops.TRANSFORM for node in nodes)


def _is_linear(graph: Graph, node: Node) -> bool:
    return node.is_norm or _is_projection(graph, node) or graph.through(node, whole=False) is not None


def _back(graph: Graph, start: int, found: dict[int, Residual]) -> Iterator[tuple[int, bool]]:
    """The nodes that a skip may come from, nearest first, and whether a projection lies between."""
    i, projected, convolved = start, False, False
    while True:
        yield i, projected
        node = graph[i]
        passed = graph.through(node, whole=True)
        taken = graph.activations(node)
        if passed is not None:
            i = passed
        elif i in found:
            i = found[i].skip
        elif len(taken) != 1 or (projected and not convolved):
            return
        elif node.is_norm and _is_projection(graph, graph[taken[0]]):
            i = taken[0]  # the norm of a projected skip
        elif _is_projection(graph, node) and not (projected and node.operation not in ops.CONVOLUTION):
            i, projected, convolved = taken[0], True, node.operation in ops.CONVOLUTION
        else:
            return


def _is_projection(graph: Graph, node: Node) -> bool:
    return node.is_weight and node.operation not in ops.RECURRENT and len(graph.activations(node)) == 1


def norm_of_sum(graph: Graph, residual: Residual, found: dict[int, Residual], consumers: list[list[int]]) -> int | None:
    """The norm that alone reads the sum, when the stream goes on from it: Norm(x + f(x)).

    The norm at the end of all blocks is none.
    """
    norm = _sole_norm(graph, residual.add, consumers)
    if norm is None:
        return None
    goes_on = any(other.source == norm and not other.projected for other in found.values())
    same_module = graph[norm].module == graph[residual.add].module
    return norm if goes_on or (same_module and not _begins_with_norm(graph, residual)) else None


def _begins_with_norm(graph: Graph, residual: Residual) -> bool:
    """Whether the branch has its norm in front: one behind the sum, at the end of a model, is then another one."""
    return any(graph[i].is_norm and residual.source in graph[i].inputs for i in residual.own)


def _sole_norm(graph: Graph, start: int, consumers: list[list[int]]) -> int | None:
    i = start
    while True:
        readers = [j for j in consumers[i] if graph[j].operation not in ops.NO_ACTIVATION]
        if len(readers) != 1:
            return None
        reader = graph[readers[0]]
        if reader.is_norm:
            return reader.index
        if graph.through(reader, whole=True) is None:
            return None
        i = reader.index


@dataclass(frozen=True)
class End:
    """How a branch ends."""

    operation: Node
    """The last one that is neither view nor scale."""
    gates: tuple[Node, ...]
    """The scales behind it that take a parameter, the last one first."""

    @property
    def gate(self) -> str | None:
        """Name of the parameter that scales the branch."""
        return self.gates[0].params[0] if self.gates else None


def end_of_branch(graph: Graph, residual: Residual) -> End:
    """The branch walked back to the last operation that does something of its own."""
    return end_behind(graph, residual.branch, residual.source)


def end_behind(graph: Graph, i: int, source: int) -> End:
    """The last operation that does something of its own on the way from a source to the node `i`."""
    gates = []
    while i > source:
        node = graph[i]
        passed = graph.through(node, whole=False)
        if passed is None or passed < source:
            break
        if node.operation in ops.SCALE and node.params:
            gates.append(node)
        i = passed
    return End(graph[i], tuple(gates))
