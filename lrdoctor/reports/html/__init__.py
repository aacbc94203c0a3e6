"""The report as one HTML file that needs nothing else: no script, no network, no other file.

Everything that came from a log, a spec or a path is text to the template: it is escaped there (autoescape), and what
could steer or reorder the page is spelled out, as in a terminal.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from lrdoctor.core.report import Report
from lrdoctor.reports.html.page import page
from lrdoctor.reports.numbers import printable

LONGEST_NAME, LONGEST_TEXT = 160, 2000
"""Characters of a name and of a text that the page shows; report.json holds them whole."""


def render(report: Report, folder: Path | None = None) -> str:
    """The page, in UTF-8 without surrogates. The same report and folder give the same text.

    Args:
        report: what was judged.
        folder: of the study, whose figures and trials are shown; None for logs.
    """
    return environment().get_template("page.html").render(page(report, folder))


@cache
def environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lrdoctor.reports.html"),
        autoescape=True,
        finalize=_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"name": _name, "code": _code}
    return environment


def _text(value: object) -> object:
    """What every expression of the template goes through; markup is our own and stays as it is."""
    if isinstance(value, Markup):
        return value
    return printable(_cut(str(value), LONGEST_TEXT))


def _name(value: object) -> str:
    return _cut(str(value), LONGEST_NAME)


def _code(value: str) -> Markup:
    """Code keeps its lines."""
    return Markup("\n").join(escape(printable(line)) for line in value.splitlines())


def _cut(text: str, n: int) -> str:
    return text if len(text) <= n else f"{text[:n]}… ({len(text)} characters)"
