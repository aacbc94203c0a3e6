"""The progress of a sweep on standard error: bars on a terminal, lines anywhere else."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Self

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial
from lrdoctor.reports.numbers import number
from lrdoctor.reports.terminal.text import safe
from lrdoctor.reports.untrusted import no_command

SECONDS_BETWEEN_FRAMES = 1 / 8
"""An eye sees no more; every trial reports several times a second."""
SECONDS_OF_SILENCE = 30.0
"""A log without bars says at least this often that it is alive: some CI services end a silent job."""
SECONDS_UNMOVED = 60.0
"""A trial that says nothing for so long is named: a training step takes seconds at most, so that it may well hang."""
SECONDS_BETWEEN_LOOKS = 5.0
"""How often it is looked whether anything moved."""
STOPS = "Ctrl-C ends it, --trial-timeout ends such a trial by itself"
STATUS_STYLE = {"completed": "green", "diverged": "red", "failed": "bold red", "truncated": "yellow"}


class SweepView:
    """Shows trials while they run; a context manager.

    Bars need a real terminal: with CI set, or TERM=dumb, or output that is not a terminal, plain lines are
    printed instead, whatever FORCE_COLOR says.

    Args:
        console: where to, standard error as a rule.
        quiet: shows nothing at all.
        clock: seconds from any origin.
        environ: the environment that CI and TERM are read from.
    """

    def __init__(
        self,
        console: Console,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._console, self._quiet, self._clock = console, quiet, clock
        self._stage = ""
        self._n_trials = self._n_done = 0
        self._running: dict[Trial, tuple[int, int, float | None]] = {}  # worker, steps done, training loss
        self._began = self._last_line = self._last_frame = clock()
        self._moved: dict[Trial | None, float] = {}  # by trial; None is whatever goes on while no trial runs
        self._ended = threading.Event()
        self._live: Live | None = None
        if not quiet and _can_move_cursor(console, environ):
            # standard output carries the result alone, so it is not redirected into the view
            self._live = Live(
                console=console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                get_renderable=self._frame,
            )

    def __enter__(self) -> Self:
        self._began = self._last_line = self._moved[None] = self._clock()
        if self._live:
            self._live.start()
        if not self._quiet:
            threading.Thread(target=self._watch, name="heartbeat", daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        if self._live:
            self._live.stop()

    def planned(self, stage: str, n_trials: int, n_reused: int) -> None:
        """A stage begins: `n_trials` belong to it, of which `n_reused` are done already and will not run."""
        self._stage = stage
        self._n_trials += n_trials
        self._n_done += n_reused
        reused = f", {n_reused} of them done before" if n_reused else ""
        self._line(f"{stage}: {n_trials} trials{reused}")

    def started(self, trial: Trial, worker: int) -> None:
        """A worker began the trial, from nothing; after a crash this happens a second time."""
        self._running[trial] = (worker, 0, None)
        self._moved[trial] = self._clock()
        self._refresh()

    def progressed(self, trial: Trial, step: int, train_loss: float) -> None:
        """The trial finished the update `step`, whose training loss was `train_loss`."""
        worker = self._running[trial][0] if trial in self._running else 0
        self._running[trial] = (worker, step + 1, train_loss)
        self._moved[trial] = self._clock()
        self._refresh()
        if not self._live and self._clock() - self._last_line >= SECONDS_OF_SILENCE:
            at = f"at step {step + 1}/{trial.n_steps}, train loss {number(train_loss)}"
            self._line(f"{self._count()} {len(self._running)} running; {_label(trial)} {at}")

    def finished(self, run: Run) -> None:
        """A trial ended, one way or another."""
        self._n_done += 1
        if run.trial is not None:
            self._running.pop(run.trial, None)
            self._moved.pop(run.trial, None)
        self._moved[None] = self._clock()
        name = run.name if run.trial is None else _label(run.trial)
        self._line(f"{self._count()} {name} {_outcome(run)}", STATUS_STYLE[run.status])

    def message(self, text: str) -> None:
        """Something the user should read while waiting."""
        self._moved[None] = self._clock()
        self._line(text)

    def look(self) -> None:
        """Names what has not moved for a minute, and again every minute that it does not."""
        now = self._clock()
        running = dict(self._running)
        for trial, (_, done, _) in running.items():
            if now - self._moved.get(trial, now) >= SECONDS_UNMOVED:
                self._moved[trial] = now
                self._line(
                    f"nothing moved for {SECONDS_UNMOVED:g} s: {_label(trial)} after step {done}/{trial.n_steps}, in a "
                    f"step, its data or a validation; {STOPS}"
                )
        if not running and now - self._moved.get(None, now) >= SECONDS_UNMOVED:
            self._moved[None] = now
            what = f"{self._stage}, between two trials" if self._stage else "workers, which import the workload"
            self._line(f"nothing moved for {SECONDS_UNMOVED:g} s: {what}; {STOPS}")

    def _watch(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_LOOKS):
            self.look()

    def _count(self) -> str:
        total = str(self._n_trials)
        return f"[{self._n_done:>{len(total)}}/{total}]"

    def _line(self, text: str, style: str = "") -> None:
        if self._quiet:
            return
        self._last_line = self._last_frame = self._clock()
        # a line in a log stays one line; above the bars it must wrap, or the cursor would miscount
        self._console.print(safe(self._console, no_command(text), style), soft_wrap=self._live is None)

    def _refresh(self) -> None:
        if self._live and self._clock() - self._last_frame >= SECONDS_BETWEEN_FRAMES:
            self._last_frame = self._clock()
            self._live.refresh()

    def _frame(self) -> Group:
        """The overall bar, and one line for every running trial, by worker."""
        width = max(8, self._console.width // 5)
        overall = Table.grid(padding=(0, 1))
        overall.add_row(
            Text(self._stage, style="bold"),
            ProgressBar(total=max(self._n_trials, 1), completed=self._n_done, width=width),
            Text(f"{self._n_done}/{self._n_trials} trials  {_duration(self._clock() - self._began)}"),
        )
        trials = Table.grid(padding=(0, 1))
        for trial, (_, done, loss) in sorted(self._running.items(), key=lambda item: item[1][0]):
            trials.add_row(
                Text("  " + _label(trial), no_wrap=True, overflow="crop"),
                ProgressBar(total=max(trial.n_steps, 1), completed=done, width=width),
                Text(f"{done}/{trial.n_steps}", no_wrap=True, overflow="crop", justify="right"),
                Text("" if loss is None else f"loss {number(loss)}", no_wrap=True, overflow="crop"),
            )
        return Group(overall, trials)


def _can_move_cursor(console: Console, environ: Mapping[str, str]) -> bool:
    # console.is_terminal alone believes FORCE_COLOR, and cursor codes would fill a log
    is_terminal = console.is_terminal and console.file.isatty()
    return is_terminal and not environ.get("CI") and environ.get("TERM") != "dumb"


def _label(trial: Trial) -> str:
    """What tells the trial from the others: rate, seed, and the treatment where there is one."""
    if trial.control:
        return f"control seed={trial.seed}"
    parts = [f"lr={number(trial.base_learning_rate)}", f"seed={trial.seed}"]
    if trial.warmup_steps:
        parts.append(f"warmup={trial.warmup_steps}")
    if trial.clip_norm is not None:
        parts.append(f"clip={number(trial.clip_norm)}")
    return " ".join(parts)


def _outcome(run: Run) -> str:
    """`completed best val 0.142`, or the status with its reason."""
    if run.exit_reason:
        return f"{run.status}: {run.exit_reason}"
    for name, curve in (("val", run.val_loss.finite), ("train", run.train_loss.finite)):
        if len(curve):
            return f"{run.status} best {name} {number(float(np.min(curve.value)))}"
    return run.status


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
