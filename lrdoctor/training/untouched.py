"""Code that is run and leaves no trace: an evaluation between two updates must not change what is trained.

Everything that can be reached from the model, the loss and the step hook is noted before and put back afterwards:

- parameters and buffers, and tensors in any other attribute, by value and in place, also where `.data` was replaced;
- the attributes themselves, of modules and of other objects of the user's own: a carried state, a counter, a mode;
- what lists, dicts, sets and deques hold, numpy arrays, and random generators that an object keeps to itself;
- what closures and bound methods refer to, attributes of the user's classes, and which values the global names of the
  user's files have.

Not seen is what is changed elsewhere: a file, another process, the inside of objects of other libraries that are no
modules, a tensor that only a global name refers to and whose values are changed in place, entries of the entries of a
container with more than `MOST_ENTRIES` of them. The global random generators are put back by `randomness.Stream`.

It costs two copies of the parameters and buffers in time, and one in memory while the code runs.
"""

from __future__ import annotations

import functools
import random
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lrdoctor.training.importing import is_users

MOST_ENTRIES = 1000
"""Entries of a container that are looked into: to look into a vocabulary of a million words would take longer than the
evaluation, and none of its words changes. The container itself is put back whatever its length."""

PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Size})
"""Kinds of values that nothing changes."""

CONTAINERS = frozenset({dict, OrderedDict, list, set, deque})
"""A module has a dozen of them, most of them empty."""

HOLDERS = ("types", "collections", "argparse")
"""Modules of the standard library whose objects do no more than hold values (SimpleNamespace, UserDict, Namespace)."""

GENERATORS = (torch.Generator, random.Random, np.random.Generator, np.random.RandomState)

Undo = Callable[[], object]


@contextmanager
def untouched(*roots: Any) -> Iterator[None]:
    """On the way out everything that can be reached from the roots is what it was on the way in.

    Args:
        roots: models, losses, functions.
    """
    state = _State(roots)
    try:
        yield
    finally:
        state.put_back()


class _State:
    """What can be reached from some objects, and what it was like."""

    def __init__(self, roots: Iterable[Any]) -> None:
        self._waiting: list[Any] = list(roots)
        self._seen: dict[int, Any] = {}
        """The objects themselves by identity, so that no new one gets the identity of one that is gone."""
        self._containers: list[tuple[Any, Any]] = []
        """Each with what it held."""
        self._empty: list[Any] = []
        self._undo: list[Undo] = []
        self._tensors: list[Tensor] = []
        self._files: dict[int, dict[str, Any]] = {}
        """Global names of the user's files."""
        self._by_value = True
        self._look_at_all()
        # the data may be among the globals: tensors that only these refer to are taken for what they are, not copied
        self._by_value = False
        for names in self._files.values():
            self._undo.append(functools.partial(names.update, dict(names)))
            self._waiting += names.values()
        self._look_at_all()
        # aliases of what the tensors hold now, since assigning to `.data` gives a tensor other memory
        self._memory = [t.detach() for t in self._tensors]
        self._values = [value.clone() for value in self._memory]
        self._trained = [t.requires_grad for t in self._tensors]

    def put_back(self) -> None:
        for container in self._empty:
            if container:
                container.clear()
        for container, before in self._containers:
            if not _same_entries(container, before):
                _refill(container, before)
        for undo in reversed(self._undo):
            undo()
        for tensor, memory, trained in zip(self._tensors, self._memory, self._trained, strict=True):
            if tensor.data_ptr() != memory.data_ptr() or tensor.shape != memory.shape:
                tensor.data = memory
            if tensor.requires_grad != trained:
                tensor.requires_grad_(trained)
        if self._memory:
            torch._foreach_copy_(self._memory, self._values)

    def _look_at_all(self) -> None:
        waiting, seen = self._waiting, self._seen
        while waiting:
            value = waiting.pop()
            kind = type(value)
            if kind in PLAIN or id(value) in seen:
                continue
            if kind in CONTAINERS and not value:
                self._empty.append(value)
                continue
            seen[id(value)] = value
            self._look_at(value)

    def _look_at(self, value: Any) -> None:
        if isinstance(value, (type, types.ModuleType)):
            return  # not the trial's own; what it has of the classes of its objects is looked at with these
        if isinstance(value, Tensor):
            if self._by_value and _is_written_to(value):
                self._tensors.append(value)
        elif isinstance(value, (list, dict, set, deque)):
            self._note_container(value)
        elif isinstance(value, (tuple, frozenset)):
            self._waiting += value
        elif isinstance(value, np.ndarray):
            if self._by_value and value.flags.writeable:
                self._undo.append(functools.partial(np.copyto, value, value.copy()))
        elif isinstance(value, GENERATORS):
            self._undo.append(_rewinding(value))
        elif isinstance(value, types.FunctionType):
            self._note_function(value)
        elif isinstance(value, types.MethodType):
            self._waiting += (value.__self__, value.__func__)
        elif isinstance(value, functools.partial):
            self._waiting += (value.func, value.args, value.keywords)
        elif isinstance(value, nn.Module) or type(value).__module__ in HOLDERS or is_users(type(value).__module__):
            self._note_object(value)

    def _note_container(self, value: Any) -> None:
        before = dict(value) if isinstance(value, dict) else list(value)
        self._containers.append((value, before))
        if len(before) <= MOST_ENTRIES:
            self._waiting += before.values() if isinstance(before, dict) else before

    def _note_function(self, value: types.FunctionType) -> None:
        if not is_users(value.__module__):
            return
        self._waiting += (value.__dict__, value.__defaults__, value.__kwdefaults__)
        for cell in value.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:  # a name that has no value yet
                continue
            self._undo.append(functools.partial(setattr, cell, "cell_contents", content))
            self._waiting.append(content)
        self._note_file(value)

    def _note_object(self, value: Any) -> None:
        self._waiting.append(getattr(value, "__dict__", None))
        kind: Any = type(value)
        if id(kind) not in self._seen:
            self._seen[id(kind)] = kind
            for base in kind.__mro__:
                if is_users(base.__module__):
                    self._note_class(base)
        for name in _slots(kind):
            if hasattr(value, name):
                self._undo.append(functools.partial(setattr, value, name, getattr(value, name)))
                self._waiting.append(getattr(value, name))

    def _note_class(self, kind: type) -> None:
        """Its attributes, as a counter that all objects share, and the file of its methods."""
        for name, value in vars(kind).items():
            if isinstance(value, types.FunctionType):
                self._note_file(value)
            elif not name.startswith("__") and not hasattr(value, "__get__"):
                self._undo.append(functools.partial(_set_again, kind, name, value))
                self._waiting.append(value)

    def _note_file(self, function: types.FunctionType) -> None:
        names = function.__globals__
        if is_users(str(names.get("__name__"))):
            self._files[id(names)] = names


