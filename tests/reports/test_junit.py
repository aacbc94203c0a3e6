from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hostile import REPORTS, worse
from log_report_samples import BAD, log_run, unread
from log_report_samples import report as of_logs
from report_samples import finding, report, summary
from treat_samples import TREATS

from lrdoctor.core.report import Report, Skip
from lrdoctor.reports.junit import render

OUTCOMES = {"failure", "error", "skipped"}
CHECKS = {"runs": {"LRD101": "non-finite", "LRD201": "early blow-up", "LRD202": "rise"}, "study": {}}


def parsed(sample: Report) -> ElementTree.Element:
    """The document, read back by a parser and held to what every reader of JUnit relies on."""
    root = ElementTree.fromstring(render(sample, None).encode("utf-8"))
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        assert suite.get("name")
        check_counts(suite)
        for case in suite:
            assert case.tag == "testcase"
            assert case.get("name")
            assert case.get("classname") == suite.get("name")
            assert [child.tag for child in case if child.tag not in (*OUTCOMES, "system-out")] == []
            assert len(case) <= 1
    check_counts(root)
    return root


def check_counts(element: ElementTree.Element) -> None:
    for attribute, tag in {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}.items():
        assert element.get(attribute) == str(sum(1 for _ in element.iter(tag)))


def outcomes(sample: Report) -> dict[str, dict[str, str]]:
    """Suite -> case -> failure, error, skipped, or passed."""
    return {
        suite.get("name", ""): {
            case.get("name", ""): next((c.tag for c in case if c.tag in OUTCOMES), "passed") for case in suite
        }
        for suite in parsed(sample)
    }


def test_of_logs_every_rule_is_a_case_of_every_run() -> None:
    skip = Skip(code="LRD201", reason="too few points", run="bad.csv")
    rose = finding("it rose", run="bad.csv", code="LRD202", name="rise", first_step=60)
    runs = (log_run("bad.csv", "unstable"), log_run("fine.csv"), unread("none.csv"))
    assert outcomes(of_logs(*runs, findings=(rose,), skipped=(skip,), checks=CHECKS)) == {
        "bad.csv": {"LRD101 non-finite": "passed", "LRD201 early blow-up": "skipped", "LRD202 rise": "failure"},
        "fine.csv": {"LRD101 non-finite": "passed", "LRD201 early blow-up": "passed", "LRD202 rise": "passed"},
        "none.csv": {"read": "error"},
    }


def test_a_failure_has_its_evidence_and_a_skip_its_reason() -> None:
    (failure,) = parsed(BAD).iter("failure")
    assert (failure.get("message"), failure.get("type")) == ("it rose", "edge")
    assert failure.text == "error LRD202: it rose (observed 2.15, threshold 2, from step 60)"
    (skipped,) = parsed(BAD).iter("skipped")
    assert skipped.get("message") == "too few points"


@pytest.mark.parametrize("severity", ["warning", "info"])
def test_what_is_no_error_passes_and_is_told(severity: str) -> None:
    sample = of_logs(log_run("a.csv"), findings=(finding("hm", run="a.csv", code="LRD101", severity=severity),))
    (case,) = parsed(sample).iter("testcase")
    assert [child.tag for child in case] == ["system-out"]
    assert "hm" in str(case[0].text)


def test_what_the_baseline_has_too_passes() -> None:
    old, new = (finding("x", run="a.csv", code=code, name="rule") for code in ("LRD101", "LRD202"))
    section = {"verdict": "unstable", "not_compared": [], "worse": [worse("finding", "y", code="LRD202", run="a.csv")]}
    sample = of_logs(log_run("a.csv", "unstable"), findings=(old, new), baseline={**section, "gone": [], "file": "b"})
    assert outcomes(sample) == {
        "a.csv": {"LRD101 rule": "passed", "LRD202 rule": "failure"},
        "baseline and margin": {"baseline": "failure"},
    }


@pytest.mark.parametrize(("status", "outcome"), [("passed", "passed"), ("failed", "failure"), ("unknown", "skipped")])
def test_the_demanded_margin_is_a_case(status: str, outcome: str) -> None:
    sample = report(min_margin={"status": status, "message": "so and so"})
    assert outcomes(sample)["baseline and margin"] == {"minimum stability margin": outcome}


def test_the_trials_of_a_study_are_grouped_by_rate_and_fail_nothing() -> None:
    rates = (0.001, 0.01, 0.1)
    runs = [summary(f"lr={r} seed={s}", base_learning_rate=r, seed=s) for r in rates for s in range(100)]
    broken = tuple(finding("rose", run=run.name, code="LRD201", name="early blow-up") for run in runs)
    root = parsed(report(runs=tuple(runs), findings=broken, verdict="stable", skipped=()))
    (suite,) = (suite for suite in root if suite.get("name") == "trials by rate")
    assert [case.get("name") for case in suite] == [f"base_learning_rate {r}, sgd" for r in rates]
    assert str(suite[0][0].text).splitlines() == ["0 of 100 trials are feasible", "LRD201 early blow-up: 100 findings"]
    assert root.get("failures") == "0"


def test_a_fix_that_does_not_hold_is_no_failure() -> None:
    treat = TREATS["all"]
    cases = outcomes(report(treat=treat, command="treat"))["fixes tried"]
    expected = {"verified": "passed", "rejected": "skipped", "not_tried": "skipped", "unconfirmed": "skipped"}
    assert list(cases.values()) == [expected[row["status"]] for row in treat["tried"]]
    assert set(cases.values()) == {"passed", "skipped"}


@pytest.mark.parametrize(
    ("verdict", "outcome"), [("stable", "passed"), ("unstable", "failure"), ("inconclusive", "skipped")]
)
def test_the_verdict_of_a_study_is_a_case(verdict: str, outcome: str) -> None:
    assert outcomes(report(verdict=verdict))["study: sweep"]["verdict"] == outcome


@pytest.mark.parametrize("sample", REPORTS.values(), ids=REPORTS)
def test_nothing_in_a_name_harms_the_file(sample: Report) -> None:
    root = parsed(sample)
    assert {element.tag for element in root.iter()} <= {"testsuites", "testsuite", "testcase", "system-out", *OUTCOMES}
    assert len(render(sample, None)) < 50_000
