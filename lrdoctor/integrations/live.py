"""A recording that is judged while it is made."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Literal

from lrdoctor.api import Objective, diagnose
from lrdoctor.core.report import Report, Verdict
from lrdoctor.errors import LrdoctorError
from lrdoctor.recording.recorder import Recorder as Listener
from lrdoctor.recording.settings import FACTS, HOOKED, STEPS, Recording
from lrdoctor.streaming import StreamEvent, StreamingJudge

OnUnstable = Literal["warn", "stop"] | Callable[[StreamEvent], object]
RUNS = Path("lrdoctor_out")


class Live:
    """The files of a recording, the judge of what is written to them, and what is done once it says unstable.

    Args:
        folder: for steps.csv and recording.json; None for `lrdoctor_out/<name>-<time>`.
        name: of the training.
        on_unstable: "warn" prints a line on standard error when the training has become unstable; "stop" prints it and
            has the training end; a callable gets the event and decides by itself.
        alpha: the share of healthy trainings that may be taken for unstable, over the whole training.
        objective: whether a rise of the loss is a failure: "auto", "minimized", "reinforcement" or "adversarial".

    Raises:
        LrdoctorError: the folder cannot be made, or holds a recording.
        ValueError: `on_unstable`, `alpha` or `objective` is none of the above.
    """

    def __init__(
        self,
        folder: str | PathLike[str] | None,
        name: str,
        on_unstable: OnUnstable,
        alpha: float,
        objective: Objective,
    ) -> None:
        if not callable(on_unstable) and on_unstable not in ("warn", "stop"):
            raise ValueError(f'on_unstable={on_unstable!r}: expected "warn", "stop" or a callable that takes an event')
        self.on_unstable = on_unstable
        self.objective = objective
        self.judge = StreamingJudge(name, alpha=alpha, objective=objective, on_event=self._tell)
        self.should_stop = False
        """Whether the training is to end, since it is unstable and `on_unstable` is "stop"."""
        self.folder = _made(folder, name)
        self.listener = Listener(Recording(directory=str(self.folder.resolve())))
        self.listener.seen = self._saw
        self._report: Report | None = None

    @property
    def verdict(self) -> Verdict:
        """As of the last look at the updates so far."""
        return self.judge.verdict if self._report is None else self._report.verdict

    def _saw(self, step: int, rate: float | None, loss: float | None, norm: float | None) -> None:
        self.judge.add(step, loss, gradient_norm=norm, learning_rate=rate)

    def _tell(self, event: StreamEvent) -> None:
        """Does what `on_unstable` says; an alarm may also come, or be taken back, when the whole training is judged."""
        if callable(self.on_unstable):
            if event.kind == "alarm":
                self.on_unstable(event)
            return
        if event.kind not in ("alarm", "retracted"):
            return
        stops = event.kind == "alarm" and self.on_unstable == "stop" and not event.is_final
        self.should_stop = self.should_stop or stops
        ends = "; the training is stopped" if stops else ""
        sys.stderr.write(f"lrdoctor: {event.text}{ends}; recorded in {self.folder}\n")

    def finish(self) -> Report:
        """Writes what is left, and judges the whole training as `lrdoctor diagnose` does its steps.csv."""
        if self._report is None:
            self.listener.finish()
            self.listener.is_on = False
            judged = self.judge.finish()
            path = self.folder / STEPS
            # the file tells more than its numbers: steps that a loss scaler skipped, the trainer, evaluations
            self._report = diagnose(path, alpha=self.judge.alpha, objective=self.objective) if path.exists() else judged
        return self._report


def _made(folder: str | PathLike[str] | None, name: str) -> Path:
    if folder is None:
        stamp = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
        paths = (RUNS / (stamp if k == 1 else f"{stamp}-{k}") for k in range(1, 1000))
        path = next(path for path in paths if not path.exists())
    else:
        path = Path(folder)
    if held := [file for file in (HOOKED, STEPS, FACTS) if (path / file).exists()]:
        raise LrdoctorError(f"{path}: holds a recording already ({held[0]}); pass another folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LrdoctorError(f"{path}: cannot be made: {error.strerror}; pass another folder") from error
    return path
