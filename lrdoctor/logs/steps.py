"""Rows -> steps: what counts the rows, where a run begins again, what a resume threw away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Curve, Steps, Values
from lrdoctor.core.robust import median
from lrdoctor.logs import aliases, repeats
from lrdoctor.logs.base import Column, Marks

Rows = npt.NDArray[np.int64]

LARGEST_STEP = 2.0**53
"""Steps are read as floats, which are exact up to here."""

COVERAGE = 0.5
"""Share of the loss's rows that must have a step for the column to count them."""

INTERLEAVED, MANY = 0.2, 8
"""Share of the rows, and number of them, that go back from which several writers, not resumes, are at work."""

MOST_RESTARTS = 50
"""A counter that begins again more often counts within something, as epochs that the log does not name."""

FEW = 3
"""Losses at either end of a piece whose median stands for it."""
ANEW = 0.8
"""Share of the pieces that must start where the first one did to be runs."""

SOMETIMES = 0.05
"""The same share where the steps also go ahead by more than one row: some writers end before the others."""
AHEAD = 1.5
"""Times the smallest distance of two rows from which a step goes ahead by more than the next one."""
AS_OFTEN = 0.25
"""How often they go ahead so, for each time that they go back: some of the writers are a single step apart."""
SMALL_JUMP = 8
"""Gaps between rows that unsynchronised writers are apart at most; a resume goes further back."""


@dataclass(frozen=True)
class Axis:
    """What counts the rows of a table."""

    kind: str
    """step, samples, epoch or row."""
    column: str | None
    step: Steps
    """int64[n]; 0 where not known."""
    known: Marks
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """The rows of one run: first row, row after the last, and the resumes between them."""

    first: int
    end: int
    resumes: tuple[tuple[int, int], ...] = ()
    """(row, step) of every resume."""
    notes: tuple[str, ...] = ()


@dataclass
class Placed:
    """A curve and what was done to get it."""

    curve: Curve
    discarded: list[Curve] = field(default_factory=list)
    n_merged: int = 0
    """Steps that had several different values."""
    keeps_highest: bool = False
    """Whether it is the highest value of these steps, since they differ by more than noise."""


def axis_of(columns: Mapping[str, Column], given: Mapping[str, str], loss: Column) -> Axis:
    """What counts the rows: the best column of steps, else samples, epochs, an index, else the rows themselves.

    Args:
        columns: all columns of a table.
        given: the user's mapping; its `step` wins.
        loss: that which is judged.
    """
    notes: list[str] = []
    logged = loss.logged
    for name, kind in _candidates(columns, given):
        column = columns[name]
        axis = _usable(name, kind, column, logged)
        if axis is not None:
            return _begun_again(axis, columns, given, loss)
        if column.logged.any():
            notes.append(f"{name} cannot count the rows: it is not whole numbers, or is missing where the loss is")
    n = len(logged)
    notes.append("no step column: the rows that hold a training loss are counted from 0")
    row = np.maximum(np.cumsum(logged) - 1, 0).astype(np.int64)
    return Axis("row", None, row, np.ones(n, dtype=bool), tuple(notes))


def _candidates(columns: Mapping[str, Column], given: Mapping[str, str]) -> list[tuple[str, str]]:
    if "step" in given:
        return [(given["step"], "step")]
    found = []
    for kind in aliases.X_KINDS:
        if kind in given:
            found.append((given[kind], kind))
        counts = "step" if kind == "episode" else kind  # an episode ends with an update
        for alias in aliases.MEANINGS[kind]:
            found += [(name, counts) for name in columns if aliases.normalise(name) == alias]
    found += [(name, "index") for name in columns if aliases.x_of(name) == "index"]
    return found


def _usable(name: str, kind: str, column: Column, logged: Marks) -> Axis | None:
    known = column.logged & np.isfinite(column.value)
    value = column.value if known.all() else np.where(known, column.value, 0.0)
    if known[logged].mean() < COVERAGE or max(-value.min(), value.max()) > LARGEST_STEP:
        return None
    step = value.astype(np.int64)
    step.flags.writeable = False
    if not np.array_equal(step, value):
        return None
    at_loss = _at(known & logged, step)
    if len(at_loss) > 1 and at_loss.min() == at_loss.max():  # it stands still
        return None
    return Axis(kind, name, step, known)


def _at(marks: Marks, step: Steps) -> Steps:
    """The marked steps, not copied when all are: ten million of them fill 80 MB."""
    return step if marks.all() else step[marks]


