"""The two files of a trial: steps.csv, its curves, and trial.json, whose presence means that it is done."""

from __future__ import annotations

import hashlib
import json
import math
import os
import types
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from lrdoctor.core import saved_json
from lrdoctor.core.changes import SETTINGS
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import CURVES, Run, Status
from lrdoctor.core.trial import Trial
from lrdoctor.store.files import explained, read_file, write_atomic

Row = tuple[int, float, float, float | None, float | None]
"""(step, learning_rate, train_loss, grad_norm, val_loss); grad_norm is None where no gradient was taken, val_loss where
it was not evaluated."""

STEPS, TRIAL = "steps.csv", "trial.json"
COLUMNS = ("step", *CURVES)
SCHEMA_VERSION = 1


def _number(value: Any) -> float:
    """A number, also one that JSON has not and a file holds as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"found {type(value).__name__}, expected a number")
    return float(value)


def _losses(value: Any) -> list[list[float]]:
    pairs = [[int(step), _number(loss)] for step, loss in value]
    if any(after[0] <= before[0] for before, after in pairwise(pairs)):
        raise ValueError("its steps do not increase")
    return pairs


def _text(value: Any) -> str | None:
    if not isinstance(value, str | None):
        raise TypeError(f"found {type(value).__name__}, expected text")
    return value


MEASURED: Mapping[str, Callable[[Any], Any]] = {
    "evaluated": int,
    "output_spread": _number,
    "constant_loss": _number,
    "constant_losses": _losses,
    "own_learning_rate": _number,
    **dict.fromkeys(("update_rule", "framework", "unlike", "rate_flag", "objective", "objective_reason"), _text),
}
"""What a worker tells of its trial that the curves do not show: how many validation examples an evaluation held, how
much the outputs differed from example to example at the end, and (of a control) what the best constant prediction
loses on the last batches, in the mean and by step; of a command's trial the optimizer and the framework that it was
seen to use, the flag of the command that gives the optimizer its rate, (of a control) the highest rate that the script
sets, where it is above the one that its optimizer was made with, and what is known of an objective that is not
minimized; of a trial on another kind of worker than the study's first, how they differ. Each with what makes it of what
trial.json holds, and raises a ValueError or a TypeError where that is something else."""


class StepsFile:
    """steps.csv while its trial runs; rows are appended whole, and survive a kill once `append` returns.

    Raises:
        StoreError: the system refuses to write.
    """

    def __init__(self, path: Path) -> None:
        self.n_rows = 0
        self._path = path
        with explained("write", path):
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115  # closed by finish or close
        try:
            self._write(",".join(COLUMNS) + "\n")
        except BaseException:
            self._file.close()
            raise

    def append(self, rows: Sequence[Row]) -> None:
        self._write("".join(f"{int(row[0])},{','.join(map(cell, row[1:]))}\n" for row in rows))
        self.n_rows += len(rows)

    def finish(self) -> None:
        """Makes the rows durable and closes the file."""
        with explained("write", self._path), self._file:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Lets go of the file of a trial that did not come to its end, where user code has closed it too: nothing of
        it is kept, and why the trial ended says more."""
        with suppress(OSError):
            self._file.close()

    def _write(self, text: str) -> None:
        data = memoryview(text.encode("ascii"))
        with explained("write", self._path):
            start = self._file.tell()
            try:
                while data:
                    data = data[self._file.write(data) :]
            except BaseException:
                # half a row would read as another number
                with suppress(OSError):
                    self._file.truncate(self._file.seek(start))
                raise


