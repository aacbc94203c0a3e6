"""What a console prints of where it stands (an epoch, `10/500`, a progress bar) -> steps, counted through the run.

Steps are optimizer updates. A count within an epoch goes on from the epochs before it, and people count epochs from 0
or from 1: a log that never names an epoch 0 counts from 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

ROUND = frozenset({1, 2, 5, 10, 20, 25, 50})
"""Distances of two counts that are intervals of logging; batches of so few examples are rare."""
INTERVALS = (10, 100, 50, 20, 200, 500, 1000, 5, 25)
"""How many batches apart people log, the commonest first."""
SMALLEST_BATCH, LARGEST_BATCH = 16, 4096
"""Powers of two that batches are; a smaller one is more likely a batch of 100 than 50 of 2."""
MOST_ODD = 512
"""Examples of a batch that is no power of two."""


@dataclass(frozen=True)
class Count:
    """`done` of `total`, in an epoch where one is named."""

    done: int
    total: int
    epoch: int | None = None
    may_be_examples: bool = False
    """Whether it is printed as PyTorch's MNIST example prints it, `[640/60000 (1%)]`, which counts examples."""


def first_epoch(counts: Sequence[Count]) -> int:
    """The number of the first epoch: 0 where an epoch 0 is named, else 1."""
    return min([1, *(count.epoch for count in counts if count.epoch is not None)])


def steps(counts: Sequence[Count], batch: int | None = None) -> tuple[list[int], str | None]:
    """The step of every count, in order, and what is to be said of it.

    Args:
        counts: as they were printed.
        batch: examples of a batch, where the log names it.
    """
    base = first_epoch(counts)
    unit = _examples(counts, batch)
    if unit is None:
        within = _is_within_epochs(counts)
        return [c.done + (within and c.epoch is not None and (c.epoch - base) * c.total) for c in counts], None
    examples, interval = unit
    found: list[int] = []
    at, last = 0, None
    for count in counts:
        if last is None or count.epoch != last.epoch:
            at = count.done // examples
        elif count.done != last.done:
            # the last batch is shorter, and the example multiplies its own length: 28 x 23 after 64 x 22
            at = count.done // examples if count.done > last.done and not count.done % examples else at + interval
        found.append(at + ((count.epoch or base) - base) * -(-count.total // examples))
        last = count
    return found, f"the counts are examples, taken as batches of {examples}: {interval} updates from one to the next"


def _is_within_epochs(counts: Sequence[Count]) -> bool:
    """Whether the counts begin again with a new epoch; where there is one epoch alone, they may."""
    changes = [(a, b) for a, b in pairwise(counts) if a.epoch != b.epoch]
    return not changes or 2 * sum(b.done <= a.done for a, b in changes) >= len(changes)


def _examples(counts: Sequence[Count], batch: int | None) -> tuple[int, int] | None:
    """Examples of a batch and updates from one count to the next; None where the counts are batches."""
    if not counts or not all(count.may_be_examples for count in counts):
        return None
    gaps = Counter(b.done - a.done for a, b in pairwise(counts) if a.epoch == b.epoch and b.done > a.done)
    if not gaps:
        return None
    gap = gaps.most_common(1)[0][0]
    if gap in ROUND and gap != batch:
        return None
    if batch is not None and batch > 0 and gap % batch == 0:
        return batch, gap // batch
    return _batch_of(gap)


def _batch_of(gap: int) -> tuple[int, int]:
    """The likeliest batch and interval that make the gap: 640 is 10 batches of 64, 64 is one."""
    if _is_power(gap):
        return gap, 1
    for interval in INTERVALS:
        if gap % interval == 0 and gap // interval >= SMALLEST_BATCH and _is_power(gap // interval):
            return gap // interval, interval
    if gap > MOST_ODD:
        for interval in INTERVALS:
            if gap % interval == 0 and gap // interval <= MOST_ODD:
                return gap // interval, interval
    return gap, 1


def _is_power(number: int) -> bool:
    return 0 < number <= LARGEST_BATCH and number & (number - 1) == 0
