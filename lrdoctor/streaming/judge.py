"""The judge for a training loop: points one by one, verdicts as they change."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lrdoctor.streaming.events import StreamEvent
from lrdoctor.streaming.judging import RunJudge
from lrdoctor.streaming.looks import Looks

if TYPE_CHECKING:
    from lrdoctor.core.report import Report, Verdict
    from lrdoctor.core.run import Run

COLUMNS = ("step", "train_loss", "grad_norm", "learning_rate", "val_loss")


class _Column:
    """Values as they come, and whether there was one."""

    def __init__(self) -> None:
        self.value, self.logged = array("d"), bytearray()

    def add(self, value: float | None) -> None:
        self.value.append(0.0 if value is None else value)
        self.logged.append(value is not None)


class StreamingJudge:
    """Judges a training while it runs, by the measures and rules of `lrdoctor diagnose`.

    >>> import math
    >>> judge = StreamingJudge("my training")
    >>> losses = [2.0 * 0.98**step for step in range(200)] + [math.nan]
    >>> for step, loss in enumerate(losses):
    ...     for event in judge.add(step, loss):
    ...         print(event.kind, event.verdict, event.step, event.rule)
    verdict stable 19 None
    alarm unstable 200 LRD101
    >>> judge.verdict, judge.finish().verdict
    ('unstable', 'unstable')

    Args:
        name: of the run, in events and in the report.
        alpha: the share of healthy runs that may be taken for unstable, over the whole run, as for `diagnose`.
        objective: whether a rise of the loss is a failure: "auto", "minimized", "reinforcement" or "adversarial".
        on_event: called with every event, in the thread that adds; such as `lrdoctor.alerts.Alerts`. What it raises
            goes no further: it is printed once on standard error.

    Raises:
        ValueError: `alpha` or `objective` is none of those above.
    """

    def __init__(
        self,
        name: str = "training",
        *,
        alpha: float = 0.01,
        objective: str = "auto",
        on_event: Callable[[StreamEvent], object] | None = None,
    ) -> None:
        from lrdoctor.api import LARGEST_ALPHA, OBJECTIVES, SMALLEST_ALPHA

        if not SMALLEST_ALPHA <= alpha < LARGEST_ALPHA:
            raise ValueError(
                f"alpha={alpha!r}: expected a number of {SMALLEST_ALPHA:g} or more and below {LARGEST_ALPHA}"
            )
        if objective not in OBJECTIVES:
            raise ValueError(f"objective={objective!r}: expected one of {', '.join(map(repr, OBJECTIVES))}")
        self.name, self.alpha = name, alpha
        self.failure: str | None = None
        """Why the judge gave up, None where it did not: a fault of its own must not end a training."""
        self._objective = None if objective == "auto" else objective
        self._on_event = on_event
        self._judge, self._looks = RunJudge(name, alpha), Looks()
        self._columns = {column: _Column() for column in COLUMNS}
        self._said: set[str] = set()
        self._report: Report | None = None

    @property
    def verdict(self) -> Verdict:
        """As the last look found it; inconclusive before the first one."""
        return self._judge.verdict if self.failure is None else "inconclusive"

    def add(
        self,
        step: int,
        loss: float | None,
        gradient_norm: float | None = None,
        learning_rate: float | None = None,
        val_loss: float | None = None,
    ) -> list[StreamEvent]:
        """Takes what was measured at a step, and says how the verdict changed; most often not at all.

        It never raises. A step costs a few microseconds, and every so often the run so far is judged anew: up to n
        steps that is as much work as judging 5 n steps once, and 25 n at most where the loss keeps breaking out.

        Args:
            step: of the optimizer, from 0. A step that comes again is a resume, as in a log.
            loss: of the training, before the update; a number or a tensor of one; None where there was none.
            gradient_norm: before clipping.
            learning_rate: used by the update.
            val_loss: of the model after the update.
        """
        if self.failure is not None:
            return []
        try:
            values = [
                None if value is None else float(value) for value in (loss, gradient_norm, learning_rate, val_loss)
            ]
            for column, value in zip(self._columns.values(), (float(step), *values), strict=True):
                column.add(value)
            if not self._looks.due(values[0], values[1]):
                return []
            events = self._judge.look(self._runs(), self._looks.made)
            if self._judge.look_after is not None:
                self._looks.again(self._judge.look_after)
            return self._told(events)
        except Exception as error:  # whatever it is, the training goes on
            self.failure = f"{type(error).__name__}: {error}"
            self._say(f"the judge of {self.name} gave up at step {step}, the training goes on: {self.failure}")
            return []

    def finish(self) -> Report:
        """Judges the whole run as `lrdoctor.diagnose` does, and tells `on_event` what that changed or confirmed.

        Returns:
            The report; the same again when called again.
        """
        if self._report is None:
            from lrdoctor.assess import report_of_logs
            from lrdoctor.errors import LogError
            from lrdoctor.logs.gather import Gathered, Unread

            try:
                runs = self._runs()
            except LogError as error:
                gathered = Gathered(unread=(Unread(self.name, str(error).removeprefix(f"{self.name}: ")),))
            else:
                gathered = Gathered(runs=tuple(runs))
                self._told(self._judge.finish(runs, self._looks.made + 1))
            self._report = report_of_logs(gathered, "watch", alpha=self.alpha)
        return self._report

    def _runs(self) -> list[Run]:
        """What was added, read as a log of the same values is."""
        from lrdoctor.logs import read_columns
        from lrdoctor.logs.base import Column
        from lrdoctor.logs.gather import gathered

        columns = {
            name: Column(np.array(column.value), np.frombuffer(bytes(column.logged), dtype=np.bool_))
            for name, column in self._columns.items()
        }
        return list(gathered(read_columns(self.name, columns), self._objective).runs)

    def _told(self, events: list[StreamEvent]) -> list[StreamEvent]:
        if self._on_event is not None:
            for event in events:
                try:
                    self._on_event(event)
                except Exception as error:  # as in `add`
                    self._say(f"on_event of {self.name} raised {type(error).__name__}: {error}")
        return events

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            print(f"lrdoctor: {text}", file=sys.stderr)
