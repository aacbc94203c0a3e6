"""Adds that put an operator behind one of their operands, for as long as their module's forward pass runs.

It serves the branches that end in no module: what their operations are called with is changed, not the module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lrdoctor.architecture import operations as ops
from lrdoctor.architecture.call_sites import CallSite, call_site
from lrdoctor.architecture.rewrite.operators import Operator
from lrdoctor.architecture.rewrite.plan import Place

Table = Mapping[CallSite, Mapping[int, tuple[int, Operator]]]
"""Where an add is called, and which time in one forward pass -> the operand, and what is put behind it."""


class ChangedAdds:
    """The adds of one module; `enter` and `leave` are its forward hooks."""

    def __init__(self) -> None:
        self._table: dict[CallSite, dict[int, tuple[int, Operator]]] = {}
        self._running: list[_Mode] = []

    def put(self, place: Place, operand: int, operator: Operator) -> None:
        site = CallSite(place.file, place.line, place.span)
        self._table.setdefault(site, {})[place.within] = operand, operator

    def enter(self, module: nn.Module, args: Any) -> None:
        mode = _Mode(self._table)
        mode.__enter__()  # type: ignore[no-untyped-call]
        self._running.append(mode)

    def leave(self, module: nn.Module, args: Any, out: Any) -> None:
        if self._running:  # empty where an earlier hook of the module has raised
            self._running.pop().__exit__(None, None, None)  # type: ignore[no-untyped-call]


class _Mode(TorchFunctionMode):
    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table
        self._calls: Counter[CallSite] = Counter()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__name__", "") not in ops.ADD:
            return func(*args, **(kwargs or {}))
        site = call_site()
        calls = self._table.get(site)
        if calls is None:
            return func(*args, **(kwargs or {}))
        self._calls[site] += 1
        change = calls.get(self._calls[site] - 1)
        return func(*args, **(kwargs or {})) if change is None else changed(func, args, kwargs or {}, *change)


def changed(func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], operand: int, operator: Operator) -> Any:
    """The add with an operator behind one operand, which may have been given by place or by name."""
    if operand == 0 and _writes(func.__name__):
        # what an operator keeps for the backward pass must not be written over
        target: Tensor = args[0]
        plain = torch.sub if "sub" in func.__name__ else torch.add
        return target.copy_(plain(operator(target.clone()), *args[1:], **kwargs))
    if operand < len(args):
        return func(*args[:operand], operator(args[operand]), *args[operand + 1 :], **kwargs)
    name = list(kwargs)[operand - len(args)]
    return func(*args, **{**kwargs, name: operator(kwargs[name])})


def _writes(name: str) -> bool:
    return name in ops.IN_PLACE or (name.endswith("_") and not name.endswith("__"))
