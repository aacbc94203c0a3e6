"""`lrdoctor watch`: judges logs while they are written."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from lrdoctor.cli import threads
from lrdoctor.cli.diagnose import Alpha, Columns, Format, Objective, ObjectiveOption, column_mapping
from lrdoctor.cli.exit_codes import FailOn, conclude, exit_code, say
from lrdoctor.cli.options import Quiet
from lrdoctor.reports.terminal import streams

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.streaming.events import StreamEvent
    from lrdoctor.watching.session import Session

INTERVAL = 1.0
"""Seconds between two looks at the files."""
HEARTBEAT = 60.0
"""Seconds between two lines that say that it still watches, where standard error is no terminal."""

WatchPaths = Annotated[
    list[str],
    typer.Argument(metavar="LOG|DIR...", help="Logs that are being written, or directories; they need not exist yet."),
]
UntilFail = Annotated[bool, typer.Option("--until-fail", help="End as soon as a run becomes unstable.")]
StopPid = Annotated[
    int | None,
    typer.Option(
        "--stop-pid",
        metavar="N",
        min=2,
        help="End this process (SIGTERM) when a run becomes unstable; when it has ended, so does watch.",
    ),
]
WebhookOption = Annotated[
    str | None,
    typer.Option(
        "--webhook",
        metavar="URL",
        help="POST every alarm as JSON, as Slack takes it; signed by $LRDOCTOR_WEBHOOK_SECRET where that is set.",
    ),
]
JsonLines = Annotated[
    bool, typer.Option("--json", help="Print JSON lines on standard output: each event, and the report at the end.")
]


def watch(
    paths: WatchPaths,
    until_fail: UntilFail = False,
    stop_pid: StopPid = None,
    webhook: WebhookOption = None,
    format_name: Format = None,
    columns: Columns = None,
    objective: ObjectiveOption = Objective.AUTO,
    alpha: Alpha = 0.01,
    json: JsonLines = False,
    quiet: Quiet = False,
) -> int:
    """Judge training logs while they are written: a line when a verdict changes, the report at the end.

    Follows files that are appended to, rotated, truncated or deleted, until Ctrl-C or SIGTERM; then it exits as
    `diagnose` would on what there is: with 1 when a run is unstable, else with 2 when one could not be judged, else
    with 0.
    """
    threads.one_for_numpy()
    from lrdoctor.alerts import Alerts
    from lrdoctor.watching.process import WatchedProcess
    from lrdoctor.watching.session import Session

    alerts = Alerts(webhook=webhook, to_loggers=False)
    process = None if stop_pid is None else WatchedProcess(stop_pid)
    show = _json_line if json else _line

    def tell(event: StreamEvent) -> None:
        _clear()
        show(event)
        alerts(event)
        if event.kind == "alarm" and not event.is_final and process is not None and process.ask_to_end():
            say(f"asked process {stop_pid} to end (SIGTERM)")

    session = Session(
        paths,
        format=format_name,
        columns=column_mapping(columns or []),
        objective=None if objective is Objective.AUTO else objective.value,
        alpha=alpha,
        on_event=tell,
        say=lambda text: None if quiet else say(text),
    )
    beat = _Beat(session, quiet=quiet)
    with _told_to_end() as end:
        while not end.is_set():
            is_over = process is not None and not process.is_alive()  # what it wrote last is read below
            session.poll()
            if is_over or (until_fail and session.verdict == "unstable"):
                break
            beat()
            end.wait(INTERVAL)
        _clear()
        report = session.finish()
    code = _conclude(report, as_json=json, quiet=quiet)
    alerts.close()
    return code


class _Beat:
    """Says every now and then that logs are watched: one line that changes on a terminal, a line a minute elsewhere."""

    def __init__(self, session: Session, *, quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._quiet, self._clock = session, quiet, clock
        self._next = clock()

    def __call__(self) -> None:
        if self._quiet:
            return
        from lrdoctor.reports.terminal import watched

        if _is_terminal():
            sys.stderr.write(f"\r\x1b[K{watched.live_line(self._session.runs)}")
            sys.stderr.flush()
        elif self._clock() >= self._next:
            self._next = self._clock() + HEARTBEAT
            say(watched.heartbeat(self._session.runs))


@contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    """Set by Ctrl-C and SIGTERM, which end the watching and not the command. A second Ctrl-C ends it all."""
    end = threading.Event()

    def tell(number: int, frame: FrameType | None) -> None:
        if end.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        end.set()

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _line(event: StreamEvent) -> None:
    from lrdoctor.reports.numbers import printable

    with streams.written(sys.stdout):
        print(printable(event.text), flush=True)


def _json_line(event: StreamEvent) -> None:
    from lrdoctor.reports import json as json_report

    with streams.written(sys.stdout):
        print(json_report.render_line("event", event.as_dict()), flush=True)


def _conclude(report: Report, *, as_json: bool, quiet: bool) -> int:
    if not as_json:
        return conclude(report, FailOn.UNSTABLE, as_json=False, quiet=quiet, verbose=False)
    from lrdoctor.reports import json as json_report

    with streams.written(sys.stdout):
        print(json_report.render_line("report", {"report": json_report.as_dict(report)}), flush=True)
    return exit_code(report, FailOn.UNSTABLE)


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _clear() -> None:
    """Takes the live line away, so that another one can be printed."""
    if _is_terminal():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
