"""The terminal report of logs: a block for what needs attention, a line for the rest, nothing unsafe."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from log_report_samples import BAD, SPIKED, fix, log_run, printed, report, unread
from report_samples import finding
from rich.cells import cell_len

from lrdoctor.core.report import Finding, Fix, Skip


def test_a_single_run_from_top_to_bottom() -> None:
    lines = printed(BAD, width=80)
    curve = "▁" * 35 + "█" + "▁" * 23
    at = lines[4].index("█")
    assert lines[:4] == [
        "UNSTABLE: it is unstable",
        "",
        "bad.csv  UNSTABLE  100 points, epochs 0..99",
        "  csv, loss from 'loss'",
    ]
    assert lines[4].startswith("  loss       ▁")
    assert lines[4].count("█") == 1
    assert lines[4].endswith("  1..9")
    assert lines[5] == " " * at + "^ LRD202 60"
    assert lines[6].startswith("  grad norm  ▁")
    assert lines[7:] == [
        "    error LRD202  it rose",
        "  not checked",
        "    LRD201  too few points",
        "  fixes to try, in this order",
        "    1. warmup  it helps",
    ], curve


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ({"message": "grad_norm is inf at step 60"}, 6),
        ({"message": "it grew", "instability": "gradient"}, 6),
        ({"message": "train_loss is inf at step 60"}, 5),
    ],
)
def test_a_finding_is_marked_under_the_curve_that_shows_it(found: dict[str, Any], line: int) -> None:
    marked = replace(finding("", run="bad.csv", first_step=60), **found)
    lines = printed(replace(BAD, findings=(marked,)), width=80)
    assert [k for k, text in enumerate(lines) if "^" in text] == [line]
    assert lines[line - 1].startswith("  loss" if line == 5 else "  grad norm")


def test_a_stable_run_of_several_is_one_line() -> None:
    skip = Skip(code="LRD301", reason="nothing to compare with", run="fine.csv")
    lines = printed(report(log_run("fine.csv"), *BAD.runs, skipped=(*BAD.skipped, skip)))
    at = lines.index("Without an instability")
    assert lines[at + 1].startswith("  fine.csv  stable  ▁▁")
    assert "█" in lines[at + 1]
    assert lines[at + 1].endswith("100 points, epochs 0..99")
    assert lines.index("bad.csv  UNSTABLE  100 points, epochs 0..99") < at
    assert lines[at + 3 :] == [
        "Not checked in these runs",
        "  LRD301  nothing to compare with",
    ]


@pytest.mark.parametrize(
    ("verdict", "severity", "in_full"),
    [("stable", "info", False), ("stable", "warning", True), ("inconclusive", "info", True)],
)
def test_which_runs_get_a_block(verdict: Any, severity: Any, in_full: bool) -> None:
    found = finding("seen", run="a.csv", code="LRD209", severity=severity, first_step=5)
    lines = printed(report(log_run("a.csv", verdict), log_run("b.csv"), findings=(found,)))
    assert (f"a.csv  {verdict.upper()}  100 points, epochs 0..99" in lines) is in_full
    assert any("LRD209" in line for line in lines)


def test_the_worst_run_comes_first_and_equal_fixes_are_said_once() -> None:
    runs = [log_run("a", "inconclusive"), log_run("b", "unstable"), log_run("c", "unstable")]
    lines = printed(report(*runs, fixes=(fix("b"), fix("c"))))
    heads = [line.split()[0] for line in lines if "  UNSTABLE  " in line or "  INCONCLUSIVE  " in line]
    assert heads == ["b", "c", "a"]
    assert lines.count("    1. warmup  it helps") == 1
    assert sum(line.startswith("    1. warmup  as for ") for line in lines) == 1


def test_what_was_read_is_shown_when_asked_for() -> None:
    short, text = "\n".join(printed(BAD)), "\n".join(printed(BAD, verbose=True))
    for words in (
        "columns     step from the count of rows, train_loss from 'loss'",
        "epoch       0..99, a point every 1, the largest gap is 40",
        "averaged    every point is a mean over an epoch",
        "smoothed    the values look smoothed by a moving average of factor 0.9",
        "discarded   3 points of the training loss, taken back by the resumes",
        "note        3 steps have several values of loss: their median is taken",
        "left out    time, wall: time or speed",
        "observed 2.15, threshold 2",
        "code()",
    ):
        assert words in text
        assert words not in short


def test_what_could_not_be_read_and_what_was_passed_over() -> None:
    sample = report(
        log_run("a.csv"),
        unread("x.csv"),
        passed_over={"older checkpoints": 2, "files of no known format": 1},
        no_logs={"n.txt": "no format"},
    )
    lines = printed(sample)
    assert lines[lines.index("Could not be read") + 1] == "  x.csv  is empty"
    assert lines[lines.index("Passed over") + 1 :] == ["  2  older checkpoints", "  1  files of no known format"]
    assert printed(sample, verbose=True)[-2:] == ["No logs", "  n.txt  no format"]


def spikes(*lengths: int) -> list[Finding]:
    """A finding for each length, one after another."""
    return [
        finding(f"spike {i}", run="bad.csv", code="LRD206", first_step=10 * i, last_step=10 * i + length)
        for i, length in enumerate(lengths)
    ]


MANY = spikes(1, 9, 1, 9, 1, 9, 1, 9, 1, 9)
OTHER = finding("drift", run="bad.csv", code="LRD204", first_step=99)


@pytest.mark.parametrize(
    ("findings", "verbose", "shown"),
    [
        (MANY[:5], False, ["spike 0", "spike 1", "spike 2", "spike 3", "spike 4"]),
        (
            [*MANY, OTHER],
            False,
            [
                *("spike 1", "spike 3", "spike 5", "spike 7", "spike 9"),
                "and 5 more LRD206 that cost less; -v or --json lists them",
                "drift",
            ],
        ),
        (MANY, True, [f"spike {i}" for i in range(10)]),
    ],
)
def test_of_many_findings_of_a_kind_the_costliest_are_shown(
    findings: list[Finding], verbose: bool, shown: list[str]
) -> None:
    lines = printed(report(log_run("bad.csv", "unstable"), findings=tuple(findings)), verbose=verbose)
    words = [line.strip().partition("  ")[2] or line.strip() for line in lines if re.search("spike|drift|more", line)]
    assert [word.partition(" (")[0] for word in words] == shown


def test_every_finding_is_marked_and_the_shown_ones_are_labelled() -> None:
    lines = printed(report(log_run("bad.csv", "unstable"), findings=tuple(MANY)), 200)
    assert lines[5].count("^") == len(MANY)
    labelled = {int(step) for line in lines[5:8] for step in re.findall(r"LRD206 (\d+)", line)}
    assert labelled <= {10, 30, 50, 70, 90}
    assert labelled


@pytest.mark.parametrize(
    ("codes", "label"),
    [
        (["LRD501", "LRD502"], "LRD501-502  why"),
        (["LRD204", "LRD205", "LRD206", "LRD302"], "LRD204-206, LRD302  why"),
        (["LRD101", "LRD208", "LRD302"], "3 checks  why (LRD101, LRD208, LRD302)"),
        (["LRD101", "odd"], "LRD101, odd  why"),
    ],
)
def test_checks_that_share_a_reason_share_a_line(codes: list[str], label: str) -> None:
    skips = tuple(Skip(code=code, reason="why", run="a.csv") for code in codes)
    assert f"    {label}" in printed(report(log_run("a.csv"), skipped=skips))


def test_a_reason_that_is_the_verdict_is_not_said_again() -> None:
    skip = Skip(code="LRD206", reason="too few points", run="a.csv")
    text = "\n".join(printed(report(log_run("a.csv", "inconclusive"), skipped=(skip,), summary="too few points")))
    assert text.count("too few points") == 1
    assert "LRD206  as said above" in text


def test_fixes_of_which_the_log_tells_nothing_share_a_line() -> None:
    whys = ["ramp up; try 10 steps; not more", "add it; look first", "move it; look first", "lower it; halve it"]
    fixes = tuple(
        Fix(rank=i, name=f"fix_{i}", status="recommended", why=why, because=(), snippet=f"code_{i}()", run="bad.csv")
        for i, why in enumerate(whys, start=1)
    )
    sample = report(log_run("bad.csv", "unstable"), fixes=fixes)
    assert printed(sample)[-4:] == [
        "  fixes to try, in this order",
        "    1. fix_1  ramp up; try 10 steps; not more",
        "    2. 3.     fix_2, fix_3: look first (-v: each in full)",
        "    4. fix_4  lower it; halve it",
    ]
    text = printed(sample, verbose=True)
    assert "    3. fix_3  move it; look first" in text
    assert text[-2:] == ["    # 4. fix_4", "    code_4()"]


def test_fixes_said_before_keep_their_place() -> None:
    def fixes(run: str, first: str) -> list[Fix]:
        whys = [first, "same; a; b", "same; c; d", "last for " + first]
        return [
            Fix(rank=i, name=f"fix_{i}", status="recommended", why=why, because=(), run=run)
            for i, why in enumerate(whys, start=1)
        ]

    sample = report(log_run("a", "unstable"), log_run("b", "unstable"), fixes=(*fixes("a", "x"), *fixes("b", "y")))
    assert printed(sample)[-3:] == [
        "    1. fix_1  y",
        "    2. 3.     fix_2, fix_3: as for a",
        "    4. fix_4  last for y",
    ]


def test_of_many_runs_and_steps_the_first_are_shown() -> None:
    names = [f"run_{i:02d}" for i in range(11)]
    steps = tuple(f"{name}: look at it" for name in names)
    found = tuple(finding("rose", run=name, code="LRD206") for name in names)
    skip = Skip(code="LRD301", reason="no rate", run="run_10")
    runs = [log_run(name, "unstable") for name in names]
    sample = report(*runs, findings=found, skipped=(skip,), next_steps=steps)
    lines = printed(sample)
    assert sum("  UNSTABLE  " in line for line in lines) == 8
    at = lines.index("More runs that need attention (-v: each in full)")
    assert [line.split()[0] for line in lines[at + 1 : at + 4]] == names[8:]
    assert all(line.endswith("100 points, epochs 0..99, LRD206") for line in lines[at + 1 : at + 4])
    assert lines[at + 5 : at + 7] == ["Not checked in these runs", "  LRD301  no rate"]
    assert lines[-2:] == ["  -  run_05: look at it", "  -  and 5 more; -v or --json lists them"]
    full = printed(sample, verbose=True)
    assert sum("  UNSTABLE  " in line for line in full) == len(names)
    assert full[-1] == "  -  run_10: look at it"


def test_reasons_that_differ_by_a_number_take_one_line_for_many_runs() -> None:
    gaps = [10, 20, 20, 50]
    skips = [Skip(code="LRD209", reason=f"one point per {gap} steps", run=f"{i}") for i, gap in enumerate(gaps)]
    skips += [Skip(code="LRD501", reason="no norm", run=f"{i}") for i in range(4)]
    lines = printed(report(*(log_run(f"{i}") for i in range(4)), skipped=tuple(skips)))
    assert lines[-3:] == [
        "Not checked in these runs",
        "  LRD209  one point per 20 steps (2 runs), or the like (2 more)",
        "  LRD501  no norm (4 runs)",
    ]


def test_sentences_are_wrapped_and_commands_and_code_are_not() -> None:
    command, code = "lrdoctor diagnose " + "long/" * 20, "x = " + "y + " * 30 + "z"
    sample = report(
        log_run("bad.csv", "unstable"),
        fixes=(Fix(rank=1, name="a", status="recommended", why="b", because=(), snippet=code, run="bad.csv"),),
        next_steps=("Log the loss of " + "every step " * 12, command),
    )
    lines = printed(sample, 60, verbose=True)
    assert f"    {code}" in lines
    assert lines[-1] == f"  {command}"
    at = lines.index("Next")
    assert lines[at + 1].startswith("  -  Log the loss")
    assert max(map(len, lines[at + 1 : -1])) <= 60


def test_quiet_is_one_line() -> None:
    assert printed(BAD, quiet=True) == ["UNSTABLE: it is unstable"]


@pytest.mark.parametrize("width", [40, 80, 110])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("verbose", [False, True])
def test_hostile_names_are_harmless_and_every_line_fits(width: int, encoding: str, verbose: bool) -> None:
    name = "[red]\x1b[31m\n" + "very_long_name/" * 12 + "ж\u202e.csv"
    values = np.where(np.arange(100) > 90, np.nan, SPIKED)
    sample = report(
        log_run(name, "unstable", values),
        log_run(f"{name}2"),
        unread(f"{name}3"),
        findings=(finding("rose\x1b[2J", run=name, first_step=99),),
        skipped=(Skip(code="LRD201", reason="few\x07 points", run=name),),
        fixes=(fix(name),),
        no_logs={name: "no"},
    )
    lines = printed(sample, width, encoding, verbose=verbose)
    assert max(map(cell_len, lines)) <= width
    text = "".join(lines)
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "[red]\\x1b[31m\\n" in text.replace(" ", "")


@pytest.mark.parametrize("values", [[], [float("nan")] * 3, [1.0]])
def test_a_curve_of_hardly_anything(values: list[float]) -> None:
    run = log_run("a.csv", "inconclusive", values, n_points=len(values), first_step=None, last_step=None)
    assert printed(report(run))[2].startswith("a.csv  INCONCLUSIVE  ")
