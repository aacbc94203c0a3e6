from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hostile import HOSTILE, REPORTS
from log_report_samples import BAD, fix, log_run
from log_report_samples import report as of_logs
from markdown_it import MarkdownIt
from report_samples import finding, report
from treat_samples import TREATS

from lrdoctor.core.report import Report
from lrdoctor.reports.markdown import LONGEST, render
from lrdoctor.reports.markdown_text import code, name, words

TAGS = {
    "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "ul", "li", "strong", "em", "details", "summary",
    "pre",
}  # fmt: skip


class Page(HTMLParser):
    """The tags, their attributes, and the text outside of code."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text, self.prose, self.comments, self._inside_code = "", "", "", 0
        reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        self.feed(reader.render(markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        # what the table's own alignment becomes
        self.attributes |= {name for name, value in attrs if (name, value) != ("style", "text-align:right")}
        self._inside_code += tag in ("code", "pre")

    def handle_endtag(self, tag: str) -> None:
        self._inside_code -= tag in ("code", "pre")

    def handle_comment(self, data: str) -> None:
        self.comments += data

    def handle_data(self, data: str) -> None:
        self.text += data
        if not self._inside_code:
            self.prose += data + "\0"


def test_a_log_is_told_with_its_finding_its_curve_and_its_fix() -> None:
    text = render(BAD, None)
    assert text.startswith("### ❌ lrdoctor diagnose: unstable\n\nit is unstable\n")
    assert "| error | LRD202 | it rose | <code>bad.csv</code> step 60 |" in text
    assert "▁▁▁█▁▁" in text
    assert "- **warmup** (recommended): it helps" in text
    assert "```\ncode()\n```" in text
    assert "Not checked (1)" in text
    assert text.endswith("\n")


def test_a_study_is_told_with_its_numbers_and_its_rates() -> None:
    text = render(report(), None)
    assert "| stability margin | 2.15x |" in text
    assert "| **0.004642** (lr\\*) | 0.2 | 0.18..inf | 4/5 |   | early blow-up 1/5 |" in text
    assert "<code>█▃▁✗✗</code> best validation loss at the rates from 0.001 to 0.0232" in text


def test_a_margin_that_is_a_bound_is_told_so() -> None:
    text = render(report(stability_margin=None, unstable_base_learning_rate=None, verdict="stable"), None)
    assert "| stability margin | &#62;= 10x, none found |" in text


@pytest.mark.parametrize("treat", TREATS.values(), ids=TREATS)
def test_a_treatment_is_told_with_its_prescription_and_its_fixes(treat: dict[str, object]) -> None:
    text = render(report(treat=treat, command="treat"), None)
    assert ("**Prescription: " in text) == bool(treat.get("prescription"))
    assert ("Fixes tried" in text) == bool(treat.get("tried"))
    assert Page(text).tags <= TAGS


def test_many_runs_and_findings_are_counted_not_listed() -> None:
    runs = [log_run(f"{i}.csv", "unstable") for i in range(200)]
    findings = tuple(finding("x" * 1000, run=f"{i}.csv") for i in range(200))
    fixes = tuple(fix(f"{i}.csv", f"why {i}") for i in range(200))
    text = render(of_logs(*runs, findings=findings, fixes=fixes), None)
    assert "and 180 more findings" in text
    assert "and 170 more runs: 170 unstable" in text
    assert len(text) <= LONGEST


def test_what_does_not_fit_into_a_comment_is_left_out_whole() -> None:
    text = render(
        report(treat={**TREATS["all"], "tried": TREATS["all"]["tried"] * 20}, next_steps=("s" * 400,) * 300), None
    )
    assert len(text) <= LONGEST
    assert Page(text).tags <= TAGS


@pytest.mark.parametrize("sample", REPORTS.values(), ids=REPORTS)
def test_nothing_in_a_name_breaks_out(sample: Report) -> None:
    text = render(sample, None)
    page = Page(text)
    assert page.tags <= TAGS
    assert page.attributes <= {"class"}  # of a block of code, its language
    assert page.comments == ""
    assert "http://" not in text.split("```")[0]
    assert not any(piece.strip(" \n").startswith("@") and len(piece.strip()) > 1 for piece in page.prose.split("\0"))
    text.encode("utf-8")
    assert len(text) <= LONGEST


@pytest.mark.parametrize("kind", ["html", "markdown", "xml", "workflow"])
@pytest.mark.parametrize("escape", [words, name])
def test_the_words_show_as_they_are(kind: str, escape: object) -> None:
    shown = Page(f"| a |\n|---|\n| {escape(HOSTILE[kind])} |\n").text  # type: ignore[operator]
    head = HOSTILE[kind].strip()[:30]
    assert head in shown


def test_a_fence_is_longer_than_any_within() -> None:
    assert code("a\n````\nb\x1b") == "`````\na\n````\nb\\x1b\n`````"
