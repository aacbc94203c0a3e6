"""Several runs in one table, told apart by what stands under a key of theirs; one list of keys for all formats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lrdoctor.logs._names import factorized
from lrdoctor.logs.aliases import normalise
from lrdoctor.logs.base import Column, Table

Codes = npt.NDArray[np.int64]

RUN_KEYS = (
    "run_id", "run", "run_name", "run_uuid", "runid", "run_number", "run_idx", "experiment_id", "experiment",
    "experiment_name", "exp_id", "exp", "exp_name", "trial_id", "trial", "trial_name", "trial_number", "trial_no",
    "job_id", "job", "job_name", "sweep_id", "sweep", "task_id", "config_id", "config", "config_name", "model",
    "model_name", "model_id", "variant", "arm", "setting", "method", "algo", "algorithm", "name", "label", "seed",
    "random_seed", "rng_seed", "fold", "cv_fold", "replica", "replicate", "rep", "repeat", "repetition", "worker",
    "worker_id", "process", "rank", "optimizer", "optim", "env", "env_name", "env_id", "group", "task",
)  # fmt: skip
"""Normalised names, what names a run before what counts one, in order of preference."""
RUN_KEY_SET = frozenset(RUN_KEYS)
TEXT_ONLY = frozenset({
    "name", "label", "method", "algo", "algorithm", "optimizer", "optim", "env", "env_name", "group", "task",
})  # fmt: skip
"""Keys under which a number is a measurement or a class."""
ROWS_PER_RUN = 2
"""A key that changes more often than this names something else than runs."""
MOST_RUNS = 20_000
"""A key of more different entries names no runs."""


@dataclass(frozen=True)
class KeyColumn:
    """What stands under one key.

    Args:
        name: as the log has it.
        codes: int64[n]; the number of every row's entry, -1 where the row has none.
        labels: the entries as text, each once.
        is_number: whether the entries are numbers, which say little without the key.
    """

    name: str
    codes: Codes
    labels: Sequence[str]
    is_number: bool


@dataclass(frozen=True)
class Runs:
    """The runs of a table."""

    keys: tuple[str, ...]
    """What tells them apart; no measurement."""
    codes: Codes
    """int64[n]; the number of every row's run, by first appearance."""
    names: list[str]


def is_run_key(name: str) -> bool:
    """Whether a column or key of this name may tell runs apart."""
    return normalise(name) in RUN_KEY_SET


def told_apart(columns: Sequence[KeyColumn]) -> Runs | None:
    """The runs by all keys that tell any apart, None for one run.

    A key counts where it splits what the keys before it leave together, and leaves `ROWS_PER_RUN` rows a run:
    `model, seed` with three seeds of two models are six runs.
    """
    ordered = sorted(columns, key=lambda column: RUN_KEYS.index(normalise(column.name)))
    used: list[KeyColumn] = []
    codes: Codes | None = None
    n_runs = 1
    for column in ordered:
        if len(column.labels) > MOST_RUNS or (column.is_number and normalise(column.name) in TEXT_ONLY):
            continue
        joint = column.codes + 1 if codes is None else codes * (len(column.labels) + 1) + column.codes + 1
        _, numbered = np.unique(joint, return_inverse=True)
        n_named = int(numbered.max(initial=0)) + 1
        if n_named > n_runs and len(numbered) >= ROWS_PER_RUN * n_named:
            codes, n_runs = numbered.astype(np.int64), n_named
            used.append(column)
    if codes is None:
        return None
    values, first, numbered = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    by_appearance = np.empty(len(values), dtype=np.int64)
    by_appearance[order] = np.arange(len(values))
    names = [_name(used, int(first[at])) for at in order]
    return Runs(tuple(column.name for column in used), by_appearance[numbered], names)


def is_one_row_a_run(columns: Sequence[KeyColumn]) -> str | None:
    """The key under which every row has an entry of its own, as in a table of runs; None where there is none."""
    for column in columns:
        if len(column.codes) > 1 and len(column.labels) == len(column.codes):
            return column.name
    return None


def split(table: Table) -> list[Table]:
    """A table by the columns of numbers that tell its runs apart; the table itself where none does."""
    keys = [
        of_numbers(name, column) for name, column in table.columns.items() if is_run_key(name) and column.logged.all()
    ]
    if table.name or (runs := told_apart(keys)) is None:
        return [table]
    others = {name: column for name, column in table.columns.items() if name not in runs.keys}
    found = []
    for code, name in enumerate(runs.names):
        at = np.flatnonzero(runs.codes == code)
        columns = {key: Column(column.value[at], column.logged[at]) for key, column in others.items()}
        found.append(replace(table, name=name, columns=columns))
    return found


def of_numbers(name: str, column: Column) -> KeyColumn:
    """A column of numbers as a key."""
    codes, values = factorized(np.where(column.logged, column.value, np.nan))
    return KeyColumn(name, codes, labels_of([float(value) for value in values]), is_number=True)


def _name(used: Sequence[KeyColumn], row: int) -> str:
    parts = []
    for column in used:
        label = "" if column.codes[row] < 0 else column.labels[column.codes[row]]
        parts.append(f"{column.name}={label}" if label and (column.is_number or len(used) > 1) else label)
    return ", ".join(filter(None, parts))


def labels_of(entries: Iterable[object]) -> list[str]:
    """Entries as text, whole numbers without a point."""
    return [f"{entry:g}" if isinstance(entry, float) else str(entry) for entry in entries]
