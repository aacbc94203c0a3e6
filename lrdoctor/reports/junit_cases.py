"""Suites and cases of JUnit XML, and the elements they become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement

from lrdoctor.reports.untrusted import for_xml, one_line

LONGEST_NAME, LONGEST_MESSAGE, LONGEST_LINE = 200, 500, 2000
MOST_LINES = 50
"""Lines of output of a case; a log may have hundreds of findings of one rule."""
FAILED = "failure"


@dataclass(frozen=True)
class Case:
    """One check."""

    name: str
    outcome: str = ""
    """failure, error or skipped; empty when it passed."""
    message: str = ""
    output: Sequence[str] = field(default_factory=list)
    """Lines: the evidence of a failure, the remarks of a case that passed."""
    kind: str = ""
    """Of a failure or an error."""


@dataclass(frozen=True)
class Suite:
    """The checks of one thing."""

    name: str
    cases: Sequence[Case]

    def count(self, outcome: str) -> int:
        return sum(case.outcome == outcome for case in self.cases)


def element(name: str, suites: Sequence[Suite]) -> Element:
    """The root `testsuites` with everything in it."""
    root = Element("testsuites", {"name": _name(name), **_counts(suites)})
    for suite in suites:
        inner = SubElement(root, "testsuite", {"name": _name(suite.name), **_counts([suite])})
        for case in suite.cases:
            _add(inner, case, _name(suite.name))
    return root


def _counts(suites: Sequence[Suite]) -> dict[str, str]:
    counts = {"tests": sum(len(suite.cases) for suite in suites)}
    for attribute, outcome in {"failures": FAILED, "errors": "error", "skipped": "skipped"}.items():
        counts[attribute] = sum(suite.count(outcome) for suite in suites)
    return {attribute: str(count) for attribute, count in counts.items()}


def _add(suite: Element, case: Case, classname: str) -> None:
    added = SubElement(suite, "testcase", {"classname": classname, "name": _name(case.name)})
    text = _text(case.output)
    if case.outcome:
        message = for_xml(one_line(case.message, LONGEST_MESSAGE))
        kind = {} if case.outcome == "skipped" else {"type": for_xml(case.kind) or case.outcome}
        SubElement(added, case.outcome, {"message": message, **kind}).text = text
    elif text:
        SubElement(added, "system-out").text = text


def _name(text: str) -> str:
    return for_xml(one_line(text, LONGEST_NAME)) or "(no name)"


def _text(lines: Sequence[str]) -> str:
    shown = [for_xml(one_line(line, LONGEST_LINE)) for line in lines[:MOST_LINES]]
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join([*shown, *more])
