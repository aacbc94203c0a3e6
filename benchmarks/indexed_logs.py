"""Real logs with labels: a folder with an INDEX.csv that names file, loss column, label and spike steps.

A log is read as `lrdoctor diagnose` reads it, with no hint from the index. The index only says which of several runs
of a log the label is about, and whether the loss that was read is the one that was labelled.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lrdoctor.core.run import Run
from lrdoctor.errors import LogError
from lrdoctor.logs import read_log

UNSTABLE = {"nan", "divergence", "spike", "early_instability", "oscillating"}
STABLE = {"stable"}


@dataclass(frozen=True)
class Log:
    """One labelled log: the runs that the label is about."""

    id: str
    label: str
    spike_steps: tuple[int, ...]
    runs: tuple[Run, ...]
    loss_column: str = ""
    """What the index calls the training loss."""
    repo: str = ""
    """Where the log comes from, owner/name."""
    error: str = ""
    """Why the log could not be read; it has no runs then."""

    @property
    def half(self) -> str:
        """`tune` or `hold-out`, fixed for ever by the repository: logs of one project are alike, and never stand on
        both sides. A log of no known repository stands by itself."""
        of = (self.repo or self.id).encode()
        return "tune" if hashlib.sha256(of).digest()[0] % 2 == 0 else "hold-out"

    @property
    def is_unstable(self) -> bool | None:
        """None where nobody could say."""
        return True if self.label in UNSTABLE else False if self.label in STABLE else None

    @property
    def other_columns(self) -> tuple[str, ...]:
        """The columns that were read as the training loss and are called otherwise in the index."""
        return tuple(sorted({_column(run) for run in self.runs if _wanted(self.loss_column) not in _names(run)}))


def load(folder: Path) -> Iterator[Log]:
    """The logs of the folder, in the order of its index."""
    with (folder / "INDEX.csv").open(encoding="utf-8-sig", newline="") as index:
        for row in csv.DictReader(index):
            runs, error = _read(folder / row["file"])
            yield Log(
                id=row["id"],
                label=row["label"],
                spike_steps=tuple(int(step) for step in row["spike_steps"].split(";") if step),
                runs=labelled(runs, row["loss_column"]),
                loss_column=row["loss_column"],
                repo=row.get("repo", ""),
                error=error,
            )


def labelled(runs: Sequence[Run], loss_column: str) -> tuple[Run, ...]:
    """The runs whose training loss is the column of the index; all of them when it is the loss of none."""
    chosen = [run for run in runs if _wanted(loss_column) in _names(run)]
    return tuple(chosen or runs)


def _read(path: Path) -> tuple[list[Run], str]:
    try:
        return read_log(path), ""
    except LogError as error:
        return [], str(error)


def _wanted(loss_column: str) -> str:
    """The column itself: a chart export with a column a run is indexed as `"gpt2 - train/loss" (8 runs, wide)`."""
    quoted = re.search(r'"(.+)"', loss_column)
    return quoted[1] if quoted else loss_column


def _names(run: Run) -> tuple[str, str]:
    """The column of the training loss, alone and as a chart export writes it."""
    return _column(run), f"{run.name} - {_column(run)}"


def _column(run: Run) -> str:
    return str(run.provenance["columns"]["train_loss"])
