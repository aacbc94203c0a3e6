"""What is exported of a study: its finished trials, with plain settings, plain results and the curves as measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run, Status, trial_of
from lrdoctor.core.study import Objective
from lrdoctor.core.trial import Trial
from lrdoctor.errors import StoreError
from lrdoctor.store import study_file
from lrdoctor.store.folder import StudyFolder
from lrdoctor.store.trial_files import TRIAL

Plain = str | int | float | bool
NOT_SETTINGS = ("optimizer", "rewrite", "control", "stop_hopeless")
"""Fields of a trial that are said otherwise, or are the same for all."""


@dataclass(frozen=True, kw_only=True)
class ExportedTrial:
    """One trial."""

    key: str
    """Its folder below `trials/`."""
    name: str
    """Short and different from those of the other trials; fit for the name of a file."""
    settings: Mapping[str, Plain]
    """What lrdoctor chose, by the keys of trial.json; what was not set is left out."""
    status: Status
    exit_reason: str | None
    seconds: float
    ended: float
    """When its trial.json was written, in seconds since 1970."""
    curves: Mapping[str, Curve]
    """Those of `steps.csv` that have values, nan and infinity kept."""

    @property
    def results(self) -> Mapping[str, float]:
        """The lowest finite loss of either kind, and the last training loss, where there are such."""
        found = {}
        for name in ("val_loss", "train_loss"):
            finite = self.curves[name].finite.value if name in self.curves else np.empty(0)
            if len(finite):
                found[f"best_{name}"] = float(finite.min())
        if "train_loss" in self.curves:
            found["final_train_loss"] = float(self.curves["train_loss"].value[-1])
        return {name: value for name, value in found.items() if math.isfinite(value)}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A study."""

    name: str
    folder: Path
    objective: Objective
    """The validation loss where a trial has one, else the training loss."""
    trials: tuple[ExportedTrial, ...]
    """By rate, then by seed."""


def read_study(folder: Path) -> Exported:
    """The finished trials of a study folder; the controls, which train nothing, are left out.

    Raises:
        StoreError: it is no study folder, cannot be read, or has no finished trial.
    """
    saved = study_file.load_study(folder)
    if saved is None:
        raise StoreError(f"{folder} holds no study to export; give a study folder, such as --out of a sweep")
    study_file.refuse_format(folder, saved)
    reader = StudyFolder(folder, None, saved)
    trials = [_exported(folder, key, run) for key, run in reader.finished().items() if run.trial is not None]
    if not trials:
        damaged = f": {'; '.join(reader.problems)}" if reader.problems else ""
        raise StoreError(f"{folder} has no finished trial to export{damaged}; run the command that began it again")
    trials.sort(key=lambda each: (float(each.settings["base_learning_rate"]), int(each.settings["seed"]), each.key))
    validated = any("val_loss" in each.curves for each in trials)
    return Exported(
        name=str(saved["name"]),
        folder=folder,
        objective="best_val_loss" if validated else "best_train_loss",
        trials=tuple(trials),
    )


def _exported(folder: Path, key: str, run: Run) -> ExportedTrial:
    path = folder / "trials" / key / TRIAL
    return ExportedTrial(
        key=key,
        name=f"{run.name.replace(' ', '_').replace('/', '-')}-{key[:8]}",
        settings=settings_of(trial_of(run)),
        status=run.status,
        exit_reason=run.exit_reason,
        seconds=float(run.provenance["seconds"]),
        ended=path.stat().st_mtime,
        curves={name: curve for name, curve in run.curves.items() if len(curve)},
    )


def settings_of(trial: Trial) -> dict[str, Plain]:
    """The trial's fields that are set, as plain values; `optimizer` is the rule's name."""
    given: dict[str, Any] = {of.name: getattr(trial, of.name) for of in fields(trial) if of.name not in NOT_SETTINGS}
    given["optimizer"] = trial.optimizer_name
    if trial.rewrite is not None:
        given["rewrite"] = str(trial.rewrite)
    return {name: value for name, value in given.items() if value is not None}
