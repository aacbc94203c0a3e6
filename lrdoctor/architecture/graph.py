"""The operations of one pass as a graph: a node for every operation, in the order in which they ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod

from lrdoctor.architecture import operations as ops
from lrdoctor.architecture.call_sites import Span


@dataclass(frozen=True)
class Key:
    """Where an add stands, and which time it ran there."""

    module: str
    file: str
    line: int
    span: Span
    call: int
    within: int
    """The same, counted from the start of the module's present forward pass and with the modules inside it."""


@dataclass
class Node:
    """One operation."""

    index: int
    operation: str
    inputs: tuple[int, ...]
    """Nodes whose results it took, in order."""
    params: tuple[str, ...]
    """Names of the parameters that it took, itself or through operations that depend on no activation."""
    is_activation: bool
    """Whether it depends on the batch."""
    module: str = ""
    """Path of the module that it ran in; of a norm, of the module that called the norm."""
    own_module: str | None = None
    """Path of the module that the node stands for; None when it is a function."""
    shape: tuple[int, ...] = ()
    is_norm: bool = False
    is_weight: bool = False
    key: Key | None = None
    operand_rms: dict[int, float] = field(default_factory=dict)
    """Of an add: root mean square of each operand before it, by its node."""
    operand_from: dict[int, str] = field(default_factory=dict)
    """Of an add: path of the module that returned the operand as it is, by its node; some come from none."""
    rms: float | None = None
    gradient: float | None = None
    """L2 norm of the loss gradient; filled in by the backward pass."""

    @property
    def numel(self) -> int:
        return prod(self.shape)


class Graph:
    """The nodes, and what follows from them."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.module_calls: Counter[str] = Counter()
        """How often every module ran, by its path."""

    def __getitem__(self, index: int) -> Node:
        return self.nodes[index]

    def activations(self, node: Node) -> list[int]:
        """The activations that the node took, each once."""
        return list(dict.fromkeys(i for i in node.inputs if self[i].is_activation))

    def consumers(self) -> list[list[int]]:
        """For every node those that took its result."""
        taken: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for i in set(node.inputs):
                taken[i].append(node.index)
        return taken

    def behind(self, end: int, above: int) -> set[int]:
        """The node `end` and what it depends on, as far as that ran after the node `above`."""
        seen: set[int] = set()
        waiting = [end]
        while waiting:
            i = waiting.pop()
            if i > above and i not in seen:
                seen.add(i)
                waiting += self[i].inputs
        return seen

    def between(self, source: int, end: int) -> set[int]:
        """The nodes on the ways from `source`, left out, to `end`; empty where there is none."""
        on = {source}
        for i in sorted(self.behind(end, source)):
            if any(j in on for j in self[i].inputs):
                on.add(i)
        return on - {source} if end in on else set()

    def through(self, node: Node, *, whole: bool) -> int | None:
        """The one activation that the node passes on, reshaped or scaled; None when it does something of its own.

        Args:
            node: the operation.
            whole: only where nothing but a pooling changes the number of elements.
        """
        taken = self.activations(node)
        if len(taken) != 1 or node.is_norm:
            return None
        if node.operation not in ops.VIEW | ops.SCALE | ops.ADD | ops.POOL:
            return None
        same = node.operation in ops.POOL or (node.operation != "part" and node.numel == self[taken[0]].numel)
        return taken[0] if same or not whole else None


def add_node(graph: Graph, operation: str, inputs: Iterable[int], params: Sequence[str], active: bool) -> Node:
    """Appends a node."""
    node = Node(len(graph.nodes), operation, tuple(inputs), tuple(dict.fromkeys(params)), active)
    graph.nodes.append(node)
    return node
