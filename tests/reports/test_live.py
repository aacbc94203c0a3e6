from __future__ import annotations

import io
import math
import sys
from collections.abc import Callable, Mapping

import pytest
from report_samples import run, trial
from rich.console import Console

from lrdoctor.core.run import Run
from lrdoctor.reports.terminal.live import SweepView

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def view(
    file: io.StringIO,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> SweepView:
    environ = environ or {}
    console = Console(file=file, width=80, color_system=None, _environ=environ)
    return SweepView(console, quiet=quiet, clock=clock or Clock(), environ=environ)


def one_trial(shown: SweepView) -> None:
    shown.planned("grid", 12, 3)
    shown.started(trial(), 0)
    shown.progressed(trial(), 499, 0.25)
    shown.finished(run(train=[1.0] * 1000, val=[0.3, 0.142]))


@pytest.mark.parametrize(
    ("file", "environ"),
    [
        (io.StringIO, {}),
        (io.StringIO, {"FORCE_COLOR": "1"}),
        (Terminal, {"CI": "true"}),
        (Terminal, {"CI": "true", "FORCE_COLOR": "1"}),
        (Terminal, {"TERM": "dumb", "FORCE_COLOR": "1"}),
        (Terminal, {"TTY_COMPATIBLE": "0"}),
    ],
)
def test_plain_lines_where_there_is_no_real_terminal(file: Callable[[], io.StringIO], environ: dict[str, str]) -> None:
    out = file()
    with view(out, environ=environ) as shown:
        one_trial(shown)
    assert out.getvalue() == (
        "grid: 12 trials, 3 of them done before\n[ 4/12] lr=0.01 seed=0 completed best val 0.142\n"
    )


@pytest.mark.parametrize(
    ("finished", "line"),
    [
        (run(val=[math.nan, 0.5]), "lr=0.01 seed=0 completed best val 0.5"),
        (run(val=[], train=[1.0, 0.25]), "lr=0.01 seed=0 completed best train 0.25"),
        (run(val=[math.nan], train=[math.nan]), "lr=0.01 seed=0 completed"),
        (
            run(1e-5, 3, status="diverged", exit_reason="train_loss is nan at step 2"),
            "lr=1e-05 seed=3 diverged: train_loss is nan at step 2",
        ),
        (
            Run(name="[red]", source="", curves={}, status="failed", exit_reason="signal 9 \x1b[2J"),
            "[red] failed: signal 9 \\x1b[2J",
        ),
        (
            Run(name="", source="", curves={}, trial=trial(seed=1, warmup_steps=10, clip_norm=0.5)),
            "lr=0.01 seed=1 warmup=10 clip=0.5 completed",
        ),
        (Run(name="", source="", curves={}, trial=trial(seed=1, control=True)), "control seed=1 completed"),
    ],
)
def test_line_of_a_finished_trial(finished: Run, line: str) -> None:
    out = io.StringIO()
    with view(out) as shown:
        shown.planned("grid", 1, 0)
        shown.finished(finished)
    assert out.getvalue().splitlines()[1] == f"[1/1] {line}"


def test_totals_add_up_over_the_stages() -> None:
    out = io.StringIO()
    with view(out) as shown:
        shown.planned("grid", 2, 1)
        shown.finished(run())
        shown.planned("check", 10, 0)
        shown.message("lr* is 0.01")
        shown.finished(run(0.1))
    assert [line[:8] for line in out.getvalue().splitlines()] == [
        "grid: 2 ",
        "[2/2] lr",
        "check: 1",
        "lr* is 0",
        "[ 3/12] ",
    ]


def test_one_line_every_thirty_seconds_of_silence() -> None:
    out, clock = io.StringIO(), Clock()
    with view(out, clock) as shown:
        shown.planned("grid", 1, 0)
        shown.started(trial(), 0)
        for second in range(1, 100):
            clock.now = 1000.0 + second
            shown.progressed(trial(), second, 0.5)
    assert out.getvalue().splitlines()[1:] == [
        f"[0/1] 1 running; lr=0.01 seed=0 at step {n}/1000, train loss 0.5" for n in (31, 61, 91)
    ]


def test_finished_trials_make_the_heartbeat_wait() -> None:
    out, clock = io.StringIO(), Clock()
    with view(out, clock) as shown:
        shown.planned("grid", 9, 0)
        for second in range(0, 100, 20):
            clock.now = 1000.0 + second
            shown.progressed(trial(), second, 0.5)
            shown.finished(run())
    assert "running" not in out.getvalue()


@pytest.mark.parametrize("file", [io.StringIO, Terminal])
def test_quiet_shows_nothing(file: Callable[[], io.StringIO]) -> None:
    out, clock = file(), Clock()
    with view(out, clock, quiet=True) as shown:
        one_trial(shown)
        shown.message("hello")
        clock.now += 1000
        shown.progressed(trial(), 3, 0.5)
    assert out.getvalue() == ""


def test_terminal_shows_bars_under_the_finished_trials() -> None:
    out, clock = Terminal(), Clock()
    with view(out, clock) as shown:
        shown.planned("grid", 12, 3)
        shown.started(trial(0.1, seed=1), 1)
        shown.started(trial(0.01, seed=0), 0)
        clock.now += 3725
        shown.progressed(trial(0.1, seed=1), 499, math.inf)
        frame = [" ".join(line.split()) for line in out.getvalue().splitlines()[-3:]]
        shown.finished(run(0.5))
    assert frame[0].endswith("3/12 trials 1:02:05")
    assert frame[1].startswith("lr=0.01 seed=0")
    assert frame[1].endswith("0/1000")
    assert frame[2].endswith("500/1000 loss inf")
    assert "[ 4/12] lr=0.5 seed=0 completed best val 0.4" in out.getvalue()


def test_frames_are_at_most_eight_a_second() -> None:
    out, clock = Terminal(), Clock()
    with view(out, clock) as shown:
        shown.started(trial(), 0)
        drawn = 0
        for tick in range(1, 1001):
            before = len(out.getvalue())
            clock.now = 1000.0 + tick / 1000
            shown.progressed(trial(), tick, 0.5)
            drawn += len(out.getvalue()) > before
    assert drawn == 8


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_exception_passes_and_the_terminal_is_restored(error: type[BaseException]) -> None:
    def fail() -> None:
        with view(out) as shown:
            shown.started(trial(), 0)
            raise error

    out, streams = Terminal(), (sys.stdout, sys.stderr)
    with pytest.raises(error):
        fail()
    assert (out.getvalue().count(HIDE_CURSOR), out.getvalue().count(SHOW_CURSOR)) == (1, 1)
    assert (sys.stdout, sys.stderr) == streams


def test_standard_output_is_left_to_the_result() -> None:
    stdout = sys.stdout
    with view(Terminal()):
        assert sys.stdout is stdout


def test_trial_that_starts_a_second_time_is_shown_once_from_nothing() -> None:
    out, clock = Terminal(), Clock()
    with view(out, clock) as shown:
        shown.planned("grid", 1, 0)
        shown.started(trial(), 0)
        shown.progressed(trial(), 700, 0.5)
        clock.now += 1
        shown.started(trial(), 1)
        frame = out.getvalue()
    assert "701/1000" not in frame
    assert frame.count("0/1000") == 1


def test_what_has_not_moved_for_a_minute_is_named_every_minute() -> None:
    out, clock = io.StringIO(), Clock()
    shown = view(out, clock)

    def said_after(seconds: float) -> list[str]:
        before = len(out.getvalue())
        clock.now += seconds
        shown.look()
        return out.getvalue()[before:].splitlines()

    with shown:
        assert said_after(59) == []
        assert said_after(1) == [
            "nothing moved for 60 s: workers, which import the workload; Ctrl-C ends it, --trial-timeout ends such a "
            "trial by itself"
        ]
        shown.planned("grid", 2, 0)
        shown.started(trial(), 0)
        shown.progressed(trial(), 11, 0.25)
        assert said_after(59) == []
        shown.progressed(trial(), 12, 0.25)
        assert said_after(59) == []
        (line,) = said_after(1)
        assert line.startswith("nothing moved for 60 s: lr=0.01 seed=0 after step 13/1000, in a step, its data or a")
        assert said_after(59) == []
        assert len(said_after(1)) == 1
        shown.finished(run(train=[1.0] * 1000))
        assert said_after(59) == []
        (line,) = said_after(1)
        assert line.startswith("nothing moved for 60 s: grid, between two trials;")


def test_quiet_has_no_heartbeat() -> None:
    out, clock = io.StringIO(), Clock()
    with view(out, clock, quiet=True) as shown:
        clock.now += 600
        shown.look()
    assert out.getvalue() == ""