def _begun_again(axis: Axis, columns: Mapping[str, Column], given: Mapping[str, str], loss: Column) -> Axis:
    """Counters that begin again in every epoch, made to go on."""
    assert axis.column is not None
    is_index = axis.kind == "index"
    if is_index:
        axis = replace(axis, kind="row")
    logged = loss.logged
    step = _at(axis.known & logged, axis.step)
    back = np.flatnonzero(step[1:] < step[:-1]) + 1
    if not len(back):
        return axis
    rows = np.flatnonzero(axis.known & logged)
    epoch = None if axis.kind == "epoch" else _epochs(columns, given, rows)
    if epoch is not None and (epoch[back] != epoch[back - 1]).all() and (epoch[back] > epoch[back - 1]).any():
        ahead = np.diff(step)[np.diff(step) > 0]
        # counted from 1, the last of 100 steps is number 100; counted from 0, it is number 99
        span = int(step.max()) - int(step.min()) + max(1, int(median(ahead)) if len(ahead) else 1)
        whole = np.zeros(len(axis.step), dtype=np.int64)
        # rows without a loss belong to the epoch of the last row that has one
        at = np.clip(np.searchsorted(rows, np.arange(len(whole)), side="right") - 1, 0, None)
        whole = (epoch[at] - epoch.min()) * span + axis.step
        note = f"{axis.column} begins again in every epoch: epochs are taken as {span} steps each"
        return Axis(axis.kind, axis.column, whole, axis.known, (note,))
    restarts = int((step[back] <= step[0]).sum())
    counts_within = is_index or aliases.normalise(axis.column) in aliases.BATCH_LIKE
    if (counts_within or restarts > MOST_RESTARTS) and not _starts_anew(loss.value[rows], back):
        row = np.maximum(np.cumsum(logged) - 1, 0).astype(np.int64)
        note = f"{axis.column} begins again {len(back)} times: the rows that hold a training loss are counted instead"
        return Axis("row", None, row, np.ones(len(row), dtype=bool), (note,))
    return axis


def _starts_anew(value: Values, back: Rows) -> bool:
    """Whether the loss is where it was at first wherever the counter begins again, as in runs below each other.

    Within one run it goes on from where it was.

    Args:
        value: float64[n]; the losses.
        back: int64[k]; where the counter begins again.
    """
    edges = np.concatenate([[0], back, [len(value)]])
    pieces = [value[a:b][np.isfinite(value[a:b])] for a, b in pairwise(edges)]
    ends = [(float(median(p[:FEW])), float(median(p[-FEW:]))) for p in pieces if len(p) >= 2 * FEW]
    if len(ends) <= len(pieces) / 2 or len(ends) < 2:
        return False
    start = ends[0][0]
    again = [abs(after - start) < abs(after - before) for (_, before), (after, _) in pairwise(ends)]
    return sum(again) >= ANEW * len(again)


def counted_rows(axis: Axis, logged: Marks) -> Axis:
    """The rows of an axis whose steps name several rows each, counted; where its steps go back, the count does too."""
    row = np.maximum(np.cumsum(logged) - 1, 0).astype(np.int64)
    rows = np.flatnonzero(axis.known & logged)
    step = axis.step[rows]
    for at in np.flatnonzero(step[1:] < step[:-1]) + 1:
        since = int(np.argmax(step[:at] >= step[at]))  # the first row that had this step or a later one
        row[rows[at] :] -= row[rows[at]] - row[rows[since]]
    note = f"{axis.column} names several rows each time: the rows that hold a loss are counted instead"
    return Axis("row", None, row, np.ones(len(row), dtype=bool), (*axis.notes, note))


def _epochs(columns: Mapping[str, Column], given: Mapping[str, str], rows: Rows) -> Steps | None:
    """The epoch of every row, when there is a column of whole epochs that covers them all."""
    names = [given["epoch"]] if "epoch" in given else [n for n in columns if aliases.x_of(n) == "epoch"]
    for name in names:
        value = columns[name].value[rows]
        if np.isfinite(value).all() and np.abs(value).max() < LARGEST_STEP / len(value) and (value % 1 == 0).all():
            return value.astype(np.int64)
    return None


