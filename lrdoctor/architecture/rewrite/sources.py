"""What was changed, and how the author of a model would change it, as a few lines of Python."""

from __future__ import annotations

from torch import nn

from lrdoctor.architecture.rewrite.branches import Branch
from lrdoctor.architecture.rewrite.choosing import Choice
from lrdoctor.architecture.rewrite.plan import Change
from lrdoctor.core.rewriting import Edit


def edits(choice: Choice, model: nn.Module) -> tuple[Edit, ...]:
    """One for every line and text."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for branch, change in choice.changes:
        what, source = _told(branch, change, model)
        found.setdefault((branch.site.where, what, source), {})[branch.site.module] = None
    return tuple(
        Edit(where=where, modules=tuple(modules), what=what, source=source)
        for (where, what, source), modules in found.items()
    )


def _told(branch: Branch, change: Change, model: nn.Module) -> tuple[str, str]:
    return type(change.what).__name__, ""
