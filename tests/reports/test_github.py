from __future__ import annotations

import re
from pathlib import Path

import pytest
from hostile import REPORTS, worse
from log_report_samples import BAD, log_run
from log_report_samples import report as of_logs
from report_samples import finding, report

from lrdoctor.core.report import Report
from lrdoctor.reports.github import LARGEST_SUMMARY, annotation_lines, summary

COMMAND = re.compile(r"::(error|warning|notice) (?:file=([^:,\n]+),)?(?:line=(\d+),)?title=([^:,\n]+)::([^\n\r]+)")


def annotated(sample: Report, folder: Path | None = None) -> list[tuple[str | None, ...]]:
    """Kind, file, line, title and message of each annotation; nothing else may be printed."""
    lines = [line for line in annotation_lines(sample, folder) if line.startswith("::")]
    found = [COMMAND.fullmatch(line) for line in lines]
    assert None not in found
    return [match.groups() for match in found if match]


def test_a_finding_is_an_annotation_of_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/bad.csv").write_text("")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    run = log_run("bad.csv", "unstable", source=str(tmp_path / "logs/bad.csv"))
    assert annotated(of_logs(run, findings=BAD.findings)) == [
        ("error", "logs/bad.csv", None, "LRD202 best-at-the-edge", "bad.csv: it rose")
    ]


def test_the_characters_that_end_a_property_or_a_message_are_escaped() -> None:
    sample = of_logs(log_run("a"), findings=(finding("50% of a: b, c", run="a", name="50%: a, b"),))
    assert list(annotation_lines(sample, None)) == ["::error title=LRD301 50%25%3A a%2C b::a: 50%25 of a: b, c"]


def test_the_worst_come_first_and_ten_of_a_kind_are_enough() -> None:
    severities = ["info"] * 3 + ["warning"] * 13 + ["error"] * 12
    runs = [log_run(f"{i}.csv", "unstable") for i in range(len(severities))]
    findings = [finding("x", run=f"{i}.csv", severity=severity) for i, severity in enumerate(severities)]
    sample = of_logs(*runs, findings=tuple(findings))
    assert [kind for kind, *_ in annotated(sample)] == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 3
    assert [line for line in annotation_lines(sample, None) if not line.startswith("::")] == [
        "2 more of kind error are not annotated; the report has them",
        "3 more of kind warning are not annotated; the report has them",
    ]


def test_what_the_baseline_knows_is_a_notice_after_what_is_new() -> None:
    findings = tuple(finding("x", run="a", code=code) for code in ("LRD101", "LRD202"))
    section = {"verdict": "unstable", "not_compared": [], "worse": [worse("finding", "y", code="LRD202", run="a")]}
    sample = of_logs(log_run("a", "unstable"), findings=findings, baseline=section)
    assert [(kind, title) for kind, _, _, title, _ in annotated(sample)] == [
        ("error", "LRD202 best-at-the-edge"),
        ("notice", "LRD101 best-at-the-edge (known)"),
    ]


@pytest.mark.parametrize(("status", "kind"), [("failed", "error"), ("unknown", "warning")])
def test_a_margin_that_is_not_there_is_annotated(status: str, kind: str) -> None:
    sample = report(findings=(), verdict="stable", min_margin={"status": status, "message": "too low"})
    assert annotated(sample) == [(kind, None, None, "min-margin stability margin", "too low")]


@pytest.mark.parametrize(
    ("spec", "line"), [("name: x\n\nsweep: {min: 1}\n", "3"), ("name: x\n", "1"), ("a: [", "1"), ("- a\n", "1")]
)
def test_a_study_points_at_the_sweep_of_its_spec(
    spec: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(spec)
    (tmp_path / "study.json").write_text('{"invocations": [{"command_line": ["lrdoctor", "sweep", "my.yaml"]}]}')
    ((_, file, found, *_),) = annotated(report(), tmp_path)
    assert (file, found) == ("my.yaml", line)


@pytest.mark.parametrize(
    "study", ["", "[]", '{"invocations": 1}', '{"invocations": [{"command_line": [1, "no.yaml"]}]}']
)
def test_a_study_without_its_spec_points_at_the_copy(
    study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/study.json").write_text(study)
    assert annotated(report(), tmp_path / "out")[0][1] is None
    (tmp_path / "out/spec.yaml").write_text("sweep: {}\n")
    assert annotated(report(), tmp_path / "out")[0][1:3] == ("out/spec.yaml", "1")


def test_a_summary_stays_below_what_github_takes() -> None:
    whole = summary(report(), None, 0)
    assert whole.startswith("### ")
    assert "no room" in summary(report(), None, LARGEST_SUMMARY - 500)
    assert summary(report(), None, LARGEST_SUMMARY) == ""


@pytest.mark.parametrize("sample", REPORTS.values(), ids=REPORTS)
def test_nothing_in_a_name_makes_another_command(sample: Report) -> None:
    assert annotated(sample)
    for line in annotation_lines(sample, None):
        line.encode("utf-8")
        assert len(line) < 10_000