def add_evaluations(path: Path, evaluations: Mapping[int, float]) -> None:
    """Fills validation losses into the rows of a finished steps.csv, whole or not at all.

    Args:
        path: of the file.
        evaluations: validation loss by step; steps without a row are left out.

    Raises:
        StoreError: the system refuses to read or write.
    """
    with explained("read", path):
        header, *rows = path.read_text("ascii").splitlines()
    last = COLUMNS.index("val_loss")
    assert last == len(COLUMNS) - 1
    lines = [header]
    for row in rows:
        value = evaluations.get(int(row.partition(",")[0]))
        lines.append(row if value is None else f"{row.rpartition(',')[0]},{cell(value)}")
    write_atomic(path, "".join(f"{line}\n" for line in lines).encode("ascii"))


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """What trial.json holds."""

    key: str
    trial: Trial
    status: Status
    exit_reason: str | None
    n_rows: int
    seconds: float
    attempts: int
    worker: Mapping[str, Any]
    """What the worker told about itself."""
    steps_sha256: str | None = None
    """Of steps.csv as it was measured; None in folders of versions that did not write it."""
    deaths: list[str] = field(default_factory=list)
    """How the workers of earlier attempts ended, in words: killed, lost, preempted."""

    def write(self, path: Path) -> None:
        fields = {name: value for name, value in vars(self).items() if name not in ("trial", "worker")}
        record = {
            "schema_version": SCHEMA_VERSION,
            "settings": asdict(self.trial),
            "worker": _finite(self.worker),
            **fields,
        }
        write_atomic(path, (json.dumps(record, indent=2, allow_nan=False) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> TrialRecord:
        """The record in a file.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is damaged; the text says how.
        """
        try:
            record = saved_json.loads(read_file(path))
            version = record.pop("schema_version")
            record["trial"] = Trial(**typed(Trial, record.pop("settings"), "settings."))
            found = cls(**typed(cls, record))
            found = replace(found, worker={**found.worker, **measured(found.worker)})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is not what lrdoctor writes: {error}") from error
        if found.key != path.parent.name:
            raise ValueError(f"it is of trial {found.key}")
        if version != SCHEMA_VERSION or found.status not in get_args(Status):
            raise ValueError(f"schema_version {version!r} with status {found.status!r} is unknown")
        return found


def measured(worker: Mapping[str, Any]) -> dict[str, Any]:
    """What the worker told that the curves do not show.

    Raises:
        ValueError: some of it is of another type; the text names it.
    """
    found = {}
    for name, made in MEASURED.items():
        if name in worker:
            try:
                found[name] = made(worker[name])
            except (TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"it is not what lrdoctor writes: worker.{name}: {error}") from error
    return found


def typed(kind: type, values: Any, prefix: str = "") -> dict[str, Any]:
    """The values of a class's fields, each of the type that the field says.

    Raises:
        ValueError: one is of another; the text names it.
    """
    hints = get_type_hints(kind)
    for name, value in dict(values).items():
        allowed = _classes(hints.get(name, object))
        # a float may be written without a point; a truth value is no number
        numbers = (int,) if float in allowed else ()
        is_wrong_truth = isinstance(value, bool) and bool not in allowed and object not in allowed
        if is_wrong_truth or not isinstance(value, (*allowed, *numbers)):
            raise ValueError(f"it is not what lrdoctor writes: {prefix}{name} is {type(value).__name__}")
    return dict(values)


def _classes(hint: Any) -> tuple[type, ...]:
    """The classes of the values that a field may have."""
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(kind for part in get_args(hint) for kind in _classes(part))
    if get_origin(hint) is Literal:
        return (str,)
    origin = get_origin(hint) or hint
    return (origin,) if isinstance(origin, type) else (object,)


def read_run(folder: Path, record: TrialRecord, source: str, usual_optimizer: str | None = None) -> Run:
    """The run of a trial whose trial.json is read; the curves are bit for bit those that were measured.

    Args:
        folder: of the trial.
        record: its trial.json.
        source: what the run gives as its source.
        usual_optimizer: name or class path of the study's own update rule.

    Raises:
        ValueError: steps.csv is missing or damaged; the text says how.
    """
    return Run(
        name=run_name(record.trial, usual_optimizer),
        source=source,
        curves=read_steps(folder / STEPS, record.n_rows, record.steps_sha256),
        status=record.status,
        exit_reason=record.exit_reason,
        trial=record.trial,
        provenance={
            "seconds": record.seconds,
            **measured(record.worker),
        },
    )


def run_name(trial: Trial, usual_optimizer: str | None = None) -> str:
    """A short name for people: "lr=0.01 seed=0", with what else was changed.

    Args:
        trial: to be named.
        usual_optimizer: name or class path of the study's own update rule, None when it is not known.
    """
    if trial.control:
        changed = f" rewrite={trial.rewrite}" if trial.rewrite is not None else ""
        return f"control seed={trial.seed}{changed}"
    # a study's identity knows a file of the user's without its folder
    other = usual_optimizer is not None and PurePath(trial.optimizer_name).name != PurePath(usual_optimizer).name
    changes = {
        "optimizer": trial.optimizer_name if other else None,
        "warmup": trial.warmup_steps or None,
        "post_warmup": trial.post_warmup_steps,
        **{setting.tag: getattr(trial, name) for name, setting in SETTINGS.items()},
        "stop_after": trial.stop_after,
        "eval_examples": trial.eval_examples,
    }
    parts = [f"lr={trial.base_learning_rate:g}", f"seed={trial.seed}"]
    parts += [
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in changes.items()
        if value is not None
    ]
    return " ".join(parts)


def digest(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_steps(path: Path, n_rows: int, sha256: str | None = None) -> dict[str, Curve]:
    """The curves in steps.csv, blanks left out.

    Args:
        path: of the file.
        n_rows: that it has.
        sha256: of what was measured; None where nobody knows.

    Raises:
        ValueError: the file is missing, is not `n_rows` whole rows, or was changed; the text says how.
    """
    try:
        data = read_file(path)
    except FileNotFoundError as error:
        raise ValueError("it is missing") from error
    header, *rows = data.decode("ascii").split("\n")
    if header != ",".join(COLUMNS):
        raise ValueError("it has another header")
    if not rows or rows.pop():  # text after the last line feed
        raise ValueError("it is cut off")
    if len(rows) != n_rows:
        raise ValueError(f"it has {len(rows)} rows, {TRIAL} says {n_rows}")
    cells = [row.split(",") for row in rows]
    if any(len(row) != len(COLUMNS) for row in cells):
        raise ValueError(f"a row has other than {len(COLUMNS)} columns")
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError("it was changed since it was measured, or is that of another trial")
    return {name: _curve(cells, column) for column, name in enumerate(COLUMNS) if column}


def _curve(cells: Sequence[Sequence[str]], column: int) -> Curve:
    measured = [row for row in cells if row[column]]
    try:
        step = np.array([int(row[0]) for row in measured], dtype=np.int64)
    except OverflowError as error:
        raise ValueError("a step is too large") from error
    return Curve(step, np.array([float(row[column]) for row in measured], dtype=np.float64))


def cell(value: float | None) -> str:
    """A number as the shortest text that reads back bit for bit; blank for None.

    >>> cell(0.1), cell(float("-inf")), cell(None)
    ('0.1', '-inf', '')
    """
    # a numpy scalar's repr names its type, so it becomes a float first
    return "" if value is None else repr(float(value))


def _finite(value: Any) -> Any:
    """The value with its non-finite numbers as strings, since JSON has none."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