def _set_again(kind: type, name: str, value: Any) -> None:
    if vars(kind).get(name) is not value:  # an Enum, for one, does not let its members be set
        setattr(kind, name, value)


def _is_written_to(tensor: Tensor) -> bool:
    """Whether code can change the tensor's values in place, and they can be written back.

    A result of differentiable operations and one whose elements share memory cannot be written to.
    """
    plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout is torch.strided and not tensor.is_nested
    if not plain or tensor.grad_fn is not None or tensor.is_inference() or tensor.is_quantized:
        return False
    return tensor.is_contiguous() or not any(
        stride == 0 and size > 1 for stride, size in zip(tensor.stride(), tensor.shape, strict=True)
    )


def _same_entries(container: Any, before: Any) -> bool:
    """Whether a container holds the very same objects in the same order."""
    if len(container) != len(before):
        return False
    if isinstance(before, dict):
        pairs = zip(container.items(), before.items(), strict=True)
        return all(key is old_key and value is old for (key, value), (old_key, old) in pairs)
    return all(value is old for value, old in zip(container, before, strict=True))


def _refill(container: Any, before: Any) -> None:
    # by the methods of the plain kinds: those of a class of the user's may do more
    kinds: tuple[Any, ...] = (OrderedDict, dict, list, set, deque)
    kind = next(kind for kind in kinds if isinstance(container, kind))
    kind.clear(container)
    fill = kind.extend if kind in (list, deque) else kind.update
    fill(container, before)


def _rewinding(generator: Any) -> Undo:
    """What puts a random generator back to where it is."""
    if isinstance(generator, torch.Generator):
        return functools.partial(generator.set_state, generator.get_state())
    if isinstance(generator, random.Random):
        return functools.partial(generator.setstate, generator.getstate())
    if isinstance(generator, np.random.RandomState):
        return functools.partial(generator.set_state, generator.get_state())
    return functools.partial(setattr, generator.bit_generator, "state", generator.bit_generator.state)


@functools.cache
def _slots(kind: type) -> tuple[str, ...]:
    """Names of the attributes that objects of the class have outside of a `__dict__`."""
    slots = (base.__dict__.get("__slots__", ()) for base in kind.__mro__)
    names = (name for some in slots for name in ((some,) if isinstance(some, str) else some))
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))
