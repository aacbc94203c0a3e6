"""Which task to give a worker, so that what it has prepared is used again."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence


def choose(waiting: Sequence[Hashable], served: Sequence[Hashable], others: Collection[Hashable]) -> int:
    """The position of the task that costs the least preparation, the first of equals.

    In order of preference: the affinity the worker served last, one it served before, one that no other
    worker serves, any. A task without affinity (None) costs what a new affinity costs.

    Args:
        waiting: affinities of the tasks to choose from, at least one.
        served: affinities the worker has served, the last one last.
        others: affinities the other workers have served.

    >>> choose(["a", "b", "c"], served=["c", "b"], others=[])
    1
    >>> choose(["a", "b"], served=[], others=["a"])
    1
    """

    def cost(position: int) -> tuple[bool, bool, bool]:
        affinity = waiting[position]
        return (affinity not in served, affinity not in served[-1:], affinity in others)

    return min(range(len(waiting)), key=cost)
