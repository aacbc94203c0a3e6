"""What a fix is. A fix names the instabilities it treats; it knows nothing of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lrdoctor.core.report import Finding, Instability
from lrdoctor.core.study import Study

Settings = Mapping[str, Any]
Findings = tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class FixRule:
    """One change to try, with its manual page. Its rank is its place in `fixes.FIXES`."""

    name: str
    treats: frozenset[Instability]
    summary: str
    """One sentence: what to do."""
    manual: str
    """The manual page: what it does, when it helps, what it costs."""
    settings: Callable[[Study, Findings], Settings]
    """The numbers to try, from what the study or the log measured; empty when there are none to give."""
    snippet: Callable[[Settings], str]
    """PyTorch code with these numbers."""
    why: Callable[[Study, Findings], str | None] = lambda study, findings: None
    """What this study or log adds to the summary; None for nothing."""
    applies: Callable[[Study, Finding], bool] = lambda study, finding: True
    """Whether a finding of an instability that it treats is one that it can answer."""


def no_settings(study: Study, findings: Findings) -> Settings:
    """For fixes without numbers."""
    return {}


def warmup_of(study: Study) -> int:
    """Updates of the warmup that the study's spec has already; 0 for none, or where there is no spec."""
    return int((study.spec or {}).get("warmup_steps") or 0)


def clip_of(study: Study) -> float | None:
    """What the study's spec clips gradients to already; None for nothing, or where there is no spec."""
    limit = (study.spec or {}).get("clip_norm")
    return None if limit is None else float(limit)


def optimizer_of(study: Study) -> str:
    """Name or class path of the study's update rule, "" when it is not known."""
    block = (study.spec or {}).get("optimizer") or {}
    known = block.get("name") or block.get("class_path")
    # of a command its trials tell
    seen = (run.provenance.get("update_rule") for run in study.runs)
    return str(known or next(filter(None, seen), ""))
