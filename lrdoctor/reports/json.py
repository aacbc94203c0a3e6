"""report.json: the one document that every other format could be made from.

Strict JSON in ASCII: a number that is not finite is written as the string "NaN", "Infinity" or "-Infinity".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrdoctor import __version__
from lrdoctor.core.plain import plain
from lrdoctor.core.report import SCHEMA_VERSION, Finding, Report, RunSummary

if TYPE_CHECKING:
    from lrdoctor.core.plan import Plan

__all__ = ["as_dict", "parse", "parts", "plan_as_dict", "render", "render_plan"]


def parse(text: str, name: str = "report.json") -> Report:
    """The report that a report.json holds, as `parsing.parse` reads it."""
    # all sections of all reports are needed for it, which writing a report of logs has no use for
    from lrdoctor.reports import parsing

    return parsing.parse(text, name)


def render(report: Report, folder: Path | None = None) -> str:
    """The report as strict JSON text, indented by 2, with a newline at the end.

    Args:
        report: what was judged.
        folder: not looked at: the report alone is the document.

    Raises:
        TypeError: `sweep`, or a fix's settings, holds something that is not plain data.
    """
    return "".join(parts(report))


def parts(report: Report, folder: Path | None = None) -> Iterator[str]:
    """The text of `render` in pieces, an entry of a list each: of 200,000 logs it is half a gigabyte.

    Args:
        report: what was judged.
        folder: not looked at.
    """
    yield "{"
    for i, (name, value) in enumerate(_document(report).items()):
        yield f'{"," if i else ""}\n  "{name}": '
        if not isinstance(value, Iterator):
            yield _indented(value, 2)
            continue
        n = 0
        for item in value:
            yield ("," if n else "[") + "\n    " + _indented(item, 4)
            n += 1
        yield "\n  ]" if n else "[]"
    yield "\n}\n"


def _indented(value: Any, by: int) -> str:
    # a line break is only ever one between items: those in strings are spelled out
    return json.dumps(strict(plain(value)), indent=2, allow_nan=False).replace("\n", "\n" + " " * by)


def render_line(kind: str, fields: Mapping[str, Any]) -> str:
    """A line of JSON in the shape of `schemas/watch.schema.json`, without the newline.

    Args:
        kind: event or report.
        fields: plain data.
    """
    line = {"schema_version": SCHEMA_VERSION, "type": kind, **fields}
    return json.dumps(strict(line), allow_nan=False)


def render_plan(plan: Plan, command: str) -> str:
    """What a command would train as strict JSON text, indented by 2, with a newline at the end."""
    document = {"schema_version": SCHEMA_VERSION, "command": command, "plan": plan_as_dict(plan)}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def plan_as_dict(plan: Plan) -> dict[str, Any]:
    """The plan with its totals, ready for any JSON writer."""
    totals = ("trials", "reused", "steps", "evaluations", "seconds")
    whole: dict[str, Any] = {name: getattr(plan, name) for name in totals}
    return {**whole, **asdict(plan), "parts": [asdict(part) for part in plan.parts()]}


def as_dict(report: Report) -> dict[str, Any]:
    """The report in the shape of `schemas/report.schema.json`, ready for any JSON writer."""
    return {
        name: strict(plain(list(value) if isinstance(value, Iterator) else value))
        for name, value in _document(report).items()
    }


def _document(report: Report) -> dict[str, Any]:
    """Key -> value; what there is one of for each run as an iterator."""
    return {
        "schema_version": SCHEMA_VERSION,
        "lrdoctor_version": __version__,
        "command": report.command,
        "verdict": report.verdict,
        "summary": report.summary,
        "best_learning_rate": report.best_learning_rate,
        "unstable_base_learning_rate": report.unstable_base_learning_rate,
        "stability_margin": report.stability_margin,
        "lr_sensitivity": report.lr_sensitivity,
        "runs": map(_run, report.runs),
        "findings": map(_finding, report.findings),
        "skipped": iter(report.skipped),
        "fixes": iter(report.fixes),
        "sweep": report.sweep or {},
        "probe": report.probe or {},
        "warmup": report.warmup or {},
        "clip": report.clip or {},
        "treat": report.treat or {},
        "architecture": report.architecture or {},
        "next_steps": report.next_steps,
        "passed_over": report.passed_over,
        "no_logs": report.no_logs,
        "checks": report.checks,
        "baseline": report.baseline or {},
        "min_margin": report.min_margin or {},
        "budget": report.budget or {},
        "recorded": report.recorded,
    }


def _run(run: RunSummary) -> dict[str, Any]:
    # not asdict: it copies deeply, and a read-only mapping cannot be copied; the curves stay in the log
    return {of.name: getattr(run, of.name) for of in fields(run) if of.name != "curves"}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "instability": finding.instability,
        "run": finding.run,
        "first_step": finding.first_step,
        "last_step": finding.last_step,
        "message": finding.message,
        "evidence": {"observed": finding.observed, "threshold": finding.threshold},
    }


def strict(value: Any) -> Any:
    """Plain data with non-finite numbers as strings."""
    if isinstance(value, dict):
        return {key: strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
