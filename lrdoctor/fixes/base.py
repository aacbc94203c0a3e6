"""What a fix is. A fix names the instabilities it treats; it knows nothing of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lrdoctor.core.report import Instability
from lrdoctor.core.study import Study

Settings = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """One change to try, with its manual page. Its rank is its place in `fixes.FIXES`."""

    name: str
    treats: frozenset[Instability]
    summary: str
    """One sentence: what to do."""
    manual: str
    """The manual page: what it does, when it helps, what it costs."""
    settings: Callable[[Study], Settings]
    """The numbers to try, from what the study measured; empty when there are none to give."""
    snippet: Callable[[Settings], str]
    """PyTorch code with these numbers."""
    why: Callable[[Study], str | None] = lambda study: None
    """What this study adds to the summary; None for nothing."""


def no_settings(study: Study) -> Settings:
    """For fixes without numbers."""
    return {}


def optimizer_of(study: Study) -> str:
    """Name or class path of the study's update rule, "" when it is not known."""
    block = (study.spec or {}).get("optimizer") or {}
    return str(block.get("name") or block.get("class_path") or "")
