"""Which branches a rewrite changes, and why it leaves others as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import nn

from lrdoctor.architecture.look import Recording
from lrdoctor.architecture.recorder import OUTSIDE
from lrdoctor.architecture.residuals import norm_of_sum
from lrdoctor.architecture.rewrite.branches import Branch, branches, end_module
from lrdoctor.architecture.rewrite.layout import Layout, layout
from lrdoctor.architecture.rewrite.plan import Change, Gate, MovedNorm, NewNorm, Place, What, Zero
from lrdoctor.core.architecture import Site
from lrdoctor.core.rewriting import Rewrite

WHERE_TO = "the sum is normalized: move_norm moves that norm"


@dataclass
class Choice:
    """The changes, and the reasons for leaving the rest."""

    changes: list[tuple[Branch, Change]] = field(default_factory=list)
    refused: list[tuple[Branch, str]] = field(default_factory=list)


def chosen(recording: Recording, model: nn.Module, name: Rewrite, without: Mapping[Place, str]) -> Choice:
    """What is to be done.

    Args:
        recording: of the model as it is.
        model: which modules and names there are.
        name: the rewrite.
        without: branches that are known not to work, and why.
    """
    return _Choosing(recording, model, without).choose(name)


class _Choosing:
    def __init__(self, recording: Recording, model: nn.Module, without: Mapping[Place, str]) -> None:
        self._graph = recording.graph
        self._branches = branches(recording)
        self._consumers = recording.graph.consumers()
        self._names = {name for name, _ in model.named_parameters()}
        self._modules = dict(model.named_modules())
        self._without = without
        self._norms = {norm: [b for b in self._branches if b.first(_norm_of) == norm] for norm in self._modules}

    def choose(self, name: Rewrite) -> Choice:
        judges: Mapping[Rewrite, Callable[[Branch], What | str]] = {
            "zero_init": self._zero_init,
            "rezero": self._rezero,
            "move_norm": self._move_norm,
            "add_norm": self._add_norm,
        }
        judge = judges[name]
        choice = Choice()
        for branch in self._branches:
            found = self._without.get(branch.place) or judge(branch)
            if isinstance(found, str):
                choice.refused.append((branch, found))
            else:
                choice.changes.append((branch, self._change(branch, found)))
        return choice

    def _change(self, branch: Branch, what: What) -> Change:
        end = end_module(branch, self._consumers)
        return Change(place=branch.place, operand=branch.operand, end=end, what=what)

    def _zero_init(self, branch: Branch) -> What | str:
        names = dict.fromkeys(name for site in branch.sites for name in site.zeroable)
        return branch.first(lambda site: site.why_not) or Zero(tuple(names))

    def _rezero(self, branch: Branch) -> What | str:
        why = _outside(branch) or branch.first(_not_to_be_gated)
        if why or branch.parameter is None:
            return why or "nothing on the branch learns"
        return Gate(self._free_name(branch, "lr_gate"), branch.parameter)

    def _add_norm(self, branch: Branch) -> What | str:
        why = _outside(branch) or branch.first(_not_to_be_normed)
        if why or branch.parameter is None:
            return why or "nothing on the branch learns"
        found = layout(branch)
        if not isinstance(found, Layout):
            return found
        name = self._free_name(branch, "lr_norm")
        return NewNorm(name, branch.parameter, found.size, found.is_channels_first)

    def _move_norm(self, branch: Branch) -> What | str:
        why = _outside(branch) or branch.first(_not_to_be_moved)
        norm = branch.site.norm
        if why or norm is None:
            return why
        if norm not in self._norms:
            return f"{norm} is none of the model's modules"
        return self._cannot_move(norm) or MovedNorm(norm)

    def _cannot_move(self, norm: str) -> str:
        """Why this norm cannot be moved, from all sums that it normalizes; empty where it can."""
        users = self._norms[norm]
        kept = [user for user in users if user.place in self._without or user.first(_not_to_be_moved)]
        if self._graph.module_calls[norm] != sum(len(user.sites) for user in users) or kept:
            return f"{norm} is used elsewhere too"
        if "forward" in vars(self._modules[norm]):
            return f"{norm} runs in a way of its own"
        found = {residual.add: residual for each in self._branches for residual in each.residuals}
        for residual in (residual for user in users for residual in user.residuals):
            i = norm_of_sum(self._graph, residual, found, self._consumers)
            if i is None or len(self._graph.activations(self._graph[i])) != 1:
                return f"{norm} takes more than the sum"
            if self._graph[i].shape != self._graph[residual.branch].shape:
                return "the branch has another shape than the sum that is normalized"
        return ""

    def _free_name(self, branch: Branch, start: str) -> str:
        owner = f"{branch.place.module}." if branch.place.module else ""
        k = 0
        while {f"{owner}{start}_{k}", f"{owner}{start}_{k}_weight"} & self._names:
            k += 1
        self._names.add(f"{owner}{start}_{k}")
        return f"{start}_{k}"


def _norm_of(site: Site) -> str:
    return site.norm or ""


def _outside(branch: Branch) -> str:
    return "the add runs in a module that is none of the model's" if branch.place.module == OUTSIDE else ""


def _not_to_be_gated(site: Site) -> str:
    if site.gate is not None:
        return f"the branch has a factor already, {site.gate}"
    if site.is_zero:
        return "the branch is 0 already: behind a factor of 0 neither of them would ever learn"
    return ""


def _not_to_be_normed(site: Site) -> str:
    if site.is_norm_last:
        return "the branch ends with a norm already"
    return WHERE_TO if site.post_norm else _not_to_be_scaled(site)


def _not_to_be_moved(site: Site) -> str:
    if not site.post_norm:
        return "the sum is not normalized"
    if site.norm is None:
        return "the sum is normalized by a function, which cannot be moved from outside: write x + norm(f) there"
    return _not_to_be_scaled(site)


def _not_to_be_scaled(site: Site) -> str:
    if site.gate is not None:
        return f"the branch has a factor, {site.gate}, which a norm behind it would undo"
    if site.is_zero:
        return "the branch is 0, which a norm cannot scale: its gradient would explode"
    return ""
