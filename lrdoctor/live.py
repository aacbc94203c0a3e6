"""`--live`: a watcher that writes the page of a running study into its folder, every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial
from lrdoctor.errors import LrdoctorError
from lrdoctor.reports.html.live import SECONDS, live_page

if TYPE_CHECKING:
    from lrdoctor.examine import Laboratory
    from lrdoctor.examine.laboratory import Watcher

PAGE = "live.html"


class LivePage:
    """Tells another watcher everything, and writes the page when it is a few seconds old.

    Args:
        watcher: who watched before.
        name: of the study.
        write: puts the text of the page where it belongs.
        clock: seconds from any origin.
    """

    def __init__(
        self, watcher: Watcher, name: str, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._watcher, self._name, self._write, self._clock = watcher, name, write, clock
        self._stage, self._n_done, self._n_planned = "beginning", 0, 0
        self._running: dict[Trial, tuple[int, float]] = {}
        self._done: list[Run] = []
        self._written = -float("inf")

    def planned(self, stage: str, n_trials: int, n_reused: int) -> None:
        self._watcher.planned(stage, n_trials, n_reused)
        self._stage, self._n_done, self._n_planned = stage, n_reused, n_trials
        self._running.clear()
        self.look()

    def started(self, trial: Trial, worker: int) -> None:
        self._watcher.started(trial, worker)
        self._running[trial] = (0, float("nan"))
        self.look()

    def progressed(self, trial: Trial, step: int, train_loss: float) -> None:
        self._watcher.progressed(trial, step, train_loss)
        self._running[trial] = (step, train_loss)
        self.look()

    def finished(self, run: Run) -> None:
        self._watcher.finished(run)
        if run.trial is not None:
            self._running.pop(run.trial, None)
            if not run.trial.control:
                self._done.append(run)
        self._n_done += 1
        self.look()

    def message(self, text: str) -> None:
        self._watcher.message(text)

    def look(self, ended: str = "") -> None:
        """Writes the page where the last one is older than it promises, and always at the end.

        A page that cannot be written stops no study: the trials are what counts, and their files say the same.
        """
        now = self._clock()
        if ended or now - self._written >= SECONDS:
            self._written = now
            page = live_page(self._name, self._stage, self._n_done, self._n_planned, self._running, self._done, ended)
            with suppress(LrdoctorError):
                self._write(page)


@contextmanager
def live(laboratory: Laboratory, wanted: bool) -> Iterator[None]:
    """The study's page in live.html of its folder while its trials run; nothing where it is not wanted."""
    if not wanted:
        yield
        return
    before = laboratory.watcher
    page = LivePage(before, laboratory.spec.name, lambda text: laboratory.folder.write_text(PAGE, text))
    page.look()
    before.message(f"live: {laboratory.folder.out / PAGE}")
    laboratory.watcher = page
    try:
        yield
        page.look("The study is finished; its folder has the report.")
    except BaseException:
        page.look("The study was stopped; what was finished is saved, and the same command goes on.")
        raise
    finally:
        laboratory.watcher = before
