"""Whether a rewrite did what it was to do: the model is recorded again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

import torch
from torch.nn.modules import module as hooks
from torch.utils._python_dispatch import TorchDispatchMode

from lrdoctor.architecture import operations as ops
from lrdoctor.architecture.call_sites import CallSite, call_sites
from lrdoctor.architecture.look import Recording
from lrdoctor.architecture.rewrite.branches import branches
from lrdoctor.architecture.rewrite.plan import Change, Place, Zero
from lrdoctor.core.architecture import Site
from lrdoctor.core.rewriting import Rewrite

RUNS_AGAIN = (
    "its add runs again in the backward pass, where the change would not be made: "
    "not a module is checkpointed there but a function"
)


def failed(after: Recording, changes: Iterable[Change], name: Rewrite, watch: Watch) -> dict[Place, str]:
    """The changed branches that do not show what the rewrite promises, and what they show."""
    seen = {branch.place: branch for branch in branches(after)}
    found = {}
    for change in changes:
        branch = seen.get(change.place)
        if branch is None:
            found[change.place] = "changed and recorded again, it is no residual add any more"
        elif why := branch.first(SHOWS[name]):
            found[change.place] = f"changed and recorded again, {why}"
    return found | unchanged_again(changes, watch)


def unchanged_again(changes: Iterable[Change], watch: Watch) -> dict[Place, str]:
    """The branches whose adds the backward pass ran again, and not as they were changed."""
    at_adds = (change.place for change in changes if not isinstance(change.what, Zero) and change.end is None)
    return {place: RUNS_AGAIN for place in at_adds if _site(place) in watch.unchanged}


def _is_not_zero(site: Site) -> str:
    if not site.is_zero:
        return f"the branch is not 0 but {site.branch_scale} of the skip"
    return "nothing on the branch learns" if site.is_dead else ""


def _is_not_normed(site: Site) -> str:
    return "" if site.is_norm_last else f"the branch ends with {site.last_operation} and not with a norm"


def _is_not_moved(site: Site) -> str:
    return "the sum is still normalized" if site.post_norm else _is_not_normed(site)


SHOWS: Mapping[Rewrite, Callable[[Site], str]] = {
    "zero_init": _is_not_zero,
    "rezero": _is_not_zero,
    "move_norm": _is_not_moved,
    "add_norm": _is_not_normed,
}
"""What is wrong with a site that was changed; empty where nothing is."""


class Watch(TorchDispatchMode):
    """A context for the backward pass: notes the adds that run there again outside of any module's forward pass.

    It sees what is dispatched: a backward pass is one torch function, within which no further ones are seen.

    Args:
        changes: the adds to watch for.
    """

    def __init__(self, changes: Iterable[Change]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.unchanged: set[CallSite] = set()
        self.sites = {_site(change.place) for change in changes}
        self._depth = 0

    def __enter__(self) -> Watch:
        self._handles = (
            hooks.register_module_forward_pre_hook(self._before),
            hooks.register_module_forward_hook(self._after, always_call=True),
        )
        # on this thread, or the mode would not see it
        self._threads = torch.autograd.set_multithreading_enabled(False)
        self._threads.__enter__()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        self._threads.__exit__(kind, error, trace)
        for handle in self._handles:
            handle.remove()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        if not self._depth and func.overloadpacket.__name__ in ops.ADD:
            self.unchanged |= self.sites.intersection(call_sites())
        return func(*args, **(kwargs or {}))

    def _before(self, module: Any, args: Any) -> None:
        self._depth += 1

    def _after(self, module: Any, args: Any, out: Any) -> None:
        self._depth -= 1


def _site(place: Place) -> CallSite:
    return CallSite(place.file, place.line, place.span)
