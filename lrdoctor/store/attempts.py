"""What a worker writes of a trial while it trains it: the rows, and at the end how it ended, in files of its own.

OUT/running/<key>/<attempt>/steps.csv    the rows, written by the one worker that makes the attempt, flushed
OUT/running/<key>/<attempt>/ended.json   how it ended; the attempt is whole when it is there
OUT/running/<key>/<attempt>/beside/      files that are kept with the trial, such as what a command printed

Nobody else writes there, so the process that asked for the trial may die at any time: whoever opens the study folder
next finds every attempt that ended, and makes trials of them (`StudyFolder.adopt`). A second attempt at the same trial,
by a worker that was thought to be lost, has a folder of its own and harms nothing.

Where a worker cannot reach the study folder it sends the rows to the parent instead.
"""

from __future__ import annotations

import json
import math
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict, get_args

from lrdoctor.core import saved_json
from lrdoctor.core.run import Status
from lrdoctor.errors import StoreError
from lrdoctor.store.files import explained, read_file, sync_folder, write_atomic
from lrdoctor.store.study_file import STUDY
from lrdoctor.store.trial_files import STEPS, Row, StepsFile, typed

ENDED, BESIDE = "ended.json", "beside"


class Always(TypedDict):
    """What every ended.json holds."""

    status: Status
    reason: str | None
    seconds: float
    facts: dict[str, Any]
    worker: dict[str, Any]


class Ending(Always, total=False):
    """What ended.json holds."""

    n_rows: int
    evaluations: dict[str, float]
    """Validation losses by step."""
    notes: list[str]


SECONDS_A_SIGN = 0.5
"""Between two signs of progress: a view stays alive, and 256 workers send some 500 small messages a second."""

LARGEST_FILE = 256 * 1024
"""Bytes of a file beside the rows that are sent, where the study folder cannot be reached: the output of a command is
cut to less."""

SECONDS_TO_APPEAR = 30.0
"""How long a network file system may take to show a file that another machine has written."""


