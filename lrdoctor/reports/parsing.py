"""report.json -> Report: what `json.render` wrote, read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, NoReturn

from lrdoctor.core import saved_json
from lrdoctor.core.fix_sections import ClipResult, TreatResult, WarmupResult
from lrdoctor.core.plain import plain, read
from lrdoctor.core.report import SCHEMA_VERSION, Finding, Report
from lrdoctor.core.sections import Comparison, MinMargin, Model, Probe, Spending, Sweep
from lrdoctor.errors import StoreError
from lrdoctor.reports.schema import NON_FINITE, MismatchError, report_schema, revived

ADVICE = "Run the command that made it again, or ask this version of lrdoctor for its --json."

SECTIONS: Mapping[str, type] = {
    "sweep": Sweep,
    "probe": Probe,
    "warmup": WarmupResult,
    "clip": ClipResult,
    "treat": TreatResult,
    "architecture": Model,
    "baseline": Comparison,
    "min_margin": MinMargin,
    "budget": Spending,
}
"""Those that are empty in the file where the report has none."""

Document = Mapping[str, Any]


def parse(text: str, name: str = "report.json") -> Report:
    """The report that a report.json holds; keys of later versions are ignored, parts of later versions are empty.

    The curves of a log are no part of it.

    Args:
        text: the file's content.
        name: of the file, for messages.

    Raises:
        StoreError: it is no report, or of another schema_version; the text names the key.
    """
    document = {**_defaults(), **_document(text, name)}
    try:
        revived_: dict[str, Any] = revived(document, report_schema(), report_schema())
    except (MismatchError, RecursionError) as error:
        raise StoreError(f"{name}: {error}. {ADVICE}") from error
    return _report(revived_)


def _document(text: str, name: str) -> Document:
    try:
        document = saved_json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise StoreError(f"{name} is no report of lrdoctor: {error}. {ADVICE}") from error
    found = document.get("schema_version") if isinstance(document, dict) else None
    if found is None:
        raise StoreError(f"{name} is no report of lrdoctor: it has no schema_version. {ADVICE}")
    if found != SCHEMA_VERSION:
        raise StoreError(f"{name}: schema_version: found {found!r}, expected {SCHEMA_VERSION}. {ADVICE}")
    return dict(document)


def _defaults() -> Document:
    """What a report without a part has in its place: a file of an earlier version has fewer parts."""
    made = {of.name: of.default_factory() for of in fields(Report) if of.default_factory is not MISSING}
    given = {of.name: plain(of.default) for of in fields(Report) if of.default is not MISSING}
    return {**made, **given, **{name: {} for name in SECTIONS}}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"found {constant}, expected the string {constant!r}")


def _report(document: Document) -> Report:
    sections = {name: read(kind, document[name]) if document[name] else None for name, kind in SECTIONS.items()}
    return read(Report, {**document, **sections, "findings": list(map(_finding, document["findings"]))})


def _finding(row: Document) -> Finding:
    evidence = {key: _measured(row["evidence"][key]) for key in ("observed", "threshold")}
    return read(Finding, {**row, **evidence})


def _measured(value: Any) -> Any:
    """A measurement may be a word too, so that the schema cannot tell; no rule uses these as words."""
    return float(value) if value in NON_FINITE else value
