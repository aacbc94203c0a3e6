"""How many seeds a sweep needs."""

from __future__ import annotations

from collections.abc import Sequence

from lrdoctor.errors import BudgetSpent
from lrdoctor.examine.laboratory import Laboratory
from lrdoctor.examine.sweep import sweep
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.rules import best_at_edge

FEWEST_SEEDS = 3
"""With fewer the typical spread over seeds, which is only assumed, decides more than the trials do."""

MOST_SEEDS = 15
"""What three seeds leave open fifteen settle in three of five made-up workloads (`benchmarks/intervals.py`); the
interval shrinks with the square root of the number, so the rest would take many more."""


def numbered_on(seeds: Sequence[int], n: int) -> tuple[int, ...]:
    """So many seeds: these and, where they are fewer, the ones that follow the highest.

    >>> numbered_on([0, 4], 4), numbered_on([0, 1, 2], 2)
    ((0, 4, 5, 6), (0, 1, 2))
    """
    return (*seeds, *range(max(seeds) + 1, max(seeds) + 1 + n - len(seeds)))


def enough_seeds(laboratory: Laboratory, settings: sweeps.Settings, seeds: Sequence[int]) -> tuple[int, ...]:
    """The seeds, and as many more as it takes until the sweep tells whether lr* sits at the edge of instability.

    They are added one at a time, at every rate of the sweep; trials that are there already are not run again. Where the
    budget does not reach for one more, those before it stand.

    Raises:
        WorkloadError: the workload does not work, or every trial failed.
        BudgetSpent: the budget does not reach for the fewest seeds.
        Interrupted: the user stopped it; what was finished is saved.
    """
    enough = numbered_on(seeds, FEWEST_SEEDS)
    study = sweep(laboratory, settings, enough)
    if study.cut is not None:
        return enough  # the budget does not reach for these
    while len(enough) < MOST_SEEDS and study.certainty is not None and best_at_edge.side(study) == "open":
        more = numbered_on(enough, len(enough) + 1)
        laboratory.watcher.message(f"{len(enough)} seeds do not settle the verdict: seed {more[-1]} is added")
        try:
            study = sweep(laboratory, settings, more)
        except BudgetSpent as spent:
            laboratory.watcher.message(f"{len(enough)} seeds it is: {spent}")
            break
        if study.cut is not None:
            laboratory.watcher.message(f"{len(enough)} seeds it is: the budget does not reach for one more")
            break
        enough = more
    return enough
