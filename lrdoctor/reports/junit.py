"""JUnit XML, as Jenkins, GitLab, Azure and CircleCI read it.

Of logs a suite for each, with a case for every rule: failed by an error, skipped with the reason, else passed; what is
no error stands in the case's output. Of a study its own checks, the trials grouped by rate, the fixes that were tried.
Single trials are *meant* to become unstable at high rates, so they fail nothing. With a baseline what it has too fails
nothing either. A log that could not be read is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from lrdoctor.core.report import Finding, Report, RunSummary, Skip
from lrdoctor.reports.gates import is_known
from lrdoctor.reports.junit_cases import FAILED, Case, Suite, document
from lrdoctor.reports.junit_study import suites_of_study
from lrdoctor.reports.numbers import number


def render(report: Report, folder: Path | None) -> str:
    """The XML document, with its declaration, in UTF-8 when it is encoded so."""
    return "".join(parts(report, folder))


def parts(report: Report, folder: Path | None) -> Iterator[str]:
    """The document in pieces, a suite each: of 200,000 logs it is half a gigabyte."""
    return document(f"lrdoctor {report.command}", partial(_suites, report))


def _suites(report: Report) -> Iterator[Suite]:
    of_study = [
        case
        for case in _cases(report, report.findings_of(None), report.skips_of(None), "study")
        if report.is_of_trials or case.outcome
    ]
    if report.is_of_trials or not report.runs:
        yield Suite(f"study: {report.command}", [_verdict(report), *of_study])
        yield from suites_of_study(report)
    else:
        for run in report.runs:
            yield Suite(run.name, list(_of_log(run, report)))
        if of_study:
            yield Suite("all logs", of_study)
    if gates := list(_gates(report)):
        yield Suite("baseline and margin", gates)


def _verdict(report: Report) -> Case:
    if report.verdict == "stable":
        return Case("verdict", output=[report.summary])
    if report.verdict == "inconclusive":
        return Case("verdict", "skipped", report.summary)
    known = report.baseline is not None and report.baseline.verdict == "unstable"
    return Case("verdict", output=[f"known: {report.summary}"]) if known else Case("verdict", FAILED, report.summary)


def _of_log(run: RunSummary, report: Report) -> Iterator[Case]:
    if run.status == "failed":
        yield Case("read", "error", run.exit_reason or "it could not be read", kind="not read")
        return
    yield from _cases(report, report.findings_of(run.name), report.skips_of(run.name), "runs")


def _cases(report: Report, findings: Sequence[Finding], skips: Sequence[Skip], which: str) -> Iterator[Case]:
    """A case for each rule that was applied, in the order of the rules."""
    names = dict(report.checks.get(which, {}))
    names |= {finding.code: finding.name for finding in findings}
    codes = dict.fromkeys([*names, *(skip.code for skip in skips)])
    for code in codes:
        of = [finding for finding in findings if finding.code == code]
        yield _case(f"{code} {names.get(code, '')}".strip(), of, [s for s in skips if s.code == code], report)


def _case(name: str, findings: list[Finding], skips: list[Skip], report: Report) -> Case:
    failing = [f for f in findings if f.severity == "error" and not is_known(report, f)]
    reasons = [f"not checked: {skip.reason}" for skip in skips]
    lines = [_line(finding, report) for finding in findings] + reasons
    if failing:
        return Case(name, FAILED, failing[0].message, lines, kind=failing[0].instability)
    if skips and not findings:
        return Case(name, "skipped", "; ".join(dict.fromkeys(skip.reason for skip in skips)))
    return Case(name, output=lines)


def _line(finding: Finding, report: Report) -> str:
    steps = "" if finding.first_step is None else f", from step {finding.first_step}"
    steps += "" if finding.last_step is None else f" to {finding.last_step}"
    known = "known " if is_known(report, finding) else ""
    evidence = f"observed {_evidence(finding.observed)}, threshold {_evidence(finding.threshold)}{steps}"
    return f"{known}{finding.severity} {finding.code}: {finding.message} ({evidence})"


def _evidence(value: float | str | None) -> str:
    return value if isinstance(value, str) else number(value)


def _gates(report: Report) -> Iterator[Case]:
    if compared := report.baseline:
        lines = [one.message for one in compared.worse]
        failing = [one.message for one in compared.worse if one.fails]
        if failing:
            yield Case("baseline", FAILED, failing[0], lines, kind="worse")
        elif compared.not_compared:
            yield Case("baseline", "skipped", "; ".join(compared.not_compared))
        else:
            yield Case("baseline", output=lines)
    if demanded := report.min_margin:
        outcome = {"passed": "", "failed": FAILED, "unknown": "skipped"}[demanded.status]
        message = demanded.message
        yield Case("minimum stability margin", outcome, message, [] if outcome else [message], kind="margin")
