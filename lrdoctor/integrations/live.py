"""A recording that is judged while it is made."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Literal

from lrdoctor.api import Objective, diagnose
from lrdoctor.assess import report_of_logs
from lrdoctor.core.report import Report, Verdict
from lrdoctor.errors import LrdoctorError
from lrdoctor.logs.gather import Gathered, Unread
from lrdoctor.recording import facts
from lrdoctor.recording.recorder import Recorder as Listener
from lrdoctor.recording.settings import FACTS, HOOKED, STEPS, Recording
from lrdoctor.streaming import StreamEvent, StreamingJudge

OnUnstable = Literal["warn", "stop"] | Callable[[StreamEvent], object]
RUNS = Path("lrdoctor_out")


class Live:
    """The files of a recording, the judge of what is written to them, and what is done once it says unstable.

    Of several ranks the first one records and tells; the others measure along, since the norm of sharded gradients
    needs them all, and are told when to stop. In a trial of a sweep or a treatment, which lrdoctor records itself and
    ends when it is decided, nothing is recorded, told or stopped: the trial would be another training.

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
        self.rank, self.n_ranks = facts.rank()
        self.is_trial = _in_a_trial()
        """Whether lrdoctor runs this process as a trial."""
        keeps_nothing = self.is_trial or self.rank != 0
        self.folder = Path(folder or RUNS) if keeps_nothing else _made(folder, name)
        self.listener = Listener(Recording(directory=str(self.folder.resolve())))
        self.listener.seen = self._saw
        self.listener.is_on = not self.is_trial
        self._n_agreed = 0
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

    def agree(self) -> None:
        """Lets all ranks stop after the same update; every rank calls it after each one.

        Only with "stop", since it waits for the slowest rank, as the average of gradients does anyway; on accelerators
        once in as many updates as their values are read.
        """
        distributed = sys.modules.get("torch.distributed")
        if self.on_unstable != "stop" or self.is_trial or distributed is None or not distributed.is_available():
            return
        if not distributed.is_initialized() or distributed.get_world_size() == 1:
            return
        import torch

        on_accelerator = "nccl" in distributed.get_backend()
        self._n_agreed += 1
        if on_accelerator and self._n_agreed % self.listener.settings.sync_every:
            return
        device = torch.device("cuda", torch.cuda.current_device()) if on_accelerator else torch.device("cpu")
        stops = torch.tensor([float(self.should_stop)], device=device)
        distributed.all_reduce(stops, op=distributed.ReduceOp.MAX)
        self.should_stop = bool(stops.item())

    def _nothing_kept(self) -> str:
        """Why there is no recording, "" where there is one."""
        if self.is_trial:
            return "this is a trial, which lrdoctor records and judges itself"
        if self.rank != 0:
            return f"this is rank {self.rank} of {self.n_ranks} (from 0): rank 0 records and judges the training"
        return ""

    def finish(self) -> Report:
        """Writes what is left, and judges the whole training as `lrdoctor diagnose` does its steps.csv."""
        if self._report is None:
            self.listener.finish()
            self.listener.is_on = False
            if why := self._nothing_kept():
                self._report = report_of_logs(Gathered(unread=(Unread(self.judge.name, why),)), "watch")
                return self._report
            judged = self.judge.finish()
            path = self.folder / STEPS
            # the file tells more than its numbers: steps that a loss scaler skipped, the trainer, evaluations
            self._report = diagnose(path, alpha=self.judge.alpha, objective=self.objective) if path.exists() else judged
        return self._report


def _in_a_trial() -> bool:
    try:
        settings = Recording.of_environment(os.environ)
    except ValueError:  # of another version, whose hook has said so
        return False
    return settings is not None and (settings.steers or settings.stop_non_finite or settings.max_updates is not None)


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
