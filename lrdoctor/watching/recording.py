"""A recording that is judged while its script trains, to end the script when the training becomes unstable."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from lrdoctor.core.run import Run
from lrdoctor.errors import LogError
from lrdoctor.logs.gather import with_objective
from lrdoctor.logs.recordings import read_folder
from lrdoctor.streaming.events import StreamEvent
from lrdoctor.streaming.judging import GrowingRun
from lrdoctor.watching.session import SHARE


class RecordingWatch:
    """Judges the recording in a folder as it grows.

    Args:
        folder: that the recorder writes to.
        name: of the training.
        objective: as for `gather`.
        alpha: the risk of a false alarm of a run.
        clock: seconds.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        objective: str | None,
        alpha: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.alarm: StreamEvent | None = None
        """The first one."""
        self._folder, self._name, self._objective, self._alpha = folder, name, objective, alpha
        self._clock, self._not_before = clock, 0.0
        self._sizes: dict[str, int] = {}
        self._judges: list[GrowingRun] = []

    def is_unstable(self) -> bool:
        """Reads what was recorded since the last time; whether a run has become unstable."""
        began = self._clock()
        if self.alarm is not None or began < self._not_before:
            return self.alarm is not None
        sizes = {path.name: path.stat().st_size for path in self._folder.glob("*.csv")}
        if sizes == self._sizes:
            return False
        self._sizes = sizes
        try:
            runs = list(with_objective(read_folder(self._folder, self._name).runs, self._objective))
        except LogError:  # a file that is being made; what is damaged is told at the end
            return False
        for k, run in enumerate(runs):
            if k == len(self._judges):
                self._judges.append(GrowingRun(run.name, self._alpha))
            for event in self._judges[k].grow(_settled(run)):
                if event.kind == "alarm" and self.alarm is None:
                    self.alarm = event
        ended = self._clock()
        self._not_before = ended + (ended - began) * (1 / SHARE - 1)
        return self.alarm is not None


def _settled(run: Run) -> Run:
    """The run with every gradient norm that alone is not finite taken for a step that the loss scaler skipped.

    Which steps were skipped is written later than the rows. Where the update was made, the next loss tells.
    """
    norm, loss = run.grad_norm, run.train_loss
    lost = loss.step[~np.isfinite(loss.value)]
    alone = norm.step[~np.isfinite(norm.value) & ~np.isin(norm.step, lost)]
    skipped = tuple(sorted({*run.provenance.get("skipped_steps", ()), *alone.tolist()}))
    return replace(run, provenance={**run.provenance, "skipped_steps": skipped})
