from __future__ import annotations

import io
import math
from typing import Any

import pytest
from report_samples import finding, rate, report, sweep_of
from rich.cells import cell_len
from rich.console import Console

from lrdoctor.core.report import Fix, Report, Skip
from lrdoctor.reports.terminal.result import print_report

STABLE = report(
    sweep=sweep_of([rate(0.01, 0.2), rate(0.05, 0.3, stage="check"), rate(0.1, 0.4, stage="check")]),
    verdict="stable",
    best_learning_rate=0.01,
    unstable_base_learning_rate=None,
    stability_margin=None,
    findings=(),
    skipped=(),
    fixes=(),
    next_steps=(),
)
NOTHING_FEASIBLE = report(
    sweep=sweep_of([rate(0.01, feasible=0), rate(0.1, n=0, feasible=0, n_failed=5)], stable_up_to=None),
    best_learning_rate=None,
    stability_margin=None,
    lr_sensitivity=math.inf,
)
LOG = report(sweep={}, command="diagnose", best_learning_rate=None, unstable_base_learning_rate=None)


def printed(sample: Report, width: int = 120, encoding: str = "utf-8", **options: Any) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    print_report(sample, Console(file=file, width=width, color_system=None, _environ={}), **options)
    file.flush()
    return raw.getvalue().decode(encoding)


def rows(text: str, label: str) -> list[str]:
    """The lines that hold the label, blanks squeezed."""
    return [" ".join(line.split()) for line in text.splitlines() if label in line]


def test_verdict_comes_first() -> None:
    first = printed(report()).splitlines()[0]
    assert first == "UNSTABLE: the best learning rate sits at the edge of what is feasible"


@pytest.mark.parametrize(
    ("sample", "lines"),
    [
        (
            report(),
            [
                "best learning rate (lr*) 0.004642",
                "unstable_base_learning_rate 0.01",
                "stability margin 2.15x",
                "LR sensitivity 0.412",
            ],
        ),
        (
            STABLE,
            [
                "best learning rate (lr*) 0.01",
                "unstable_base_learning_rate none found",
                "stability margin (>= 10x, none found)",
            ],
        ),
        (
            NOTHING_FEASIBLE,
            ["best learning rate (lr*) none, no rate is feasible", "LR sensitivity inf"],
        ),
    ],
    ids=["unstable", "stable", "nothing feasible"],
)
def test_headline(sample: Report, lines: list[str]) -> None:
    text = printed(sample, quiet=True)
    assert [line for line in lines if line not in rows(text, line.split()[0])] == []


def test_quiet_is_verdict_and_headline_only() -> None:
    assert len(printed(report(), quiet=True).splitlines()) == 5


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (
            120,
            [
                "0.001 0.9 0.81..0.99 5/5",
                "0.002154 0.4 0.36..0.44 5/5",
                "★ 0.004642 0.2 0.18..inf 4/5 early blow-up 1/5",
                "✗ 0.01 inf 0.18..inf 0/5 early blow-up 4/5, non-finite 1/5",
                "✗ 0.0232 inf 0.18..inf 0/3 check at 5x lr* non-finite 3/3, not judged 2/5",
            ],
        ),
        (
            85,
            [
                "★ 0.004642 0.2 0.18..inf 4/5 early blow-up 1/5",
                "✗ 0.0232 inf 0.18..inf 0/3 check at 5x lr*:",
            ],
        ),
    ],
)
def test_table_of_rates(width: int, expected: list[str]) -> None:
    lines = rows(printed(report(), width), "")
    assert [row for row in expected if not any(line.startswith(row) for line in lines)] == []


def test_seeds_that_were_left_out_are_told_from_trials_that_failed() -> None:
    text = printed(
        report(sweep=sweep_of([rate(0.01), rate(0.1, n=1, feasible=1), rate(1.0, feasible=3, n=3, n_failed=2)]))
    )
    assert rows(text, "1/1") + rows(text, "3/3") == ["0.1 0.2 0.2..0.2 1/1", "1 0.2 0.18..0.22 3/3 not judged 2/5"]
    assert "where fewer than 5 seeds ran, the others could not have changed the answer" in text
    assert "fewer than" not in printed(report(sweep=sweep_of([rate(0.01), rate(1.0, feasible=3, n=3, n_failed=2)])))


def test_rate_without_a_judged_trial_is_not_called_infeasible() -> None:
    text = printed(NOTHING_FEASIBLE)
    assert rows(text, "0/0") == ["? 0.1 nan - 0/0 not judged 5/5"]
    assert rows(text, "no trial could be judged")


