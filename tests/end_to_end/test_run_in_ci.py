"""`lrdoctor run` as a step of a CI job: for each verdict the exit code, and what every output says."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from run_scripts import COULD_NOT_JUDGE, STABLE, UNSTABLE, lrdoctor, script

OUTPUTS = ("--junit", "ci/j.xml", "--gitlab", "ci/g.json", "--markdown", "ci/m.md", "--html", "ci/r.html")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a job sees.

    Args:
        text: of the script.
        options: further ones of `lrdoctor run`.
        code: exit code.
        verdict: in every output.
        tags: `failure`, `error`, where a case of the JUnit file has one.
        annotated: how every annotation begins; None where there is none.
        gravest: severity for GitLab; None where it gets no entry.
    """

    text: str
    options: tuple[str, ...] = ()
    code: int
    verdict: str
    tags: frozenset[str] = frozenset()
    annotated: str | None = None
    gravest: str | None = None


UNSTABLE_JOB = Job(
    text=script(rate=9.0, steps=60),
    code=UNSTABLE,
    verdict="unstable",
    tags=frozenset({"failure"}),
    annotated="::error file=out/steps.csv,title=LRD",
    gravest="critical",
)
SHORT_JOB = Job(
    text=script(steps=5),
    code=COULD_NOT_JUDGE,
    verdict="inconclusive",
    annotated="::warning file=out/steps.csv,title=not-judged",
    gravest="minor",
)
JOBS = {
    "stable": Job(text=script(), code=STABLE, verdict="stable"),
    "unstable": UNSTABLE_JOB,
    "too short": SHORT_JOB,
    "failed": replace(SHORT_JOB, text=script(end="sys.exit(3)")),
    "no training": replace(
        SHORT_JOB, text="print(1)", tags=frozenset({"error"}), annotated="::warning title=not-judged"
    ),
    # what is let pass is told all the same
    "unstable and let pass": replace(UNSTABLE_JOB, options=("--fail-on", "never"), code=STABLE),
}


@pytest.mark.parametrize("name", JOBS)
def test_what_a_job_gets(tmp_path: Path, name: str) -> None:
    job = JOBS[name]
    (tmp_path / "summary.md").write_text("of an earlier step\n")
    variables = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "GITHUB_WORKSPACE": str(tmp_path)}
    ran = lrdoctor(tmp_path, job.text, "--github", *OUTPUTS, *job.options, environment=variables)
    assert ran.code == job.code, ran.stderr
    assert ran.report["verdict"] == job.verdict
    # standard output is the script's: GitHub reads the annotations on the other stream
    assert "::" not in ran.stdout
    annotations = [line for line in ran.stderr.splitlines() if line.startswith(("::error ", "::warning "))]
    assert bool(annotations) == (job.annotated is not None)
    assert all(line.startswith(str(job.annotated)) for line in annotations)
    (suite,) = ElementTree.parse(tmp_path / "ci/j.xml").getroot()
    assert {child.tag for case in suite for child in case} & {"failure", "error"} == job.tags
    entries = json.loads((tmp_path / "ci/g.json").read_text())
    found = {entry["severity"] for entry in entries}
    assert next((severity for severity in ("critical", "minor", "info") if severity in found), None) == job.gravest
    markdown = (tmp_path / "ci/m.md").read_text()
    assert markdown.splitlines()[0].endswith(f" lrdoctor run: {job.verdict}")
    assert (tmp_path / "summary.md").read_text() == f"of an earlier step\n{markdown}\n"
    assert job.verdict in (tmp_path / "ci/r.html").read_text().lower()
