"""Where residual streams end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lrdoctor.architecture.graph import Graph
from lrdoctor.architecture.look import Recording
from lrdoctor.architecture.residuals import Residual


def ends_without_norm(recording: Recording) -> bool:
    """Whether a residual stream ends and no norm reads its last sum."""
    graph, consumers = recording.graph, recording.graph.consumers()
    inside = {i for residual in recording.residuals for i in residual.own}
    for residual in recording.residuals:
        sums = set(_passed_on(graph, residual.add, consumers))
        readers = [graph[j] for i in sums for j in consumers[i]]
        is_last = residual.add not in inside and not _goes_on(sums, recording.residuals)
        if is_last and not any(reader.is_norm for reader in readers):
            return True
    return False


def _goes_on(sums: set[int], residuals: Iterable[Residual]) -> bool:
    return any(other.source in sums or other.skip in sums for other in residuals)


def _passed_on(graph: Graph, start: int, consumers: list[list[int]]) -> Iterator[int]:
    """The node and what only reshapes or scales it."""
    waiting = [start]
    while waiting:
        i = waiting.pop()
        yield i
        waiting += [j for j in consumers[i] if graph.through(graph[j], whole=True) == i]
