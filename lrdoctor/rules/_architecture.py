"""What the rules that judge a model have in common."""

from __future__ import annotations

from dataclasses import dataclass

from lrdoctor.core.architecture import DEEP, Architecture
from lrdoctor.core.report import Skip
from lrdoctor.rules.base import Found, Rule


@dataclass(frozen=True)
class Thresholds:
    deep: int = DEEP
    """Layers with weights that a model may have without; the reason stands at the constant."""
    quiet: float = 0.01
    """Branches that add this share of their skip at most leave it as it is: ReZero, Fixup, LayerScale."""


THRESHOLDS = Thresholds()


def unseen(rule: Rule, model: Architecture) -> Found:
    """A check of everything that some of the model was hidden from."""
    if model.unknown:
        yield _unknown(rule, model)


def _unknown(rule: Rule, model: Architecture) -> Skip:
    places = list(dict.fromkeys(model.unknown))
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    n = len(model.unknown)
    return rule.skip(
        f"{n} tensor{'s' if n > 1 else ''} came from operations that cannot be looked into ({places[0]}{more}): what "
        "they hold is unknown, not absent"
    )
