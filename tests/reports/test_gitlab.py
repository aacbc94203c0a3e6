from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hostile import REPORTS
from log_report_samples import BAD, log_run
from log_report_samples import report as of_logs
from report_samples import finding, report
from report_schema import parse

from lrdoctor.core.report import Report
from lrdoctor.reports.gitlab import render

FIELDS = {"description", "check_name", "fingerprint", "severity", "location"}


def entries(sample: Report, folder: Path | None = None) -> list[dict[str, object]]:
    """The list, held to the fields that GitLab documents."""
    text = render(sample, folder)
    assert text.isascii()
    found: list[dict[str, object]] = parse(text)  # type: ignore[assignment]
    for entry in found:
        assert set(entry) == FIELDS
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert entry["location"]["path"]  # type: ignore[index]
        assert entry["location"]["lines"]["begin"] >= 1  # type: ignore[index]
    fingerprints = [entry["fingerprint"] for entry in found]
    assert len(set(fingerprints)) == len(fingerprints)
    return found


def test_of_a_log_every_kind_of_finding_is_an_entry() -> None:
    more = replace(BAD, findings=BAD.findings * 3)
    (entry,) = entries(more)
    assert entry["description"] == "best-at-the-edge: bad.csv: it rose (the first of 3)"
    assert (entry["check_name"], entry["severity"]) == ("LRD202", "critical")


def test_of_a_study_only_what_is_said_of_the_whole() -> None:
    assert [entry["check_name"] for entry in entries(report())] == ["LRD301"]


def test_an_unstable_verdict_without_an_error_is_an_entry_of_its_own() -> None:
    (entry,) = entries(report(findings=(), command="probe"))
    assert (entry["check_name"], entry["severity"]) == ("verdict", "critical")


def test_nothing_to_look_at_is_an_empty_list() -> None:
    assert entries(of_logs(log_run("a.csv"), verdict="stable")) == []


def test_a_fingerprint_depends_on_no_value_but_on_rule_and_run() -> None:
    def fingerprint(**changes: object) -> object:
        shown = {"message": "it rose 3-fold", "run": "bad.csv", "code": "LRD202", **changes}
        return entries(replace(BAD, findings=(finding(**shown),)))[0]["fingerprint"]  # type: ignore[arg-type]

    assert fingerprint(message="it rose 4-fold", observed=4.0, first_step=3) == fingerprint()
    assert fingerprint(code="LRD203") != fingerprint()
    assert fingerprint(severity="warning") != fingerprint()


@pytest.mark.parametrize("sample", REPORTS.values(), ids=REPORTS)
def test_nothing_in_a_name_harms_the_file(sample: Report) -> None:
    assert entries(sample)
    assert len(render(sample, None)) < 30_000