@pytest.mark.parametrize("width", [60, 61, 72, 80, 100, 200])
@pytest.mark.parametrize("sample", [report(), STABLE, NOTHING_FEASIBLE, LOG], ids="abcd")
def test_fits_the_width_with_every_number_whole(sample: Report, width: int) -> None:
    text = printed(sample, width, verbose=True)
    # the verdict is one line whatever the width, for those who search a log for it
    assert max(cell_len(line.rstrip()) for line in text.splitlines()[1:]) <= width
    judged = [rate for rate in sample.sweep.rates if rate.n_judged] if sample.sweep else []
    assert all(rows(text, f"{rate.objective_low:.4g}..") for rate in judged)


@pytest.mark.parametrize(
    ("options", "shown", "hidden"),
    [
        ({}, "Findings of single trials: 1, counted in the table", "loss went from 2.3 to 40"),
        (
            {"verbose": True},
            "lr=0.01 seed=0: loss went from 2.3 to 40 (observed inf, threshold 2)",
            "counted",
        ),
        ({"verbose": True}, "warmup: {steps: [100]}", "counted"),
    ],
)
def test_findings_of_single_trials_only_when_verbose(options: dict[str, bool], shown: str, hidden: str) -> None:
    text = printed(report(), **options)
    assert "error LRD301 lr* is the last feasible rate" in " ".join(text.split())
    assert shown in " ".join(text.split())
    assert hidden not in text


def test_findings_of_a_log_are_always_shown() -> None:
    assert rows(printed(LOG), "LRD201 ") == [
        "error LRD201 loss went from 2.3 to 40; do now: warm the learning rate up over 100 steps"
    ]


def test_equal_skips_are_grouped() -> None:
    skips = (*report().skipped, Skip(code="LRD105", reason="another reason"))
    assert rows(printed(report(skipped=skips)), "LRD105") == [
        "LRD105 gradient norm was not measured (12 runs)",
        "LRD105 another reason",
    ]


def test_fixes_come_by_rank_with_their_status() -> None:
    def fix(rank: int, name: str, status: Any) -> Fix:
        return Fix(rank=rank, name=name, status=status, why="it helps", because=())

    fixes = (fix(7, "lower_learning_rate", "not_tried"), fix(1, "warmup", "recommended"))
    assert rows(printed(report(fixes=fixes)), "it helps") == [
        "1. warmup it helps",
        "2. lower_learning_rate not tried: it helps",
    ]


def test_commands_and_paths_are_never_wrapped() -> None:
    command = "lrdoctor warmup " + "very-long-name/" * 10 + "lrdoctor.yaml"
    text = printed(report(next_steps=(command,)), 60)
    assert f"  {command}\n" in text
    assert "  figures/figure_7a.png\n" in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[red]x[/red]", "[red]x[/red]"),
        ("[/]", "[/]"),
        ("bell\x07 \x1b[31mred", "bell\\x07 \\x1b[31mred"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\ud83dx\u202e", "\\ud83dx\\u202e"),
        ("損失 :smile:", "損失 :smile:"),
    ],
)
def test_names_are_printed_as_they_are_and_steer_nothing(name: str, shown: str) -> None:
    sample = report(
        summary=name,
        findings=(finding(name), finding(name, run=name)),
        skipped=(Skip(code=name, reason=name, run=name),),
        next_steps=(name,),
        sweep=sweep_of([rate(0.1, events={name: 5})], notes=[name], figures=[name]),
        fixes=(Fix(rank=1, name=name, status="recommended", why=name, because=(name,), snippet=name),),
    )
    text = printed(sample, 200, verbose=True)
    assert text.count(shown) >= 9
    assert "\x1b" not in text


def test_console_without_unicode_gets_plain_signs() -> None:
    text = printed(report(summary="損失 × 2"), encoding="ascii")
    assert text.startswith("UNSTABLE: \\u640d\\u5931 \\xd7 2\n")
    assert rows(text, "0.004642 ")[-1].startswith("* 0.004642")
    assert rows(text, "0.01 ")[-1].startswith("x 0.01")


def test_colours_only_where_the_console_has_them() -> None:
    file = io.StringIO()
    print_report(report(), Console(file=file, force_terminal=True, color_system="standard", _environ={}))
    assert file.getvalue().startswith("\x1b[1;31mUNSTABLE: ")
    assert "\x1b" not in printed(report())
