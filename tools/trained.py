"""Trials of the bundled workloads, for sample_runs/: trained in this process, as a worker of a sweep does it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lrdoctor.core.trial import Trial
from lrdoctor.logs.gather import gather
from lrdoctor.spec import load_spec
from lrdoctor.store.trial_files import COLUMNS, cell
from lrdoctor.training.loop import Row, train
from lrdoctor.training.session import open_session

CONFIGS = Path(__file__).parent.parent / "configs"


@dataclass(frozen=True)
class Trained:
    """One trial."""

    config: str
    """Name of a file in configs/, without its ending."""
    base_learning_rate: float
    seed: int


def rows_of(which: Trained, stop_after: int | None = None) -> list[Row]:
    """The rows of the trial's steps.csv, of its first updates alone where `stop_after` says so."""
    spec = load_spec(CONFIGS / f"{which.config}.yaml", ["device=cpu"])
    trial = Trial(
        base_learning_rate=which.base_learning_rate,
        seed=which.seed,
        max_train_steps=spec.max_train_steps,
        eval_every=spec.eval_every,
        optimizer=spec.optimizer_text(),
        stop_after=stop_after,
    )
    rows: list[Row] = []
    train(open_session(spec.workload(), 0).workload, trial, rows.extend, lambda: False)
    return rows


def text_of(rows: Iterable[Row], file: str) -> str:
    """The trial as the file's ending says: CSV as in a study folder, or JSON lines."""
    return _json_lines(rows) if file.endswith(".jsonl") else _csv(rows)


def _csv(rows: Iterable[Row]) -> str:
    return "\n".join([",".join(COLUMNS), *(f"{row.step},{','.join(map(cell, row[1:]))}" for row in rows)]) + "\n"


def _json_lines(rows: Iterable[Row]) -> str:
    """One object a step; a loss that was not evaluated is no key."""
    kept = ({name: value for name, value in zip(COLUMNS, row, strict=True) if value is not None} for row in rows)
    return "".join(json.dumps(row) + "\n" for row in kept)


def largest_difference(path: Path, rows: Sequence[Row]) -> float:
    """Of the training losses from those of a saved log at the same steps, relative; inf where only one is finite."""
    (run,) = gather([str(path)]).runs
    pairs = zip(run.train_loss.value, (row.train_loss for row in rows), strict=False)
    return max((_difference(float(old), new) for old, new in pairs), default=0.0)


def _difference(old: float, new: float) -> float:
    if not (math.isfinite(old) and math.isfinite(new)):
        return 0.0 if math.isfinite(old) == math.isfinite(new) else math.inf
    return abs(old - new) / max(abs(old), abs(new), 1e-12)