def parts_of(axis: Axis, logged: Marks) -> list[Part]:
    """The runs of a table: a training that begins at its first step again is another run.

    A step that goes back to anywhere else is a resume. A single row that comes too late, and rows of several writers
    that were not synchronised, are neither: they are put in order.
    """
    step = _at(axis.known & logged, axis.step)
    back = np.flatnonzero(step[1:] < step[:-1]) + 1
    if not len(back):
        return [Part(0, len(axis.step))]
    rows = np.flatnonzero(axis.known & logged)
    gaps = np.diff(step)
    gap = float(median(gaps[gaps > 0])) if (gaps > 0).any() else 1.0
    within = back[step[back] > step[0] + gap / 2]
    often = len(within) >= max(MANY, INTERLEAVED * len(step))
    at_times = len(within) >= max(MANY, SOMETIMES * len(step))
    # after a resume the steps go on one by one; of several writers each goes back to where another one has been, and on
    n_ahead = int((gaps > AHEAD * gaps[gaps > 0].min()).sum()) if at_times else 0
    if (often and -median(gaps[within - 1]) <= SMALL_JUMP * gap) or (at_times and n_ahead >= AS_OFTEN * len(within)):
        return [Part(0, len(axis.step), (), ("several writers, not in order: rows are sorted by step",))]
    highest = np.maximum.accumulate(step)
    late = (back + 1 < len(step)) & (step[np.minimum(back + 1, len(step) - 1)] > highest[back - 1])
    starts = [0]
    resumes: list[list[tuple[int, int]]] = [[]]
    first = int(step[0])
    for at in back[~late]:
        boundary = _boundary(axis, int(rows[at - 1]), int(rows[at]))
        if step[at] <= first + gap / 2:
            starts.append(boundary)
            resumes.append([])
            first = int(step[at])
        else:
            resumes[-1].append((boundary, int(step[at])))
    notes = (f"{int(late.sum())} rows came late and were put in order",) if late.any() else ()
    ends = [*starts[1:], len(axis.step)]
    return [Part(s, e, tuple(r), notes) for s, e, r in zip(starts, ends, resumes, strict=True)]


def _boundary(axis: Axis, last: int, first: int) -> int:
    """The first row of the new segment: the first one after `last` whose step went back."""
    between = np.arange(last + 1, first + 1)
    went_back = axis.known[between] & (axis.step[between] < axis.step[last])
    return int(between[np.argmax(went_back)]) if went_back.any() else first


def place(column: Column, axis: Axis, part: Part) -> Placed:
    """The column's curve over the rows of one run.

    After a resume at step k, what was written before it for k and later is discarded: the resumed training is the one
    that made the weights. Several values of one step are one point, their median, nan when one of them is not finite.
    """
    use = column.logged[part.first : part.end] & axis.known[part.first : part.end]
    if use.all():
        step, value = axis.step[part.first : part.end], column.value[part.first : part.end]
        rows = None
    else:
        rows = np.flatnonzero(use) + part.first
        step, value = axis.step[rows], column.value[rows]
    placed = Placed(Curve(step[:0], value[:0]))
    if part.resumes:
        rows = np.arange(part.first, part.end) if rows is None else rows
        keep = np.ones(len(step), dtype=bool)
        for row, resumed in part.resumes:
            gone = keep & (rows < row) & (step >= resumed)
            if gone.any():
                placed.discarded.append(_curve(step[gone], value[gone])[0])
            keep &= ~gone
        step, value = step[keep], value[keep]
    placed.curve, placed.n_merged, placed.keeps_highest = _curve(step, value)
    return placed


def _increases(step: Steps) -> bool:
    return bool((step[1:] > step[:-1]).all())


def _curve(step: Steps, value: Values) -> tuple[Curve, int, bool]:
    """The curve of points in any order, how many of its steps had several values, and whether the highest is kept."""
    if _increases(step):
        return Curve(step, value), 0, False
    order = np.argsort(step, kind="stable")
    step, value = step[order], value[order]
    if _increases(step):
        return Curve(step, value), 0, False
    import pandas as pd

    groups = pd.Series(value).groupby(step)
    highest = repeats.differ_much(step, value)
    with np.errstate(invalid="ignore"):
        merged: Values = np.array(groups.max() if highest else groups.median(), dtype=np.float64)
        differ = (groups.nunique(dropna=False) > 1).to_numpy()
    bad = pd.Series(~np.isfinite(value)).groupby(step).any().to_numpy()
    last = groups.last(skipna=False).to_numpy() if bad.any() else merged
    merged[bad] = np.where(np.isfinite(last[bad]), np.nan, last[bad])
    return Curve(np.unique(step), merged), int(differ.sum()), highest
