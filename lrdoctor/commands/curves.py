"""The curves of a run of a command: its rows as they come, its validation losses when it is over."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lrdoctor.core.run import Run
from lrdoctor.errors import LogError
from lrdoctor.logs import read_log
from lrdoctor.recording.settings import COLUMNS

Row = tuple[int, float, float, float | None, float | None]
"""As trials have them: (step, learning_rate, train_loss, grad_norm, val_loss)."""


class Growing:
    """Reads the rows of a steps.csv while it is being written.

    A row whose gradient norm alone is not finite, and which others follow, is an update that a loss scaler skipped:
    the norm says nothing of the training and is left out.

    Args:
        path: of the file, which may not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._rest = b""
        self._held: Row | None = None
        self._last = -1

    def new(self, is_over: bool = False) -> list[Row]:
        """The whole rows since the last call; with `is_over` also the one that was held back."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                data = file.read()
        except FileNotFoundError:
            data = b""
        self._at += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        rows = [row for line in lines if (row := self._row(line.decode("ascii"))) is not None]
        return list(self._settled(rows, is_over))

    def _row(self, line: str) -> Row | None:
        cells = line.split(",")
        if tuple(cells) == COLUMNS or len(cells) != len(COLUMNS):
            return None
        step, rate, loss, norm = int(cells[0]), *(float(cell) if cell else None for cell in cells[1:4])
        if step <= self._last or loss is None:
            return None
        self._last = step
        return step, math.nan if rate is None else rate, loss, norm, None

    def _settled(self, rows: list[Row], is_over: bool) -> Iterator[Row]:
        for row in rows:
            if self._held is not None:
                yield (*self._held[:3], None, None)
                self._held = None
            if row[3] is not None and not math.isfinite(row[3]) and math.isfinite(row[2]):
                self._held = row
            else:
                yield row
        if is_over and self._held is not None:
            yield self._held
            self._held = None


def logged(path: Path, n_rows: int, began: float, is_cut: bool = False) -> tuple[dict[int, float], str | None]:
    """Validation losses by step from a log that the command wrote.

    Where the log counts updates, its steps are taken; where it counts epochs, samples or nothing, the evaluations are
    spread evenly up to the last update.

    Args:
        path: of the log.
        n_rows: updates of the run.
        began: when the run was started, in seconds of the clock that files have; an older log is that of another run.
        is_cut: whether the run was ended from outside, and may have gone on meanwhile.

    Returns:
        the losses, and what is to be said of them; no losses where none were found, with the reason.
    """
    if not path.exists() or path.stat().st_mtime < began:
        return {}, f"validation loss: {path.name} was not written"
    try:
        runs = read_log(path)
    except LogError as error:
        return {}, f"validation loss: none was read: {error}"
    run = max(runs, key=lambda one: len(one.val_loss))
    if not len(run.val_loss):
        return {}, f"validation loss: {path.name} has none that is known as one"
    return at_updates(run, n_rows, is_cut)


def at_updates(run: Run, n_rows: int, is_cut: bool = False) -> tuple[dict[int, float], str | None]:
    """The validation losses of a log's run by update."""
    steps, values = run.val_loss.step, run.val_loss.value
    if is_cut:
        if run.counts_updates:
            return dict(zip(steps.tolist(), values.tolist(), strict=True)), None
        # how many updates went before the last evaluation depends on when the run noticed its end
        return {}, None
    if run.counts_updates and int(steps[-1]) <= n_rows:
        # a count of 1 to n stands for updates 0 to n - 1
        return {min(int(step), n_rows - 1): float(value) for step, value in zip(steps, values, strict=True)}, None
    n = len(steps)
    spread = {max(0, (k + 1) * n_rows // n - 1): float(value) for k, value in enumerate(values)}
    return spread, (
        f"validation loss: the log counts {run.provenance.get('x', 'no')}s and no updates, so its evaluations are put "
        "at equal distances up to the last update"
    )


def settled(evaluations: Mapping[int, float], steps: Sequence[int], is_cut: bool = False) -> dict[int, float]:
    """The evaluations at steps that have a row (ascending): each goes to the last one before it.

    Args:
        evaluations: value by step.
        steps: those that have a row.
        is_cut: whether the run was ended from outside at its last row: an evaluation there, or after it, may or may
            not have been made before the end, so none counts.
    """
    found: dict[int, float] = {}
    for step, value in evaluations.items():
        if is_cut and step >= steps[-1]:
            continue
        if at := bisect_right(steps, step):
            found[steps[at - 1]] = value
    return found
