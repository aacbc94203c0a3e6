"""Suites and cases of JUnit XML, and the elements they become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement, indent, tostring

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


def document(name: str, suites: Callable[[], Iterator[Suite]]) -> Iterator[str]:
    """The XML document, with its declaration, a suite at a time.

    Args:
        name: of the whole.
        suites: gives the suites, the same ones each time: first they are counted, since the counts stand above them.
    """
    root = Element("testsuites", {"name": _name(name), **_counts(suites())})
    tag = tostring(root, encoding="unicode").removesuffix(" />")
    yield f'<?xml version="1.0" encoding="utf-8"?>\n{tag}'
    n = 0
    for n, suite in enumerate(suites(), start=1):
        yield (">" if n == 1 else "") + "\n  " + tostring(_element(suite), encoding="unicode")
    yield "\n</testsuites>\n" if n else " />\n"


def _element(suite: Suite) -> Element:
    """Indented as the child of the root."""
    made = Element("testsuite", {"name": _name(suite.name), **_counts([suite])})
    for case in suite.cases:
        _add(made, case, _name(suite.name))
    indent(made, level=1)
    return made


def _counts(suites: Iterable[Suite]) -> dict[str, str]:
    """The attributes that count the cases: all of them, and by their outcome."""
    outcomes = Counter(case.outcome for suite in suites for case in suite.cases)
    by_name = {"failures": outcomes[FAILED], "errors": outcomes["error"], "skipped": outcomes["skipped"]}
    return {name: str(count) for name, count in {"tests": outcomes.total(), **by_name}.items()}


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
