"""`trainer_state.json` of Hugging Face's Trainer.

`loss` is the mean over the last `logging_steps` steps. With `logging_nan_inf_filter`, which is on by default, the
Trainer leaves non-finite losses out of that mean, down to a loss of exactly 0.0.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from lrdoctor.errors import LogError, NoLogError
from lrdoctor.logs._decode import decoded, whole_text
from lrdoctor.logs._json import objects
from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import HEAD_BYTES, Source, Table
from lrdoctor.logs.text import head_text

NAME = "hf-trainer"
FILE = "trainer_state.json"
FILTERED = "logging_nan_inf_filter, on by default, leaves non-finite losses out of the logged mean"

_HISTORY = re.compile(r'"log_history"\s*:\s*\[')
_INTERVAL = re.compile(r'"logging_steps"\s*:\s*(\d{1,9})\b')
_GLOBAL_STEP = re.compile(r'"global_step"\s*:\s*(\d{1,15})\b')
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,15})")


def sniff(source: Source) -> bool:
    """Whether the text is an object with a `log_history`."""
    text = head_text(source).lstrip()
    return text.startswith("{") and _HISTORY.search(text) is not None


def read(source: Source) -> Iterator[Table]:
    """The one run of the file.

    Raises:
        LogError: there is no `log_history`, or nothing in it.
    """
    text = whole_text(source)
    history = _HISTORY.search(text)
    records = list(objects(text, history.end())) if history else []
    steps = [record for record in records if "train_runtime" not in record]
    if not steps:
        raise LogError(f"{source.name}: expected a `log_history` with records, as {FILE} has it")
    rows = Rows()
    for record in steps:
        rows.add((key, value) for key, value in record.items() if not isinstance(value, list | dict))
    left_out = {}
    if len(steps) < len(records):
        left_out["summary at the end"] = "its train_loss is the mean of the whole run, not a step's loss"
    if not text.rstrip().endswith("}"):
        left_out["end of the file"] = "cut short"
    table = rows.table("", _facts(text, steps), left_out)
    if not table.columns:
        raise NoLogError(f"{source.name}: no number in its `log_history`")
    yield table


def _facts(text: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    """Over how many steps a loss is averaged, and that non-finite ones may be missing from it."""
    facts: dict[str, Any] = {"nan_filter": True, "notes": (FILTERED,)}
    written = _INTERVAL.search(text)
    interval = int(written[1]) if written else _interval([r.get("step") for r in records if "loss" in r])
    if interval > 1:
        facts["averaged"] = interval
    return facts


def _interval(steps: list[Any]) -> int:
    """The commonest distance of two losses in steps; older files do not hold the setting."""
    known = [step for step in steps if isinstance(step, float)]
    gaps = Counter(after - before for before, after in pairwise(known) if after > before)
    (gap, _), *_ = gaps.most_common(1) or [(1.0, 0)]
    return int(gap) if gap < float("inf") else 1


def newest_state(folder: Path) -> Path | None:
    """The `trainer_state.json` that goes furthest: the run's own, or that of its highest checkpoint.

    Every checkpoint holds the whole history so far, and the run's own file may stem from before a resume.
    """
    own = folder / FILE
    checkpoints = [path / FILE for path in folder.iterdir() if is_checkpoint(path) and (path / FILE).is_file()]
    found = [own] if own.is_file() else []
    if checkpoints:
        found.append(max(checkpoints, key=lambda path: _checkpoint_number(path.parent)))
    return max(found, key=_last_step, default=None)


def is_checkpoint(path: Path) -> bool:
    """Whether it is a `checkpoint-N` folder."""
    return _CHECKPOINT.fullmatch(path.name) is not None and path.is_dir()


def _checkpoint_number(path: Path) -> int:
    found = _CHECKPOINT.fullmatch(path.name)
    return int(found[1]) if found else -1


def _last_step(path: Path) -> int:
    """The file's `global_step`, which stands before the history; that of an unreadable file is -1."""
    try:
        with path.open("rb") as file:
            found = _GLOBAL_STEP.search(decoded(file.read(HEAD_BYTES)))
    except OSError:
        return -1
    return int(found[1]) if found else -1
