"""A report's repr and str, and what `check` makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from lrdoctor.cli.exit_codes import FailOn, exit_code
from lrdoctor.core.report import Finding, Fix, Report, RunSummary, Skip
from lrdoctor.errors import InconclusiveError, UnstableError

SWEEP = {"rates": [], "notes": []}
MOST_OF_PYTEST = 240
"""Characters of a repr that pytest shows."""


def finding(run: str | None = "a.csv", severity: Any = "error", **changes: Any) -> Finding:
    return Finding(
        **{
            "code": "LRD206",
            "name": "loss spike",
            "severity": severity,
            "instability": "mid_training",
            "message": "it rose",
            "observed": 4.0,
            "threshold": 1.0,
            "run": run,
            "first_step": 120,
            "last_step": 149,
            **changes,
        }
    )


def run(name: str = "a.csv", verdict: Any = "stable", **changes: Any) -> RunSummary:
    unknown = dict.fromkeys(("first_step", "last_step", "base_learning_rate", "seed", "warmup_steps", "clip_norm"))
    more = dict.fromkeys(("optimizer", "exit_reason", "feasible", "best_val_loss", "final_train_loss"))
    known = {"name": name, "source": name, "verdict": verdict, "n_points": 9, "status": "completed"}
    return RunSummary(**{**unknown, **more, **known, **changes})


def report(verdict: Any = "unstable", *findings: Finding, **changes: Any) -> Report:
    given = {"command": "diagnose", "summary": "the summary", "runs": (run(),), "skipped": ()}
    return Report(**{**given, "verdict": verdict, "findings": findings, **changes})


@pytest.mark.parametrize(
    ("of", "line"),
    [
        (report("unstable", finding()), "<Report UNSTABLE: it rose [LRD206 in a.csv, steps 120-149]>"),
        (report("unstable", finding(last_step=120)), "<Report UNSTABLE: it rose [LRD206 in a.csv, step 120]>"),
        (report("unstable", finding(first_step=None)), "<Report UNSTABLE: it rose [LRD206 in a.csv]>"),
        (report("unstable", finding(None, first_step=None), sweep=SWEEP), "<Report UNSTABLE: it rose [LRD206]>"),
        (
            report("unstable", finding(severity="warning", message="it sat"), finding(), finding(severity="info")),
            "<Report UNSTABLE: it rose [LRD206 in a.csv, steps 120-149] and 1 more>",
        ),
        (report("stable"), "<Report STABLE: the summary [a.csv]>"),
        (report("stable", summary="a.csv: it is empty"), "<Report STABLE: a.csv: it is empty>"),
        (report("stable", runs=(run(), run())), "<Report STABLE: the summary>"),
        (report("stable", finding(severity="info")), "<Report STABLE: the summary [a.csv]>"),
        (report("stable", finding(), sweep=SWEEP), "<Report STABLE: the summary [a.csv]>"),  # of a single trial
        (report("stable", runs=()), "<Report STABLE: the summary>"),
    ],
)
def test_the_line(of: Report, line: str) -> None:
    assert repr(of) == line


SCREEN = """\
UNSTABLE: the summary
  found       LRD206 in a.csv, steps 120-149: it rose
              LRD206 in b.csv, steps 120-149: it rose
  not judged  c.csv: is empty
              d.csv: too short
  to try      warmup: it helps
  next        look at it"""


def fix(name: str = "warmup", status: Any = "recommended", of: str = "a.csv") -> Fix:
    return Fix(rank=1, name=name, status=status, why="it helps", because=(), run=of)


def test_the_screen() -> None:
    whole = report(
        "unstable",
        finding(),
        finding("b.csv"),
        runs=(run(), run("b.csv"), run("c.csv", "inconclusive", exit_reason="is empty"), run("d.csv", "inconclusive")),
        skipped=(*(Skip(code=code, reason="too short", run="d.csv") for code in "ab"), Skip(code="a", reason="x")),
        fixes=(fix(), fix(of="b.csv"), fix("clip_gradients", "rejected")),
        next_steps=("look at it",),
    )
    assert str(whole) == SCREEN


def test_a_screen_is_a_screen() -> None:
    lines = str(report("unstable", *(finding(f"{k}.csv") for k in range(50)))).split("\n")
    assert lines[-1] == "              and 42 more"
    assert len(lines) == 10


NAMES = ["a" * 10_000, "a\nb\rc", "\x1b[31mred", "\u202ereversed", "lone \udc80 surrogate", "\0", "<b>&amp;</b>", "名"]


@pytest.mark.parametrize("name", NAMES)
def test_names_from_logs_break_neither(name: str) -> None:
    long = finding(name, message=f"{name} rose", first_step=10**15, last_step=10**16)
    for of in (report("unstable", long, summary=name), report("inconclusive", runs=(run(name, "inconclusive"),))):
        assert len(repr(of)) <= MOST_OF_PYTEST
        assert repr(of).isprintable()
        assert all(line.isprintable() and len(line) < 400 for line in str(of).split("\n"))
        assert len(str(of).split("\n")) <= 3


def test_of_a_long_path_the_end_is_shown() -> None:
    line = repr(report("unstable", finding("x/" * 99 + "run.csv")))
    assert line.startswith("<Report UNSTABLE: it rose [LRD206 in ...")
    assert line.endswith("/x/run.csv, steps 120-149]>")


JUDGED = {
    "stable": report("stable"),
    "stable with a warning": report("stable", finding(severity="warning")),
    "unstable": report("unstable", finding()),
    "one of two not judged": report("inconclusive", runs=(run(), run("b.csv", "inconclusive"))),
    "one lost, one not judged": report("unstable", finding(), runs=(run(), run("b.csv", "inconclusive"))),
    "nothing to judge": report("inconclusive", runs=()),
    "study": report("stable", finding(), sweep=SWEEP),
    "study with a warning": report("stable", finding(None, "warning"), sweep=SWEEP),
    "unstable study": report("unstable", finding(None), sweep=SWEEP),
    "inconclusive study": report("inconclusive", finding(None), sweep=SWEEP),
}
RAISED = {1: UnstableError, 2: InconclusiveError}


@pytest.mark.parametrize("fail_on", ["unstable", "warning"])
@pytest.mark.parametrize("name", JUDGED)
def test_check_raises_where_the_command_exits_with_an_error(name: str, fail_on: Any) -> None:
    code = exit_code(JUDGED[name], FailOn(fail_on))
    if code == 0:
        JUDGED[name].check(fail_on)
        return
    with pytest.raises(RAISED[code]) as caught:
        JUDGED[name].check(fail_on)
    assert str(caught.value) == str(JUDGED[name])


def test_check_knows_two_levels() -> None:
    with pytest.raises(ValueError, match="fail_on='never': expected one of 'unstable', 'warning'"):
        report("stable").check("never")  # type: ignore[arg-type]
