"""Sections of made-up reports, given as the plain data that a test needs to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrdoctor.core.plain import read
from lrdoctor.reports.parsing import SECTIONS

USUAL: Mapping[str, Mapping[str, Any]] = {
    "sweep": {
        "objective": "best_val_loss", "loss_at_init": 2.3, "stable_up_to": None, "extended": False, "notes": [],
        "n_seeds": 5, "rates": [], "figures": [],
    },
    "baseline": {
        "file": "old.json", "verdict": "stable", "stability_margin": None, "worse": [], "not_compared": [], "gone": [],
        "tolerances": {},
    },
    "min_margin": {"required": 5.0, "observed": None, "is_bound": False},
}  # fmt: skip
"""Fields that a test may leave out."""


def section(name: str, given: Any) -> Any:
    """A section of the report of that name; None for `{}`."""
    return read(SECTIONS[name], {**USUAL.get(name, {}), **given}) if given else None


def with_sections(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a report with the sections that are given as plain data made what they are."""
    plain = {name: fields[name] for name in SECTIONS if isinstance(fields.get(name), Mapping)}
    return {**fields, **{name: section(name, given) for name, given in plain.items()}}
