"""Lines about runs that are being watched."""

from __future__ import annotations

import math

import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.reports.terminal.watched import heartbeat, live_line


def run(name: str, *losses: float) -> Run:
    return Run(name, name, {"train_loss": Curve.of(losses)} if losses else {})


@pytest.mark.parametrize(
    ("runs", "line"),
    [
        ([], "watching: nothing to judge yet"),
        ([(run("a", 2.0, 1.5), "stable")], "watching: a at step 1, loss 1.5, stable"),
        ([(run("a"), "inconclusive")], "watching: a without a loss, inconclusive"),
        (
            [(run("a", 2.0), "stable"), (run("b", 1.0, math.nan), "unstable"), (run("c", 2.0), "stable")],
            "watching: b at step 1, loss nan, unstable; 3 runs: 2 stable, 1 unstable",
        ),
    ],
)
def test_the_heartbeat(runs: list[tuple[Run, str]], line: str) -> None:
    assert heartbeat(runs) == line


@pytest.mark.parametrize("width", [20, 45, 60, 100])
def test_the_live_line_fits_its_terminal(width: int) -> None:
    runs = [(run("a", *(3.0 - 0.01 * step for step in range(200))), "stable")]
    line = live_line(runs, width)
    assert len(line) < width
    assert line.startswith("watching: a"[:width])
    assert (len(line) > len(heartbeat(runs))) == (width > 55)


def test_a_name_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in live_line([(run("a\x1b[31m", 1.0), "stable")], 80)
