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
    "warmup": {
        "status": "verified", "why": "it holds", "factor": 10.0, "longest_warmup_steps": 30,
        "objective": "best_val_loss", "tried": [], "base_learning_rate": None, "warmup_steps": None,
        "post_warmup_steps": None, "highest_stable_learning_rate": {"without": None, "with": None}, "without": [],
        "with": [], "comparison": None, "share_of_max_train_steps": None, "raise_max_train_steps": False, "figures": [],
    },
    "clip": {
        "status": "verified", "verdict": "it holds", "objective": "best_val_loss", "clip_norm": None,
        "percentile": None, "base_learning_rate": None, "highest_stable_learning_rate": None,
        "baseline_highest_stable_learning_rate": None, "comparison": None, "best_unclipped": None, "norms": None,
        "attempts": [], "lowered": [], "harder_tried": False, "scale_free": False, "figures": [],
    },
}  # fmt: skip
"""Fields that a test may leave out."""


def section(name: str, given: Any) -> Any:
    """A section of the report of that name; None for `{}`."""
    return read(SECTIONS[name], {**USUAL.get(name, {}), **given}) if given else None


def with_sections(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a report with the sections that are given as plain data made what they are."""
    plain = {name: fields[name] for name in SECTIONS if isinstance(fields.get(name), Mapping)}
    return {**fields, **{name: section(name, given) for name, given in plain.items()}}


def attempt(**changes: Any) -> dict[str, Any]:
    """One line of the table of a clipping, as plain data."""
    fields: dict[str, Any] = {
        "percentile": None, "clip_norm": None, "base_learning_rate": 0.01, "n_judged": 3, "n_held": 3, "holds": True,
        "events": {}, "share_clipped": None, "share_clipped_low": None, "share_clipped_high": None,
        "aggressive": False, "objective": 0.55, "objective_low": 0.5, "objective_high": 0.6,
    }  # fmt: skip
    return fields | changes


def lowered(**changes: Any) -> dict[str, Any]:
    """The same of a plain lower rate that a clipping amounts to."""
    paired = {"n_pairs": 3, "n_better": 0, "gain": 0.0, "gain_low": 0.0, "gain_high": 0.0, "change": "no change"}
    chances = {"chance_lower": 0.5, "chance_higher": 0.5}
    return attempt(clipped_learning_rate=0.03, comparison=paired | chances) | changes