def train(
    payload: Mapping[str, Any],
    emit: Callable[[Any], None],
    trainer: Callable[[Mapping[str, Any], Callable[[Sequence[Row]], None]], Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Trains a trial and keeps what comes of it.

    Args:
        payload: of kind `trial`; without a `folder` nothing is kept and the rows are sent.
        emit: takes progress: `{"rows": count, "step": last, "train_loss": its loss}` where the rows are written here,
            the rows themselves where they are not.
        trainer: (payload, takes rows) -> how the trial ended, as `examine.trainers.Ended`.
        facts: of this worker, kept with the trial.

    Returns:
        How it ended, with `seconds`, and `attempt`, the folder of the attempt, where that is in the study folder. A
        trial that another worker has finished meanwhile is not trained again.

    Raises:
        Whatever `trainer` raises.
        StoreError: the study folder cannot be written.
    """
    folder = payload.get("folder")
    if folder is None or not is_reachable(Path(folder), payload["mark"]):
        return _sent(payload, emit, trainer, facts)
    done = ended_attempts(Path(folder))
    if done:
        return read_ending(done[0])
    attempt = Path(folder) / uuid.uuid4().hex[:12]
    with explained("make the folder", attempt):
        attempt.mkdir(parents=True)
    began, said = time.monotonic(), 0.0
    steps = StepsFile(attempt / STEPS)

    def write(rows: Sequence[Row]) -> None:
        nonlocal said
        steps.append(rows)
        if time.monotonic() - said >= SECONDS_A_SIGN:
            said = time.monotonic()
            emit({"rows": steps.n_rows, "step": rows[-1][0], "train_loss": rows[-1][2]})

    try:
        ended = trainer({**payload, "folder": str(attempt / BESIDE)}, write)
        steps.finish()
    finally:
        steps.close()
    record = {**ended, "n_rows": steps.n_rows, "seconds": time.monotonic() - began, "worker": worker_facts(facts)}
    write_atomic(attempt / ENDED, json.dumps(record).encode())
    with explained("write", attempt):
        sync_folder(attempt.parent)
    return read_ending(attempt)


def _sent(
    payload: Mapping[str, Any],
    emit: Callable[[Any], None],
    trainer: Callable[[Mapping[str, Any], Callable[[Sequence[Row]], None]], Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Trains where nothing can be kept: rows are sent as they come, files at the end."""
    from lrdoctor.core import passing

    began = time.monotonic()
    with passing.folder() as name:
        beside = Path(name) / BESIDE
        kept = {} if payload.get("folder") is None else {"folder": str(beside)}
        ended = dict(trainer({**payload, "folder": None, **kept}, emit))
        files = {path.name: path.read_bytes()[-LARGEST_FILE:] for path in _files(beside)}
    return {**ended, "seconds": time.monotonic() - began, "worker": worker_facts(facts), "files": files}


def worker_facts(described: Mapping[str, Any]) -> dict[str, Any]:
    """Of what a worker tells of itself (`Session.describe`), that which is kept with each of its trials."""
    facts = {name: described.get(name) for name in ("host", "torch")}
    return {"device": described["device_name"], **{name: value for name, value in facts.items() if value is not None}}


def is_reachable(folder: Path, mark: str) -> bool:
    """Whether this machine sees the study folder that `folder`, one of its trials' folders below running/, is in: a
    folder of the same name on a machine that shares no disk holds another study, or none."""
    try:
        return bool(json.loads(read_file(folder.parent.parent / STUDY))["id"] == mark)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def ended_attempts(folder: Path) -> list[Path]:
    """The attempts at a trial that are whole and did not fail, the first one first.

    Args:
        folder: of the trial below running/.
    """
    with explained("read", folder):
        found = sorted(folder.glob(f"*/{ENDED}"), key=lambda path: path.stat().st_mtime)
    # earlier versions moved the rows, so one that was killed may have left an ending without them
    whole = [path.parent for path in found if (path.parent / STEPS).exists()]
    return [attempt for attempt in whole if read_ending(attempt)["status"] != "failed"]


def read_ending(attempt: Path) -> dict[str, Any]:
    """How an attempt ended, as `train` returns it.

    Raises:
        StoreError: its ended.json is not there, after some patience with network file systems, or is damaged.
    """
    path = attempt / ENDED
    deadline = time.monotonic() + SECONDS_TO_APPEAR
    while not path.exists() and attempt.parent.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    with explained("read", path):
        data = read_file(path)
    with damage_told(attempt, ENDED):
        ended = typed(Ending, saved_json.loads(data))
        if missing := [name for name in Always.__annotations__ if name not in ended]:
            raise ValueError(f"it has no {missing[0]}")
        if ended["status"] not in get_args(Status) or not math.isfinite(ended["seconds"]):
            raise ValueError(f"status {ended['status']!r} after {ended['seconds']} s is unknown")
        # JSON has no whole numbers for keys
        ended["evaluations"] = {int(step): float(value) for step, value in ended.get("evaluations", {}).items()}
        return {**ended, "attempt": str(attempt)}


@contextmanager
def damage_told(attempt: Path, name: str) -> Iterator[None]:
    """Turns what is wrong with a file of an attempt into a StoreError that says what to delete."""
    try:
        yield
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreError(f"{attempt / name} is damaged: {error}; delete {attempt} to train the trial again") from error


def newest(folder: Path) -> Path | None:
    """The attempt at a trial that was begun last; None where there is none.

    Args:
        folder: of the trial below running/.
    """
    with explained("read", folder):
        begun = sorted(folder.glob(f"*/{STEPS}"), key=lambda path: path.stat().st_mtime)
    return begun[-1].parent if begun else None


def take(attempt: Path, folder: Path) -> int:
    """Copies what an attempt wrote to the folder of its trial, in place of what is there, and makes it durable.

    The attempt stays as it is: whoever is killed before the trial's outcome is written begins here again.

    Args:
        attempt: that is over; half a row, as a worker leaves that is killed, is cut off.
        folder: of the trial, which exists.

    Returns:
        The number of rows.
    """
    with explained("copy what is in", attempt):
        for path in _files(attempt / BESIDE):
            shutil.copyfile(path, folder / path.name)
        text = read_file(attempt / STEPS)
    write_atomic(folder / STEPS, text[: text.rfind(b"\n") + 1])
    return max(0, text.count(b"\n") - 1)  # the header is no row


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
