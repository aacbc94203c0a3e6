from __future__ import annotations

import io
from dataclasses import replace

import pytest
from report_samples import report
from rich.console import Console
from warmup_samples import TABLES

from lrdoctor.reports.terminal.result import print_report


def printed(name: str, width: int = 110, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    table = replace(TABLES[name], figures=("figures/figure_6.png",)) if name else None
    print_report(report(warmup=table), Console(file=file, width=width, color_system=None, _environ={}))
    file.flush()
    return raw.getvalue().decode(encoding)


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "held",
            [
                "0.5 10x 1 299 0/5 early blow-up 5/5",
                "0.5 10x 10 290 1/5 early blow-up 4/5",
                "0.5 10x 17 283 3/5 early blow-up 2/5",
                "0.5 10x 30 270 5/5",
                "The whole schedule without and with 17 steps of warmup before it",
                "0.01 0.2 0.18..0.22 5/5 0.19 0.171..0.209 5/5",
                "result verified",
                "highest stable rate 0.02 without, 0.5 with",
                "added to the run 17 steps, 5.7 % of max_train_steps",
                "figures/figure_6.png",
            ],
        ),
        ("own", ["The whole schedule with the spec's own 5 steps (without) and with 17 steps of warmup before it"]),
        (
            "nothing",
            ["0.05 1x 30 270 2/5 early blow-up 3/5", "result rejected", "why no warmup of up to 30 steps held"],
        ),
        ("failed", ["0.5 10x 1 299 0/0 no trial could be judged", "result not tried"]),
    ],
)
def test_what_was_tried_then_the_comparison(name: str, lines: list[str]) -> None:
    shown = squeezed(printed(name))
    assert [line for line in lines if line not in shown] == []


def test_the_warmups_are_listed_from_short_to_long() -> None:
    rows = [line for line in squeezed(printed("held")) if line.startswith("0.5 10x")]
    assert [row.split()[2] for row in rows] == ["1", "10", "17", "30"]


def test_without_a_search_there_is_no_section() -> None:
    assert "Warmups tried" not in printed("")


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_any_terminal_shows_it(width: int, encoding: str) -> None:
    text = printed("held", width, encoding)
    assert "verified" in text
    table = text.split("Warmups tried")[1].split("Fixes to try")[0]
    assert max(len(line) for line in table.splitlines()) <= width
