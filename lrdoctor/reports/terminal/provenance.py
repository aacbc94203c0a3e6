"""What was read of a log, and how its values were made, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import Console

from lrdoctor.reports.terminal.items import Item
from lrdoctor.reports.terminal.text import safe

MOST_LISTED = 12
"""Entries of a list that are shown; the JSON holds all."""

WORDS: Mapping[str, Callable[[Any], str]] = {
    "averaged": lambda over: f"every point is a mean over {_window(over)}",
    "smoothed": lambda beta: f"the values look smoothed by a moving average of factor {beta:g}",
    "quantised": lambda digits: f"the values are rounded to {digits} decimal digits",
    "significant_digits": lambda digits: f"the values are rounded to {digits} significant digits",
    "filtered": lambda n: f"{n} non-finite losses were written as 0",
    "resumed_at": lambda steps: _listed(steps),
    "discarded": lambda points: f"{_listed(points)} points of the training loss, taken back by the resumes",
    "restarts": lambda steps: _listed(steps),
    "part": lambda part: f"run {part[0]} of {part[1]} in the log",
    "nan_is_empty": lambda is_so: "nan is written as an empty cell" if is_so else "no",
}
"""Key of the provenance -> its words."""
IN_STEPS = frozenset({"first_step", "last_step", "step_gap", "largest_gap", "x"})
SAID_APART = frozenset({"format", "columns", "notes", "left_out"}) | IN_STEPS


def provenance_items(provenance: Mapping[str, Any], console: Console) -> Iterator[Item]:
    """Format, columns, steps, whatever is known of the values, notes, and what was left out."""
    for label, words in said(provenance):
        yield safe(console, label), safe(console, words)


def said(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Label and words of each."""
    if "format" in provenance:
        yield "format", str(provenance["format"])
    columns = provenance.get("columns", {})
    if columns:
        yield "columns", ", ".join(f"{meaning} from {_column(column)}" for meaning, column in columns.items())
    if "first_step" in provenance:
        yield str(provenance.get("x", "step")), _steps(provenance)
    for key, value in provenance.items():
        if key not in SAID_APART:
            yield key.replace("_", " "), WORDS[key](value) if key in WORDS else _plain(value)
    for note in provenance.get("notes", ()):
        yield "note", str(note)
    for reason, names in _by_reason(provenance.get("left_out", {})).items():
        yield "left out", f"{_listed(names)}: {reason}"


def _column(name: str | None) -> str:
    return "the count of rows" if name is None else repr(name)


def _steps(provenance: Mapping[str, Any]) -> str:
    gap, largest = provenance.get("step_gap", 1), provenance.get("largest_gap")
    more = f", the largest gap is {largest}" if largest is not None and largest != gap else ""
    return f"{provenance['first_step']}..{provenance['last_step']}, a point every {gap}{more}"


def _window(over: Any) -> str:
    return {"epoch": "an epoch", "interval": "the steps since the last one"}.get(over, f"{over} steps")


def _plain(value: Any) -> str:
    return _listed(value) if isinstance(value, list | tuple) else str(value)


def _listed(values: Any) -> str:
    shown = ", ".join(str(value) for value in values[:MOST_LISTED])
    return shown + (f" and {len(values) - MOST_LISTED} more" if len(values) > MOST_LISTED else "")


def _by_reason(left_out: Mapping[str, str]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        reasons.setdefault(reason, []).append(name)
    return reasons
