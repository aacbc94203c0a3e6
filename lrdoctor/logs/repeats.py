"""Several values of one step: a batch in parts, or several runs without a key that tells them apart.

The parts of one batch differ by the noise of the loss, so their median is a fair value. Runs written into one file
differ by more: one lies above the others all along, or blows up while they go on. Then the median would hide it. Where
every step has as many values, the k-th value of every step makes the k-th run; where not, the highest one is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lrdoctor.core.curve import Steps, Values
from lrdoctor.core.robust import MAD_TO_SD, median, medians
from lrdoctor.logs.base import Column, Table


@dataclass(frozen=True)
class Thresholds:
    most_runs: int = 1000
    fewest_steps: int = 3
    far: float = 8.0
    """Distances from a step's median in units of the common noise: that of heavy-tailed noise (Student t with 3
    degrees of freedom) reaches it once in two thousand values."""
    apart: float = 1.5
    """Times the noise from one step to the next that one sequence lies above the others, in the median."""
    within: float = 0.5
    """Part of the fall that happens within the steps from which they are of one series, of two values a step half."""
    undone: float = 1.5
    """Part of the fall within the steps from which it is undone between them."""
    trend: float = 8.0
    """Times the usual difference of two values that the whole curve falls, for its fall to be more than noise."""


THRESHOLDS = Thresholds()


def sequences(step: Steps, value: Values) -> Values | None:
    """float64[n_steps, k]: the k values of every step in the order in which they were written, None where not regular.

    Args:
        step: int64[n], where equal ones stand side by side.
        value: float64[n].
    """
    starts = np.flatnonzero(np.diff(step, prepend=step[0] - 1))
    sizes = np.diff(np.append(starts, len(step)))
    k = int(sizes[0]) if len(sizes) else 1
    is_regular = len(sizes) >= THRESHOLDS.fewest_steps and 1 < k <= THRESHOLDS.most_runs and bool((sizes == k).all())
    return value.reshape(-1, k) if is_regular and bool((step[starts][1:] > step[starts][:-1]).all()) else None


def are_runs(values: Values) -> bool:
    """Whether the columns of values differ by more than the noise of one run.

    Args:
        values: float64[n_steps, k].
    """
    finite = np.isfinite(values)
    if (finite.any(axis=1) & ~finite.all(axis=1)).any():
        return True
    whole = values[finite.all(axis=1)]
    if len(whole) < THRESHOLDS.fewest_steps:
        return False
    if whole.min() > 0:
        whole = np.log(whole)  # noise that falls with the loss is the same noise
    with np.errstate(over="ignore", invalid="ignore"):
        away = whole - medians(whole)[:, None]
        neighbours = MAD_TO_SD * float(median(np.abs(np.diff(whole, axis=0))))
        noise = MAD_TO_SD * float(median(np.abs(away))) or neighbours
        level = medians(away.T)
        spread = float(level.max() - level.min())
    return bool(np.abs(away).max() > THRESHOLDS.far * noise or spread > THRESHOLDS.apart * neighbours)


def is_one_series(values: Values) -> bool | None:
    """Whether the values of a step follow each other as those of the steps do, None where the loss is too flat to tell.

    Of k values written one after another by one run, (k - 1) / k of the fall happens within the steps; of the values
    of k runs side by side, none of it does.

    Args:
        values: float64[n_steps, k].
    """
    whole = values[np.isfinite(values).all(axis=1)]
    if len(whole) < THRESHOLDS.fewest_steps:
        return None
    flat = np.log(whole) if whole.min() > 0 else whole
    with np.errstate(over="ignore", invalid="ignore"):
        all_steps = np.diff(flat.ravel())
        usual = float(median(np.abs(all_steps)))
        all_steps = np.clip(all_steps, -THRESHOLDS.far * usual, THRESHOLDS.far * usual)
        within = float(np.delete(all_steps, np.arange(flat.shape[1] - 1, len(all_steps), flat.shape[1])).sum())
        total = float(all_steps.sum())
    if not abs(total) > THRESHOLDS.trend * usual:
        return None
    # more than the whole fall is undone from each step to the next: one sequence lies above the others
    return THRESHOLDS.within < within / total < THRESHOLDS.undone


def differ_much(step: Steps, value: Values) -> bool:
    """Whether the values of some step differ by much more than those of the others do, or are finite only in part.

    Args:
        step: int64[n], sorted.
        value: float64[n].
    """
    starts = np.flatnonzero(np.diff(step, prepend=step[0] - 1))
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.maximum.reduceat(value, starts) - np.minimum.reduceat(value, starts)
        neighbours = np.abs(np.diff(value))
        some, neighbours = spread[np.isfinite(spread) & (spread > 0)], neighbours[np.isfinite(neighbours)]
        if not len(some):
            return False
        usual = max(float(median(some)), 2 * float(median(neighbours)))
        return bool(some.max() > THRESHOLDS.far * usual)


def split(table: Table, rows: Steps, k: int) -> list[Table]:
    """The table as those of k runs: row j of every k rows that hold a loss is the j-th run's.

    Args:
        table: rows of k runs.
        rows: int64[n]; those that hold a loss.
        k: runs.
    """
    order = np.full(len(next(iter(table.columns.values())).value), -1, dtype=np.int64)
    order[rows] = np.arange(len(rows)) % k
    # rows without a loss, as those of an evaluation, are nobody's: they stay with all
    found = []
    for run in range(k):
        at = np.flatnonzero((order == run) | (order < 0))
        columns = {name: Column(column.value[at], column.logged[at]) for name, column in table.columns.items()}
        note = f"every step has {k} values that differ by more than noise: the {run + 1}. of each is taken as one run"
        notes = (*table.facts.get("notes", ()), note)
        name = f"value {run + 1} of {k}"
        found.append(replace(table, name=f"{table.name}, {name}" if table.name else name, columns=columns,
                             facts={**table.facts, "notes": notes, "several_values_a_step": k}))  # fmt: skip
    return found
