"""Reports of very many logs: what is printed takes work that grows as their number does, and a page says what it leaves
out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from log_report_samples import fix, log_run
from log_report_samples import report as of_logs
from report_samples import finding
from rich.console import Console

from lrdoctor.core.report import Finding, Fix, Report, RunSummary, Skip
from lrdoctor.reports import github, gitlab, html, junit, markdown
from lrdoctor.reports import json as json_report
from lrdoctor.reports.html import logs
from lrdoctor.reports.terminal.result import print_report
from lrdoctor.reports.terminal.screen import print_screen


def of_many(n: int) -> Report:
    """Every second log is unstable, each with words of its own."""
    runs = [log_run(f"r{i}", "unstable" if i % 2 else "inconclusive", values=[1.0, 2.0]) for i in range(n)]
    return of_logs(
        *runs,
        findings=tuple(finding(f"it rose by {i}", f"r{i}") for i in range(1, n, 2)),
        skipped=tuple(Skip(code="LRD201", reason=f"{i} points", run=f"r{i}") for i in range(0, n, 2)),
        fixes=tuple(fix(f"r{i}", f"by {i}") for i in range(1, n, 2)),
    )


def terminal(draw: Callable[[Report, Console], None]) -> Callable[[Report], object]:
    return lambda report: draw(report, Console(file=io.StringIO(), width=100, color_system=None, _environ={}))


WAYS: dict[str, Callable[[Report], object]] = {
    "screen": terminal(print_screen),
    "verbose": terminal(lambda report, console: print_report(report, console, verbose=True)),
    "str": str,
    "json": json_report.render,
    "html": html.render,
    "junit": lambda report: junit.render(report, None),
    "gitlab": lambda report: gitlab.render(report, None),
    "markdown": lambda report: markdown.render(report, None),
    "github": lambda report: list(github.annotation_lines(report, None)),
}


@pytest.mark.parametrize("printed", WAYS.values(), ids=WAYS)
def test_the_work_grows_as_the_report_does(
    printed: Callable[[Report], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks at runs, findings, skips and fixes are counted: four times as many for four times the logs, and no more."""
    looks = 0

    def count_in(kind: type) -> None:
        whole: Any = kind.__getattribute__

        def counting(self: Any, name: str) -> Any:
            nonlocal looks
            looks += 1
            return whole(self, name)

        monkeypatch.setattr(kind, "__getattribute__", counting)

    samples = of_many(60), of_many(240)
    for kind in (RunSummary, Finding, Skip, Fix):
        count_in(kind)
    counted = []
    for sample in samples:
        looks = 0
        printed(sample)
        counted.append(looks)
    assert 0 < counted[1] <= 4 * counted[0]


def test_what_belongs_to_a_run_is_found_by_its_name() -> None:
    sample = of_logs(
        log_run("a"),
        log_run("b"),
        findings=(finding("1", "a"), finding("2", None), finding("3", "a")),
        skipped=(Skip(code="LRD201", reason="4", run="b"), Skip(code="LRD201", reason="5", run=None)),
        fixes=(fix("b", "6"),),
    )
    of = {run: [f.message for f in sample.findings_of(run)] for run in ("a", "b", None)}
    assert of == {"a": ["1", "3"], "b": [], None: ["2"]}
    assert [skip.reason for skip in sample.skips_of("b")] == ["4"]
    assert [skip.reason for skip in sample.skips_of(None)] == ["5"]
    assert [one.why for one in sample.fixes_of("b")] == ["6"]
    assert sample.fixes_of(None) == ()


def test_the_pieces_of_the_json_are_the_whole_document() -> None:
    for sample in (of_many(3), of_logs(log_run("a")), of_logs()):
        whole = json.dumps(json_report.as_dict(sample), indent=2) + "\n"
        assert "".join(json_report.parts(sample)) == json_report.render(sample) == whole


def test_a_page_says_how_many_runs_it_does_not_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST_LISTED", 6)
    said = "4 runs more are not listed on this page (4 inconclusive); --json and --junit have all of them"
    page = html.render(of_many(10))
    # in the overview and below the runs
    assert page.count(said) == 2
    assert page.count('<details class="run"') == 6
    assert "not listed on this page" not in html.render(of_many(6))
