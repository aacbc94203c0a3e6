"""Tables -> runs, for all formats alike: which column is which, what a repeated step means, what kind of log it is.

Keys of a run's provenance, beside the facts that the format itself knows (`sampled`, `nan_is_empty`, ...):

- format, columns: the reader, and meaning -> column (`step` among them, None when rows are counted).
- x: what the steps of the curves are: step, samples, epoch or row.
- first_step, last_step, step_gap, largest_gap: of the training loss.
- averaged: "epoch" when every point is the mean over an epoch, or what the format says.
- smoothed: the beta of a moving average; quantised: decimal digits; filtered: how many losses of exactly 0.0 stood
  for non-finite ones.
- resumed_at, discarded: steps of resumes, and the pieces of the training loss that each of them threw away.
- part: (k, n) when this is the k-th of n runs in one table.
- notes, left_out: what a reader should know, and what was not used -> why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import CURVES, Run
from lrdoctor.errors import NoLogError
from lrdoctor.logs import aliases
from lrdoctor.logs.base import Column, Marks, Table
from lrdoctor.logs.provenance import of_steps, of_values
from lrdoctor.logs.steps import Axis, Part, axis_of, parts_of, place

LOSS_COLUMN, NO_HEADER = "loss_column", "no_header"
"""Facts of a table that say how to read it, and are no provenance."""

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
    given = aliases.user_mapping(columns, list(table.columns), where)
    if (known := table.facts.get(LOSS_COLUMN)) is not None and known not in given.values():
        given.setdefault("train_loss", str(known))
    first = _counter(table) if table.facts.get(NO_HEADER) and "step" not in given else None
    if first is not None and first not in given.values():
        given["step"] = first
    names = [name for name, column in table.columns.items() if column.logged.any() or name in given.values()]
    empty = [name for name in table.columns if name not in names]
    chosen, notes = aliases.choose(names, empty, given, where)
    loss = table.columns[chosen["train_loss"]]
    if not loss.logged.any():
        raise NoLogError(f"{where}: column {chosen['train_loss']!r} is empty in every row, there is no training loss")
    axis = axis_of(table.columns, given, loss.logged)
    if not (loss.logged & axis.known).any():
        raise NoLogError(f"{where}: no row has both a training loss ({chosen['train_loss']!r}) and a step")
    parts = parts_of(axis, loss.logged)
    build = _Builder(source, format_name, table, chosen, axis, tuple(notes))
    return [build.run(part, k, len(parts)) for k, part in enumerate(parts)]


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
                notes.append(f"{placed.n_merged} steps have several values of {column}: their median is taken")
            if meaning == "train_loss" and part.resumes:
                found = {"resumed_at": tuple(step for _, step in part.resumes), "discarded": tuple(placed.discarded)}
        if n > 1:
            found["part"] = (k + 1, n)
        self._unfilter(curves, found, notes)
        found |= self._facts(curves, part)
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
                left_out[column] = f"{self.columns[column]!r} is read as {column}"
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

    def _facts(self, curves: Mapping[str, Curve], part: Part) -> dict[str, Any]:
        loss = curves["train_loss"]
        facts = {key: value for key, value in self.table.facts.items() if key not in (LOSS_COLUMN, NO_HEADER, "notes")}
        if "averaged" not in facts and self._is_per_epoch(part):
            facts["averaged"] = "epoch"
        ours = {"format": self.format_name, "columns": self.columns, "x": self.axis.kind}
        return {**ours, **of_steps(loss.step), **of_values(loss), **facts}

    def _is_per_epoch(self, part: Part) -> bool:
        """Whether every point has an epoch of its own, or the loss is called a mean over one."""
        name = str(self.columns["train_loss"])
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
