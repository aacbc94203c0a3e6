"""Records which operation took whose result, while the user's own code runs one batch.

Nothing is traced or compiled: the code runs as it is, so that loops, branches that depend on the data, shared blocks
and operations in place are seen as they happen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from lrdoctor.architecture import operations as ops
from lrdoctor.architecture.call_sites import CallSite, call_site
from lrdoctor.architecture.graph import Graph, Key, Node, add_node

NORM_CLASS = re.compile("norm", re.IGNORECASE)
NO_NORM = (nn.Linear, _ConvNd, nn.RNNBase, nn.MultiheadAttention, nn.Embedding)
"""A module that holds one of these is more than a norm, whatever its name."""
COMPILED = "_orig_mod."
"""What torch.compile puts before the names of the model that it wraps."""
OUTSIDE = "?"
"""Path of a module that is none of the model's."""


class Recorder(TorchFunctionMode):
    """A context in which the model's operations are recorded into `graph`.

    Args:
        model: whose modules and parameters give the names.
        batch: the tensors that activations depend on.
    """

    def __init__(self, model: nn.Module, batch: Any) -> None:
        super().__init__()
        self.graph = Graph()
        self.unknown: list[str] = []
        self._of: Any = WeakIdKeyDictionary()
        self._params = {id(p): plain_name(name) for name, p in model.named_parameters()}
        self._buffers = {id(buffer) for buffer in model.buffers()}
        self._modules = {id(m): plain_name(name) for name, m in model.named_modules()}
        self._root = model
        self._stack: list[str] = []
        self._calls: Counter[tuple[str, CallSite]] = Counter()
        self._calls_within: list[Counter[CallSite]] = [Counter()]
        self._returned_by: dict[int, str] = {}
        self._in_norm = 0
        self._norm_inputs: list[int] = []
        self._norm_operations: set[str] = set()
        self._handles = ExitStack()
        self._see(batch)

    def __enter__(self) -> Recorder:
        for register in (
            lambda: hooks.register_module_forward_pre_hook(self._before),
            lambda: hooks.register_module_forward_hook(self._after, always_call=True),
            lambda: self._root.register_forward_pre_hook(self._at_root, with_kwargs=True),
        ):
            self._handles.callback(register().remove)  # type: ignore[no-untyped-call]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        self._handles.close()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", str(func))
        is_add = name in ops.ADD and not self._in_norm
        key = self._key() if is_add else None
        # before the operation, which may write into one of them
        operands = self._operand_rms(args, kwargs) if is_add else {}
        out = func(*args, **kwargs)
        self._record(name, (args, kwargs), out, key, operands)
        return out

    def _see(self, batch: Any) -> None:
        """Notes tensors that came from outside as what activations depend on."""
        for t in tensors(batch):
            if t not in self._of and id(t) not in self._params and id(t) not in self._buffers:
                self._of[t] = self._node("input", [], [], active=True, shape=tuple(t.shape)).index

    def _node(self, operation: str, inputs: Iterable[int], params: list[str], active: bool, **more: Any) -> Node:
        node = add_node(self.graph, operation, inputs, params, active)
        node.module = self._stack[-1] if self._stack else ""
        for field, value in more.items():
            setattr(node, field, value)
        return node

    def _record(
        self, operation: str, given: Any, out: Any, key: Key | None = None, operands: dict[int, float] | None = None
    ) -> None:
        if self._in_norm:
            self._norm_operations.add(operation)
            self._norm_inputs += [self._of[t] for t in tensors(given) if t in self._of]
            return
        inputs, params = self._taken(given, operation)
        made = _results(operation, given, out)
        if not made:
            return
        active = operation not in ops.NO_ACTIVATION and any(self.graph[i].is_activation for i in inputs)
        is_weight = active and operation in ops.WEIGHT and bool(params)
        node = self._node(operation, inputs, params, active, shape=tuple(made[0].shape), is_weight=is_weight)
        node.is_norm = active and operation in ops.NORM
        node.key, node.operand_rms = key, operands or {}
        if key is not None:
            node.operand_from = {i: self._returned_by[i] for i in inputs if i in self._returned_by}
        self._bind(node, made)
        if len(made) > 1 and operation in ops.VIEW:
            self._bind_parts(node, made)
        if operation in ops.IN_PLACE or (operation.endswith("_") and not operation.endswith("__")):
            self._write_through(node, made[0])
        if active and (is_weight or operation in ops.ADD):
            _measure(node, made[0])

    def _bind(self, node: Node, made: Iterable[Tensor]) -> None:
        # an operation in place gives its target a new meaning
        for t in made:
            self._of[t] = node.index

    def _bind_parts(self, whole: Node, parts: Iterable[Tensor]) -> None:
        """Each part has a node of its own: what is made of one of them does not depend on the others."""
        for part in parts:
            node = self._node("part", [whole.index], list(whole.params), whole.is_activation, shape=tuple(part.shape))
            self._bind(node, [part])

    def _write_through(self, node: Node, view: Tensor) -> None:
        """What is written into a view changes the tensor that it is a view of."""
        with _unseen():
            base = view._base
            if base is None or base not in self._of:
                return
            inputs = [node.index] if base.numel() == view.numel() else [self._of[base], node.index]
            active = any(self.graph[i].is_activation for i in inputs)
            written = self._node("write", inputs, [], active, shape=tuple(base.shape))
            self._bind(written, [base])

    def _taken(self, given: Any, operation: str) -> tuple[list[int], list[str]]:
        """The nodes and the parameters whose values an operation takes."""
        inputs: list[int] = []
        params: list[str] = []
        for t in tensors(given):
            if t in self._of:
                inputs.append(self._of[t])
                if not self.graph[inputs[-1]].is_activation:
                    params += self.graph[inputs[-1]].params
            elif id(t) in self._params:
                params.append(self._params[id(t)])
            elif t.requires_grad and id(t) not in self._buffers:
                inputs.append(self._unknown([t], [], f"what {ops.in_words(operation)} was given").index)
        return inputs, params

    def _unknown(self, made: list[Tensor], inputs: list[int], what: str) -> Node:
        """A node for tensors that nothing seen has made."""
        self.unknown.append(f"{self._stack[-1] or 'the model'}: {what}" if self._stack else what)
        node = self._node("unknown", inputs, [], active=True, shape=tuple(made[0].shape))
        self._bind(node, made)
        return node

    def _key(self) -> Key:
        site = call_site()
        module = self._stack[-1] if self._stack else ""
        self._calls[module, site] += 1
        for calls in self._calls_within:
            calls[site] += 1
        call, within = self._calls[module, site] - 1, self._calls_within[-1][site] - 1
        return Key(module, site.file, site.line, site.span, call, within)

    def _operand_rms(self, args: Any, kwargs: Mapping[str, Any]) -> dict[int, float]:
        measured = {}
        alpha = kwargs.get("alpha", 1)
        operands = [t for t in (*args, kwargs.get("input"), kwargs.get("other")) if isinstance(t, Tensor)]
        for i, t in enumerate(operands[:2]):
            if t in self._of:
                value = rms(t)
                if value is not None:
                    measured[self._of[t]] = value * (abs(float(alpha)) if i else 1.0)
        return measured

    def _is_norm(self, module: nn.Module) -> bool:
        named = NORM_CLASS.search(type(module).__name__)
        if named is None or module is self._root:
            return False
        return not any(isinstance(inner, NO_NORM) for inner in module.modules())

    def _at_root(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        with _unseen():
            self._see((args, kwargs))

    def _before(self, module: nn.Module, args: Any) -> None:
        if self._is_norm(module):
            if not self._in_norm:
                self._norm_inputs, self._norm_operations = [], set()
            self._in_norm += 1
        self._stack.append(self._modules.get(id(module), OUTSIDE))
        self._calls_within.append(Counter())
        self.graph.module_calls[self._stack[-1]] += 1

    def _after(self, module: nn.Module, args: Any, out: Any) -> None:
        name = self._stack.pop()
        self._calls_within.pop()
        with _unseen():
            if self._is_norm(module):
                self._in_norm -= 1
                if not self._in_norm:
                    self._end_norm(module, name, args, out)
            elif not self._in_norm:
                self._find_unknown(module, name, args, out)
            if isinstance(out, Tensor) and out in self._of:
                self._returned_by[self._of[out]] = name

    def _end_norm(self, module: nn.Module, name: str, args: Any, out: Any) -> None:
        """One node for all that a norm did; the norm of a weight is no activation, one that only scales is no norm."""
        made = list(tensors(out))
        given, params = self._taken(args, "norm")
        inputs = [i for i in dict.fromkeys([*given, *self._norm_inputs]) if self.graph[i].is_activation]
        if not made or (made[0] in self._of and not self._norm_inputs):  # it passed on what it was given
            return
        params += [self._params[id(p)] for p in module.parameters() if id(p) in self._params]
        scales = self._norm_operations <= ops.SCALE | ops.ADD | ops.VIEW
        operation = "mul" if scales else "norm"
        node = self._node(operation, inputs, params, active=bool(inputs), shape=tuple(made[0].shape), own_module=name)
        node.is_norm = node.is_activation and not scales
        self._bind(node, made)

    def _find_unknown(self, module: nn.Module, name: str, args: Any, out: Any) -> None:
        made = [t for t in tensors(out) if self._is_from_nowhere(t)]
        inputs = [self._of[t] for t in tensors(args) if t in self._of and self.graph[self._of[t]].is_activation]
        if made and inputs:
            node = self._unknown(made, inputs, f"{name or 'the model'} ({type(module).__name__})")
            node.own_module = name
            node.params = tuple(self._params[id(p)] for p in module.parameters() if id(p) in self._params)
            node.is_weight = next(module.parameters(), None) is not None

    def _is_from_nowhere(self, t: Tensor) -> bool:
        return t not in self._of and id(t) not in self._params and id(t) not in self._buffers


def tensors(value: Any) -> Iterator[Tensor]:
    """Every tensor in nested tuples, lists and mappings, such as a model's output."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors(item)


def rms(t: Tensor) -> float | None:
    """The root mean square of the tensor, None for one that holds no real numbers."""
    if not t.is_floating_point() or not t.numel():
        return None
    return float(t.detach().float().pow(2).mean().sqrt())


def _results(operation: str, given: Any, out: Any) -> list[Tensor]:
    """The tensors that hold what the operation made."""
    args, kwargs = given
    if operation == "__setitem__":  # a new version of what is written into
        return [args[0]]
    made = list(tensors(out))
    return made or list(tensors(kwargs.get("out")))


def _measure(node: Node, result: Tensor) -> None:
    node.rms = rms(result)
    if result.requires_grad:

        def keep(gradient: Tensor) -> None:
            node.gradient = float(gradient.detach().float().norm())

        result.register_hook(keep)  # type: ignore[no-untyped-call]


def plain_name(name: str) -> str:
    """The name without what torch.compile adds to it."""
    return name.replace(COMPILED, "").removesuffix(COMPILED.removesuffix("."))


def _unseen() -> AbstractContextManager[Any]:
    """Within it operations are not recorded, though hooks run while the mode is on."""
    guard: AbstractContextManager[Any] = torch._C.DisableTorchFunction()
    return guard
