"""report.json -> Report: what `json.render` wrote, read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, NoReturn, TypeVar

from lrdoctor.core.report import SCHEMA_VERSION, Finding, Fix, Report, RunSummary, Skip
from lrdoctor.errors import StoreError
from lrdoctor.reports.schema import NON_FINITE, MismatchError, report_schema, revived

ADVICE = "Run the command that made it again, or ask this version of lrdoctor for its --json."

T = TypeVar("T", RunSummary, Skip, Fix, Report)
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
        read: dict[str, Any] = revived(document, report_schema(), report_schema())
    except (MismatchError, RecursionError) as error:
        raise StoreError(f"{name}: {error}. {ADVICE}") from error
    return _report(read)


def _document(text: str, name: str) -> Document:
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
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
    given = {of.name: of.default for of in fields(Report) if of.default is not MISSING}
    return {name: [] if default == () else default for name, default in (made | given).items()}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"found {constant}, expected the string {constant!r}")


def _report(document: Document) -> Report:
    lists = {
        "runs": tuple(_known(RunSummary, row) for row in document["runs"]),
        "findings": tuple(_finding(row) for row in document["findings"]),
        "skipped": tuple(_known(Skip, row) for row in document["skipped"]),
        "fixes": tuple(_known(Fix, {**row, "because": tuple(row["because"])}) for row in document["fixes"]),
        "next_steps": tuple(document["next_steps"]),
    }
    return _known(Report, {**document, **lists})


def _known(kind: type[T], row: Document) -> T:
    """Of the keys those that the type has; the schema has seen to it that none is missing."""
    return kind(**{of.name: row[of.name] for of in fields(kind) if of.name in row and of.name != "curves"})


def _finding(row: Document) -> Finding:
    evidence = {key: _measured(row["evidence"][key]) for key in ("observed", "threshold")}
    plain = {of.name: row[of.name] for of in fields(Finding) if of.name in row}
    return Finding(**(plain | evidence))


def _measured(value: Any) -> Any:
    """A measurement may be a word too, so that the schema cannot tell; no rule uses these as words."""
    return float(value) if value in NON_FINITE else value
