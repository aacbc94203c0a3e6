"""The folder of a recording, as runs: every update of each optimizer, with what no log says of its values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lrdoctor.core import saved_json
from lrdoctor.core.curve import Curve
from lrdoctor.core.robust import median
from lrdoctor.core.run import Run
from lrdoctor.errors import LogError
from lrdoctor.logs.provenance import of_steps
from lrdoctor.recording.settings import COLUMNS, EVALUATIONS, FACTS

NAME = "lrdoctor recording"
NAMES = re.compile(r"steps(_\d+)?\.csv")
"""Files of a recording that hold curves, one an optimizer."""
ADVERSARIAL = "the loss of one optimizer reaches the parameters of the other, as in a GAN or an actor-critic"


@dataclass(frozen=True)
class Thresholds:
    last: int = 20
    """Updates before the end in which a blow-up has to lie for the crash to be its: trainers check the loss every so
    many."""
    factor: float = 10.0
    """Times the first losses: a model that does ten times worse than an untrained one has diverged."""
    first: int = 5
    """Losses at the start whose median is that of the untrained model."""


THRESHOLDS = Thresholds()

OF_VALUES = re.compile(
    r"\bnan\b|math range error|not finite|non-?finite|floatingpointerror|infinite or nan|loss (is|became) inf", re.I
)
"""Exceptions that say by their text that a value overflowed: `math.exp(loss)` is the perplexity of language models."""


@dataclass(frozen=True)
class Recorded:
    """What lies in the folder of a recording."""

    folder: Path
    facts: Mapping[str, Any] = field(default_factory=dict)
    """recording.json; empty where the training never made an update."""
    runs: tuple[Run, ...] = ()
    """One for each optimizer, in the order in which they first stepped."""


def read_folder(folder: Path, name: str) -> Recorded:
    """The runs of a recording, none where no update was recorded.

    Args:
        folder: that the recorder wrote to; the process may have been killed.
        name: of the training.

    Raises:
        LogError: a file is damaged.
    """
    facts = _facts(folder / FACTS)
    optimizers = facts.get("optimizers") or []
    steps = {one["file"]: one for one in optimizers}
    runs = [
        _run(folder / file, f"{name}: {_called(k, one)}" if len(steps) > 1 else name, facts, one)
        for k, (file, one) in enumerate(steps.items())
    ]
    if runs and (evaluations := _curves(folder / EVALUATIONS, ("val_loss",))):
        runs[0] = replace(runs[0], curves={**runs[0].curves, **evaluations})
    return Recorded(folder, facts, tuple(run for run in runs if len(run.train_loss)))


def _called(k: int, optimizer: Mapping[str, Any]) -> str:
    return f"optimizer {k} ({optimizer['name']})"


def _facts(path: Path) -> dict[str, Any]:
    try:
        found = saved_json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise LogError(f"{path}: is damaged ({error}); record the training again") from error
    return found if isinstance(found, dict) else {}


def with_recording(run: Run, path: Path) -> Run:
    """The run of a file that a recorder wrote, with what lies beside it: evaluations, the trainer, skipped steps.

    Args:
        run: as the reader of CSV files gives it.
        path: of the file; the run of any other file is returned as it is.

    Raises:
        LogError: a file of the recording is damaged.
    """
    if not NAMES.fullmatch(path.name) or not path.with_name(FACTS).is_file():
        return run
    facts = _facts(path.with_name(FACTS))
    optimizers = facts.get("optimizers") or []
    number = next((k for k, one in enumerate(optimizers) if one.get("file") == path.name), None)
    if number is None:
        return run
    evaluations = {} if number else _curves(path.with_name(EVALUATIONS), ("val_loss",))
    told = {"notes": tuple(_notes(facts, optimizers[number])), **_recorded(facts, optimizers[number])}
    return replace(run, curves={**run.curves, **evaluations}, provenance={**run.provenance, **told})


def _run(path: Path, name: str, facts: Mapping[str, Any], optimizer: Mapping[str, Any]) -> Run:
    curves = _curves(path, COLUMNS[1:])
    loss = curves.get("train_loss")
    provenance = {
        "format": NAME,
        "columns": {name: name for name in ("step", *curves)},
        "x": "step",
        **(of_steps(loss.step) if loss is not None else {}),
        "notes": tuple(_notes(facts, optimizer)),
        "left_out": {},
        **_recorded(facts, optimizer),
    }
    return Run(name, str(path), curves, provenance=provenance)


def _recorded(facts: Mapping[str, Any], optimizer: Mapping[str, Any]) -> dict[str, Any]:
    """What the recorder saw that curves do not show."""
    return {
        "recorded": {key: value for key, value in optimizer.items() if key != "skipped_steps"},
        "skipped_steps": tuple(optimizer.get("skipped_steps") or ()),
        "framework": facts.get("framework"),
        **objective_of(facts),
    }


def objective_of(facts: Mapping[str, Any]) -> dict[str, str]:
    """What a recording shows of the objective, as `measures.objective` reads it; empty where it is minimized."""
    if module := facts.get("reinforcement"):
        return {"objective": "reinforcement", "objective_reason": f"the script uses {module}"}
    return {"objective": "adversarial", "objective_reason": ADVERSARIAL} if facts.get("adversarial") else {}


def _notes(facts: Mapping[str, Any], optimizer: Mapping[str, Any]) -> list[str]:
    notes = list(facts.get("notes") or ())
    if n := optimizer.get("n_skipped"):
        notes.append(f"{n} of {optimizer['n_rows']} steps were skipped by the loss scaler and are no updates")
    if (n := facts.get("world_size") or 1) > 1:
        notes.append(f"rank 0 of {n}: the losses of the other ranks are not seen")
    return notes


def _curves(path: Path, columns: Sequence[str]) -> dict[str, Curve]:
    """The columns of a file of the recorder, blanks left out; of a row that a kill cut off nothing is kept."""
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise LogError(f"{path}: is damaged ({error}); record the training again") from error
    cells = [line.split(",") for line in text.split("\n")[1:-1]]
    curves: dict[str, Curve] = {}
    try:
        for k, name in enumerate(columns, start=1):
            # of a step that was evaluated twice the later value
            given = {int(row[0]): float(row[k]) for row in cells if len(row) == len(columns) + 1 and row[k]}
            if given:
                steps = sorted(given)
                curves[name] = Curve(np.array(steps, dtype=np.int64), np.array([given[step] for step in steps]))
    except ValueError as error:
        raise LogError(f"{path}: is damaged ({error}); record the training again") from error
    return curves


def blow_up(recorded: Recorded) -> str | None:
    """Why a script that failed diverged before, None where nothing shows that it did."""
    exception = recorded.facts.get("exception")
    if exception and OF_VALUES.search(exception):
        return str(exception)
    unfinished = recorded.facts.get("unfinished") or {}
    for kind, of in (("loss", unfinished.get("losses")), ("gradient norm", unfinished.get("norms"))):
        for value in of or ():
            number = _number(value)
            if not math.isfinite(number):
                return f"the {kind} of the update that was not made is {number}"
    for run in recorded.runs:
        why = _in_curves(run, [_number(value) for value in unfinished.get("losses") or ()])
        if why is not None:
            return why
    return None


def _in_curves(run: Run, unfinished: list[float]) -> str | None:
    loss, skipped = run.train_loss, run.provenance["skipped_steps"]
    since = int(loss.step[-1]) - THRESHOLDS.last + 1
    for name in ("train_loss", "grad_norm"):
        curve = run.curve(name)
        bad = ~np.isfinite(curve.value) & ~np.isin(curve.step, skipped)
        at_end = np.flatnonzero(bad & (curve.step >= since))
        if len(at_end):
            # told from where it began, as the finding about the values tells it, and not from where the end begins
            good = np.flatnonzero(~bad[: at_end[0]])
            k = int(good[-1]) + 1 if len(good) else 0
            return f"{name} is {curve.value[k]} at step {curve.step[k]}"
    first = float(median(loss.value[: THRESHOLDS.first]))
    last = max([*loss.after(since).value.tolist(), *unfinished])
    if first > 0 and last >= THRESHOLDS.factor * first:
        return f"the loss was {last:.4g} within the last {THRESHOLDS.last} updates, after {first:.4g} at the start"
    return None


def _number(value: Any) -> float:
    """What recording.json has of a number: null for nan, text for infinity."""
    return math.nan if value is None else float(value)
