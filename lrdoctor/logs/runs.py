"""Tables -> runs, for all formats alike: which column is which, what a repeated step means, what kind of log it is.

Keys of a run's provenance, beside the facts that the format itself knows (`sampled`, `nan_is_empty`, ...):

- format, columns: the reader, and meaning -> column (`step` among them, None when rows are counted).
- x: what the steps of the curves are: step, samples, epoch or row.
- first_step, last_step, step_gap, largest_gap: of the training loss.
- averaged: "epoch" when every point is the mean over an epoch, or what the format says.
- smoothed: the beta of a moving average; quantised: decimal digits; filtered: how many losses of exactly 0.0 stood
  for non-finite ones.
- resumed_at, discarded: steps of resumes, and the pieces of the training loss that each of them threw away.
- several_values_a_step: steps, or runs in one, whose values differ by more than noise.
- judged: val_loss where the log has no training loss.
- said: (kind, step, text) of what the log says in words of its end, as in `logs.statements`.
- aborted: why a run beside others of its log is a start that was given up, or an evaluation.
- of_a_trial: the log is the curves of a trial in a study folder of lrdoctor, which knows more of it.
- part: (k, n) when this is the k-th of n runs in one table.
- notes, left_out: what a reader should know, and what was not used -> why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import CURVES, Run
from lrdoctor.errors import NoLogError
from lrdoctor.logs import aliases, repeats, sums
from lrdoctor.logs.base import Column, Marks, Table
from lrdoctor.logs.provenance import of_steps, of_values
from lrdoctor.logs.steps import Axis, Part, Rows, axis_of, counted_rows, parts_of, place

LOSS_COLUMN, NO_HEADER = "loss_column", "no_header"
"""Facts of a table that say how to read it, and are no provenance."""

SEVERAL = 1.5
"""Rows a step from which its values are looked at together; a row written twice now and then is none of that."""
MANY_A_STEP = 8
"""Rows a step, of no fixed number, from which the step is a stretch of training and not one update."""

FEWEST_EPOCHS = 2
"""Rows that must each have an epoch of their own for the log to be one of epochs."""


def runs_of(source: str, format_name: str, table: Table, columns: Mapping[str, str] | None) -> list[Run]:
    """The runs of a table, at least one.

    Raises:
        LogError: the training loss is not there, is not told apart, or was never logged.
    """
    where = f"{source}, {table.name}" if table.name else source
    if not table.columns:
        raise NoLogError(f"{where}: holds no column of numbers")
    if LOSS_COLUMN not in table.facts and sums.has_detection_parts(list(table.columns)):
        with_losses, total = sums.with_detection_losses(table.columns)
        table = replace(
            table, columns=with_losses, facts={LOSS_COLUMN: total, "averaged": "epoch", "x": "epoch", **table.facts}
        )
    given = aliases.user_mapping(columns, list(table.columns), where)
    if (known := table.facts.get(LOSS_COLUMN)) is not None and known not in given.values():
        given.setdefault("train_loss", str(known))
    first = _counter(table) if table.facts.get(NO_HEADER) and "step" not in given else None
    if first is not None and first not in given.values():
        given["step"] = first
    names = [name for name, column in table.columns.items() if column.logged.any() or name in given.values()]
    empty = [name for name in table.columns if name not in names]
    chosen, notes = aliases.choose(names, empty, given, where)
    _drop_signed_rate(table, chosen, notes)
    judged = chosen.get("train_loss", chosen.get("val_loss", ""))
    loss = table.columns[judged]
    if not loss.logged.any():
        raise NoLogError(f"{where}: column {judged!r} is empty in every row, there is no training loss")
    axis = axis_of(table.columns, given, loss)
    if not (loss.logged & axis.known).any():
        raise NoLogError(f"{where}: no row has both a training loss ({judged!r}) and a step")
    if axis.kind != "row" and not (axis.step[1:] > axis.step[:-1]).all():
        rows = np.flatnonzero(loss.logged & axis.known)
        repeated = _repeats(axis, rows, loss)
        if isinstance(repeated, int):
            found = (runs_of(source, format_name, part, columns) for part in repeats.split(table, rows, repeated))
            return [run for runs in found for run in runs]
        axis = repeated
    parts = parts_of(axis, loss.logged)
    build = _Builder(source, format_name, table, chosen, axis, tuple(notes))
    return [build.run(part, k, len(parts)) for k, part in enumerate(parts)]


def _repeats(axis: Axis, rows: Rows, loss: Column) -> Axis | int:
    """The axis of rows that share their steps, or the number of runs whose values stand side by side.

    Args:
        axis: steps, samples or epochs.
        rows: int64[n]; those that hold a loss.
        loss: that which is judged.
    """
    step = axis.step[rows]
    n_steps = 1 + int((step[1:] != step[:-1]).sum())
    if len(rows) < SEVERAL * n_steps:
        return axis
    value = loss.value[rows]
    side_by_side = repeats.sequences(step, value)
    if side_by_side is not None:
        is_one = repeats.is_one_series(side_by_side)
        may_be_runs = is_one is False or (is_one is None and axis.kind != "epoch")
        if may_be_runs and repeats.are_runs(side_by_side):
            return int(side_by_side.shape[1])
        counts_rows = axis.kind == "epoch" or is_one is True
    else:
        counts_rows = axis.kind == "epoch" or len(rows) >= MANY_A_STEP * n_steps
    return counted_rows(axis, loss.logged) if counts_rows else axis


def _drop_signed_rate(table: Table, chosen: dict[str, str], notes: list[str]) -> None:
    """A learning rate is not negative; a column of that name that is holds a logarithm or a change of it."""
    name = chosen.get("learning_rate")
    if name is not None and (table.columns[name].value < 0).any():
        del chosen["learning_rate"]
        notes.append(f"{name} is negative in some rows, so it is not read as the learning rate")


def _counter(table: Table) -> str | None:
    """The first of several columns when it counts up in whole numbers; for tables without names."""
    name, column = next(iter(table.columns.items()))
    value = column.value
    counts = len(table.columns) > 1 and bool(np.isfinite(value).all()) and bool((value % 1 == 0).all())
    return name if counts and bool((np.diff(value) > 0).all()) else None


class _Builder:
    """What all runs of one table have in common."""

    def __init__(
        self, source: str, format_name: str, table: Table, chosen: Mapping[str, str], axis: Axis, notes: tuple[str, ...]
    ) -> None:
        self.source, self.format_name, self.table, self.axis = source, format_name, table, axis
        self.meaning = {column: meaning for meaning, column in chosen.items()}
        self.columns = {"step": axis.column, **chosen}
        self.judged = "train_loss" if "train_loss" in chosen else "val_loss"
        self.notes = notes + axis.notes + tuple(table.facts.get("notes", ()))

    def run(self, part: Part, k: int, n: int) -> Run:
        """The k-th of n runs."""
        curves: dict[str, Curve] = {}
        notes, left_out = list(self.notes + part.notes), dict(self.table.left_out)
        found: dict[str, Any] = {}
        for column, meaning in self._read(left_out):
            placed = place(self.table.columns[column], self.axis, part)
            if not len(placed.curve):
                continue
            curves[meaning] = placed.curve
            if placed.n_merged:
                which = "the highest, since they differ by more than noise," if placed.keeps_highest else "their median"
                notes.append(f"{placed.n_merged} steps have several values of {column}: {which} is taken")
            if meaning == self.judged and placed.keeps_highest:
                found["several_values_a_step"] = placed.n_merged
            if meaning == self.judged and part.resumes:
                found |= {"resumed_at": tuple(step for _, step in part.resumes), "discarded": tuple(placed.discarded)}
        if n > 1:
            found["part"] = (k + 1, n)
        self._unfilter(curves, found, notes)
        found |= self._facts(curves, part)
        if said := self._said(part, n):
            found["said"] = said
        name = self.table.name or self.source
        provenance = {**found, "notes": tuple(notes), "left_out": left_out}
        return Run(name if n == 1 else f"{name}#{k + 1}", self.source, curves, provenance=provenance)

    def _read(self, left_out: dict[str, str]) -> Iterator[tuple[str, str]]:
        """(column, curve) of what becomes a curve; the rest is left out, with the reason."""
        for column in self.table.columns:
            if not self.table.columns[column].logged.any():
                left_out[column] = "empty in every row"
            elif column in self.meaning:
                yield column, self.meaning[column]
            elif column == self.axis.column or aliases.x_of(column) is not None:
                continue
            elif aliases.is_time(column):
                left_out[column] = "time or speed"
            elif column in CURVES:
                why = f"is read as {column}, or holds what no {column} can be"
                left_out[column] = f"{self.columns.get(column, column)!r} {why}"
            else:
                yield column, column

    def _unfilter(self, curves: dict[str, Curve], found: dict[str, Any], notes: list[str]) -> None:
        """Losses of exactly 0.0 whose gradient is not finite: Hugging Face's logging_nan_inf_filter was at work."""
        loss, norm = curves.get("train_loss"), curves.get("grad_norm")
        if loss is None or norm is None:
            return
        bad = (loss.value == 0) & np.isin(loss.step, norm.step[~np.isfinite(norm.value)])
        if bad.any():
            curves["train_loss"] = Curve(loss.step, np.where(bad, np.nan, loss.value))
            found["filtered"] = int(bad.sum())
            notes.append(
                f"{found['filtered']} losses of exactly 0.0 with a non-finite gradient norm, from step "
                f"{int(loss.step[np.argmax(bad)])} on: the logger hid non-finite losses, they are taken as nan"
            )

    def _said(self, part: Part, n: int) -> tuple[tuple[str, int | None, str], ...]:
        """Kind, step and text of what the log says of this run."""
        found = self.table.facts.get("said", ())
        return tuple((kind, step, text) for kind, step, text, at in found if n == 1 or self._is_of(part, step, at))

    def _is_of(self, part: Part, step: int | None, at: float) -> bool:
        """Whether a sentence stands in the part: at its step, which another run may have too, nearest to its place.

        Lines between the records, as of a traceback, make the place alone uncertain.
        """
        row = at * len(self.axis.step)
        if step is not None:
            same = np.flatnonzero(self.axis.known & (np.abs(self.axis.step - step) <= self._nearest(step)))
            row = float(same[np.argmin(np.abs(same - row))])
        return part.first <= row < part.end or (row >= part.end == len(self.axis.step))

    def _nearest(self, step: int) -> int:
        return int(np.abs(self.axis.step[self.axis.known] - step).min())

    def _facts(self, curves: Mapping[str, Curve], part: Part) -> dict[str, Any]:
        loss = curves[self.judged]
        facts = {
            key: value
            for key, value in self.table.facts.items()
            if key not in (LOSS_COLUMN, NO_HEADER, "notes", "said")
        }
        if "averaged" not in facts and self._is_per_epoch(part):
            facts["averaged"] = "epoch"
        ours = {"format": self.format_name, "columns": self.columns, "x": self.axis.kind}
        if self.judged != "train_loss":
            ours["judged"] = self.judged
        return {**ours, **of_steps(loss.step), **of_values(loss), **facts}

    def _is_per_epoch(self, part: Part) -> bool:
        """Whether every point has an epoch of its own, or the loss is called a mean over one."""
        name = str(self.columns[self.judged])
        plain = aliases.normalise(name)
        if plain in aliases.MEANINGS["epoch_loss"] or self.axis.kind == "epoch":
            return True
        if plain.endswith("_step"):
            return False
        logged = self.table.columns[name].logged[part.first : part.end]
        epochs = [column for key, column in self.table.columns.items() if aliases.x_of(key) == "epoch"]
        return any(_counts_epochs(epoch, logged, part) for epoch in epochs)


def _counts_epochs(epoch: Column, logged: Marks, part: Part) -> bool:
    value = epoch.value[part.first : part.end][logged]
    whole = bool(np.isfinite(value).all()) and bool((value % 1 == 0).all())
    return len(value) >= FEWEST_EPOCHS and whole and bool((np.diff(value) == 1).all())
