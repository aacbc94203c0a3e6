"""The branches of a recording by the add that they come to: a shared block's are one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lrdoctor.architecture import operations as ops
from lrdoctor.architecture.graph import Graph, Node
from lrdoctor.architecture.look import Recording
from lrdoctor.architecture.recorder import OUTSIDE
from lrdoctor.architecture.residuals import Residual
from lrdoctor.architecture.rewrite.plan import Place, place_of
from lrdoctor.core.architecture import Site


@dataclass(frozen=True)
class Branch:
    """What a recording says of one place."""

    place: Place
    sites: tuple[Site, ...]
    residuals: tuple[Residual, ...]
    graph: Graph

    @property
    def site(self) -> Site:
        """The first one."""
        return self.sites[0]

    @property
    def operand(self) -> int:
        """Which operand of the add the branch is."""
        first = self.residuals[0]
        return self.graph.activations(self.graph[first.add]).index(first.branch)

    @property
    def result(self) -> Node:
        """What the add was given."""
        return self.graph[self.residuals[0].branch]

    @property
    def layer(self) -> Node | None:
        """The last layer of the branch, None where it has none."""
        nodes = self._own_backwards()
        return next((node for node in nodes if node.is_weight), None)

    @property
    def parameter(self) -> str | None:
        """A parameter of the branch, the last one."""
        return next((name for node in self._own_backwards() for name in node.params), None)

    def _own_backwards(self) -> list[Node]:
        return [self.graph[i] for i in sorted(self.residuals[0].own, reverse=True)]

    def first(self, refuses: Callable[[Site], str]) -> str:
        """The first reason that one of the sites gives."""
        return next((why for why in map(refuses, self.sites) if why), "")


def branches(recording: Recording) -> list[Branch]:
    """In the order in which they ran first."""
    grouped: dict[Place, list[tuple[Site, Residual]]] = {}
    for site, residual in zip(recording.architecture.sites, recording.residuals, strict=True):
        key = recording.graph[residual.add].key
        assert key is not None
        grouped.setdefault(place_of(key), []).append((site, residual))
    return [
        Branch(place, tuple(site for site, _ in pairs), tuple(residual for _, residual in pairs), recording.graph)
        for place, pairs in grouped.items()
    ]


def end_module(branch: Branch, consumers: list[list[int]]) -> str | None:
    """The module whose result is the branch, whenever it runs, and which nothing but the add reads."""
    ends = {_returned(branch.graph, residual, consumers) for residual in branch.residuals}
    end = ends.pop() if len(ends) == 1 else None
    if end in (None, "", OUTSIDE) or branch.graph.module_calls[end] != len(branch.residuals):
        return None
    return end


def _returned(graph: Graph, residual: Residual, consumers: list[list[int]]) -> str | None:
    readers = [i for i in consumers[residual.branch] if graph[i].operation not in ops.NO_ACTIVATION]
    return graph[residual.add].operand_from.get(residual.branch) if readers == [residual.add] else None
