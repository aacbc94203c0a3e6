"""The default screen: the verdict, what to do now, and the evidence that fits on 40 lines; the page last."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from log_report_samples import log_run
from log_report_samples import report as log_report
from report_samples import RATES, finding, rate, report, sweep_of
from rich.console import Console
from test_terminal_clip import clip
from test_terminal_probe import probe_report, seed
from treat_samples import TREATS
from warmup_samples import TABLES

from lrdoctor.core.report import Fix, Report
from lrdoctor.reports import actions
from lrdoctor.reports.terminal.screen import LINES, print_screen

PAGE = "lrdoctor_out/study/report.html"
MANY_RATES = sweep_of([rate(0.001 * 1.3**i, feasible=5 if i < 30 else 0) for i in range(60)])


def fix(run: str | None, name: str = "warmup", **settings: Any) -> Fix:
    return Fix(rank=1, name=name, status="recommended", why="it helps", because=("LRD201",), settings=settings, run=run)


def logs(n: int) -> Report:
    runs = [log_run(f"{i}.csv", "unstable" if i % 2 else "stable") for i in range(n)]
    found = tuple(finding("it rose", run=f"{i}.csv", code="LRD201") for i in range(1, n, 2))
    fixes = tuple(fix(f"{i}.csv", warmup_steps=[10, 100]) for i in range(1, n, 2))
    steps = tuple(f"Log the norms of {i}" for i in range(n))
    return log_report(*runs, findings=found, fixes=fixes, next_steps=steps, verdict="unstable")


REPORTS: dict[str, Report] = {
    "sweep": report(),
    "many rates": report(sweep=MANY_RATES, summary="it is unstable " * 12),
    **{f"treat {name}": report(treat=treat, command="treat") for name, treat in TREATS.items()},
    "warmup": report(warmup=TABLES["held"], command="warmup"),
    "one log": logs(2),
    "many logs": logs(90),
}


def screen(of: Report, width: int) -> list[str]:
    """The lines as a terminal of that width wraps them."""
    file = io.StringIO()
    print_screen(of, Console(file=file, width=width, color_system=None, _environ={}), PAGE)
    lines = file.getvalue().removesuffix("\n").split("\n")
    return [line[i : i + width] for line in lines for i in range(0, max(len(line), 1), width)]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("name", REPORTS)
def test_it_fits_and_ends_with_the_page(name: str, width: int) -> None:
    lines = screen(REPORTS[name], width)
    assert len(lines) <= LINES
    assert lines[-1] == f"  the page: {PAGE}"
    assert any("-v shows" in line for line in lines)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("treat pair", "DO NOW  train with warmup_steps 30, clip_norm 4.781 at learning rate 0.02"),
        ("treat none", "DO NOW  stay at lr* = "),
        ("one log", "DO NOW  1.csv: warm the learning rate up over 10 or 100 steps"),
    ],
)
def test_what_to_do_stands_right_below_the_verdict(name: str, told: str, width: int) -> None:
    lines = [line.strip() for line in screen(REPORTS[name], width)]
    place = next(i for i, line in enumerate(lines) if line.startswith("DO NOW"))
    assert " ".join(lines[place : place + 2]).startswith(told)
    assert place <= 6


def test_a_treatment_lists_no_files_and_names_its_spec() -> None:
    lines = screen(REPORTS["treat pair"], 80)
    assert not any("figures/" in line for line in lines)
    assert "    lrdoctor sweep lrdoctor_out/mlp10/prescription.yaml" in lines


def test_of_many_rates_those_next_to_the_best_and_to_the_edge_are_kept() -> None:
    lines = screen(replace(REPORTS["many rates"], best_learning_rate=0.001 * 1.3**29), 80)
    assert any(line.startswith("★") for line in lines)
    assert any(line.startswith("✗") for line in lines)
    assert any("all of the rates" in line for line in lines)


def test_infeasible_and_unstable_are_told_apart_in_words() -> None:
    rising = rate(0.1, feasible=5, events={"rise": 4}, n_unstable=4)
    text = " ".join(screen(report(sweep=sweep_of([*RATES, rising])), 160))
    assert "✗ infeasible: no majority of seeds trains" in text
    assert "! unstable: it trains, and the loss rises on the way" in text


def test_each_unstable_log_has_what_to_do_beside_it() -> None:
    lines = screen(logs(4), 200)
    rows = [line for line in lines if line.lstrip().startswith(("1.csv", "3.csv"))]
    assert len(rows) == 2
    assert all("warm the learning rate up over 10 or 100 steps" in row for row in rows)


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("name", [name for name in REPORTS if name.startswith("treat")])
def test_a_treatment_shows_what_was_tried_on_a_narrow_terminal_too(name: str, width: int) -> None:
    of = REPORTS[name]
    if of.treat is not None and of.treat.done:
        assert any(line.startswith("Fixes tried") for line in screen(of, width))


def test_a_finding_of_a_treated_training_is_answered_by_the_prescription() -> None:
    of = replace(REPORTS["treat pair"], findings=(finding("it sits at the edge", code="LRD401", run=None),))
    assert (
        actions.for_finding(of, of.findings[0]) == "train with warmup_steps 30, clip_norm 4.781 at learning rate 0.02"
    )


def test_a_folder_that_all_logs_are_in_is_told_once() -> None:
    of = logs(4)
    runs = tuple(replace(run, name=f"runs/of/{run.name}") for run in of.runs)
    lines = screen(replace(of, runs=runs), 120)
    assert any(line.startswith("Runs below runs/of/, the worst first") for line in lines)
    assert any(line.startswith("  1.csv ") for line in lines)


LONG = (
    "5 seeds cannot tell whether the best rate 0.02 sits at the edge (unstable below 2x; or at the next rate): "
    "unstable from 2.23x on (90 %: 1.67x to 4.79x); it may take more than 20 seeds; "
    "clipping at 4.781 holds up to 0.04459 on the seeds of the search and on fresh ones"
)


def on_terminal(of: Report, width: int) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=None, _environ={}, force_terminal=True)
    print_screen(of, console, PAGE)
    return [line.rstrip() for line in file.getvalue().split("\n")]


def test_on_a_terminal_the_verdict_wraps_at_words_on_three_lines_and_the_rest_of_it_stands_below() -> None:
    lines = on_terminal(report(verdict="inconclusive", summary=LONG), 80)
    assert lines[0].startswith("INCONCLUSIVE: 5 seeds cannot tell")
    assert all(len(line) <= 80 for line in lines[:4])
    place = next(i for i, line in enumerate(lines) if line.startswith("  DO NOW"))
    assert place <= 4
    assert any(line.startswith("  -  clipping at 4.781 holds") for line in lines[place:])


def test_where_nobody_looks_the_verdict_is_one_line() -> None:
    file = io.StringIO()
    print_screen(report(summary=LONG), Console(file=file, width=80, color_system=None, _environ={}), PAGE)
    assert LONG in file.getvalue().split("\n")[0]


def named(*names: str) -> Report:
    of = logs(len(names))
    by_number = {f"{i}.csv": name for i, name in enumerate(names)}
    return replace(
        of,
        runs=tuple(replace(one, name=by_number[one.name]) for one in of.runs),
        findings=tuple(replace(f, run=by_number[f.run]) for f in of.findings if f.run),
        fixes=tuple(replace(f, run=by_number[f.run]) for f in of.fixes if f.run),
        checks={"runs": {"LRD201": "a rise"}, "study": {}},
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_names_of_runs_are_not_broken_and_words_not_cut(width: int) -> None:
    text = on_terminal(named("stuck_plateau.csv", "mid_training_divergence.csv", "nan.jsonl", "spike.log"), width)
    rows = [line.split() for line in text if line.startswith("  ") and " unstable" in line]
    assert [row[0] for row in rows] == [
        "mid_training_divergence.csv" if width > 60 else "mid_tr...ergence.csv",
        "spike.log",
    ]
    told = " ".join(word for line in text for word in line.split())
    assert all(word in told for word in ("warm", "learning", "rate", "10 or 100 steps"))
    assert ("LRD201 a rise" in told) == (width > 60)


def test_names_that_would_be_the_same_without_their_middle_are_kept() -> None:
    alike = [f"a_model_of_a_very_long_name_that_differs_in_{i}_only_in_the_middle_of_its_name.csv" for i in range(3)]
    text = "".join("".join(line.split()) for line in on_terminal(named(*alike), 80))
    assert "..." not in text


@pytest.mark.parametrize(
    ("of", "title"),
    [
        (replace(probe_report(seed(0), seed(1)), sweep=MANY_RATES), "Short run:"),
        (report(sweep=MANY_RATES, command="clip", clip=clip()), "Clipping tried"),
        (report(sweep=MANY_RATES, command="warmup", warmup=TABLES["held"]), "Warmups tried"),
    ],
    ids=["probe", "clip", "warmup"],
)
def test_what_a_command_brought_stands_above_the_rates(of: Report, title: str) -> None:
    lines = screen(of, 80)
    assert any(line.startswith(title) for line in lines)
