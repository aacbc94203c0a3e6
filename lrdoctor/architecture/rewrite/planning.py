"""From a model and the name of a rewrite to the changed model: chosen, made, recorded again, or taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from lrdoctor.architecture.look import LossOf, Recording, recorded
from lrdoctor.architecture.rewrite.applying import make
from lrdoctor.architecture.rewrite.choosing import Choice, chosen
from lrdoctor.architecture.rewrite.obstacles import obstacle
from lrdoctor.architecture.rewrite.plan import Change, Place, RewritePlan
from lrdoctor.architecture.rewrite.sources import edits
from lrdoctor.architecture.rewrite.streams import ends_without_norm
from lrdoctor.architecture.rewrite.verifying import Watch, failed, unchanged_again
from lrdoctor.core.rewriting import Refusal, Rewrite, Rewriting

NO_LAST_NORM = (
    "the residual stream now ends without a norm in front of what reads it: its author may want one there, as models "
    "with x + f(Norm(x)) have"
)
NO_SITES = "no residual add was recognised in the model"


def rewrite(model: nn.Module, batch: Any, loss_of: LossOf, name: Rewrite, folder: Path | None = None) -> Rewriting:
    """Changes the model in place where that can be done without its author, and records it again.

    Buffers, gradients, modes and the random generators are afterwards as they were. Where the rewrite failed as a
    whole the model is as it was.

    Args:
        model, batch, loss_of, folder: see `look`; the model should be the caller's own.
        name: what to change.

    Raises:
        Exception: whatever the unchanged model raises under the recorder.
    """
    return planned(model, batch, loss_of, name, folder).rewriting


def planned(model: nn.Module, batch: Any, loss_of: LossOf, name: Rewrite, folder: Path | None = None) -> RewritePlan:
    """As `rewrite`; the plan is what `apply` needs to change further fresh models of the kind without running them."""
    planning = _Planning(model, batch, loss_of, name, folder)
    return planning.plan()


class _Planning:
    def __init__(self, model: nn.Module, batch: Any, loss_of: LossOf, name: Rewrite, folder: Path | None) -> None:
        self._model = model
        self._run = (batch, loss_of, folder)
        self._name = name

    def plan(self) -> RewritePlan:
        if why := obstacle(self._model, self._name):
            return self._failed(Choice(), why)
        before = recorded(self._model, *self._run)
        if not before.architecture.sites:
            return self._failed(Choice(), NO_SITES)
        without: dict[Place, str] = {}
        while True:
            choice = chosen(before, self._model, self._name, without)
            if not choice.changes:
                return self._failed(choice, "")
            found = self._tried(choice)
            if isinstance(found, RewritePlan):
                return found
            without |= found

    def _tried(self, choice: Choice) -> RewritePlan | dict[Place, str]:
        """The plan where all changes do what they are to do, else those that do not, all of them taken back."""
        changes = tuple(change for _, change in choice.changes)
        undo = make(changes, self._model)
        # at the adds alone: what is put behind a module runs whenever it does
        watch = Watch(change for change in changes if change.end is None)
        try:
            after = recorded(self._model, *self._run, backward=watch if watch.sites else None)
        except Exception as error:
            undo()
            # what runs again without the change need not fit to what ran with it
            if again := unchanged_again(changes, watch):
                return again
            return self._failed(choice, f"the changed model does not run: {type(error).__name__}: {error}")
        wrong = failed(after, changes, self._name, watch)
        if wrong:
            undo()
            return wrong
        return self._made(choice, changes, after)

    def _made(self, choice: Choice, changes: tuple[Change, ...], after: Recording) -> RewritePlan:
        rewriting = Rewriting(
            name=self._name,
            edits=edits(choice),
            refused=_refusals(choice),
            n_sites=sum(len(branch.sites) for branch, _ in choice.changes),
            after=after.architecture,
            note=NO_LAST_NORM if self._name == "move_norm" and ends_without_norm(after) else "",
        )
        return RewritePlan(changes=changes, rewriting=rewriting)

    def _failed(self, choice: Choice, why: str) -> RewritePlan:
        rewriting = Rewriting(name=self._name, edits=(), refused=_refusals(choice), n_sites=0, after=None, failure=why)
        return RewritePlan(changes=(), rewriting=rewriting)


def _refusals(choice: Choice) -> tuple[Refusal, ...]:
    return tuple(Refusal(where=branch.site.where, module=branch.site.module, why=why) for branch, why in choice.refused)
