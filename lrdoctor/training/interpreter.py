"""What training needs of its Python process, all of which the user's code can take apart: empty `sys.modules`, put None
in the place of a builtin, lower the recursion limit. After that anything fails anywhere, with an error that names
neither the cause nor a line of the user's; here the cause is found, and put right so far that it can be told.

What is replaced by something that can be called is no concern of this: it fails, if it does, in the user's own lines.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch  # noqa: F401  what is watched of it has to be there

NEEDED = (
    *("builtins", "io", "json", "linecache", "math", "os", os.path.__name__, "pickle", "random", "sys", "threading"),
    *("time", "traceback", "numpy", "torch", "torch.autograd", "torch.nn", "torch.nn.functional", "torch.optim"),
)
"""Modules whose functions and classes are watched: those that a training step, the rows of a trial and the report of an
error go through."""

MOST_NAMED = 3
"""Names of a module that a message lists."""


class Interpreter:
    """The process as it is before any code of the user's has run in it."""

    def __init__(self) -> None:
        self._live_builtins = vars(builtins)
        self._builtins = dict(self._live_builtins)
        self._modules = dict(sys.modules)
        self._callable = {
            name: {key: value for key, value in vars(self._modules[name]).items() if callable(value)} for name in NEEDED
        }
        self._finders = list(sys.meta_path)
        self._recursion_limit = sys.getrecursionlimit()

    def repair(self) -> tuple[str, ...]:
        """Puts back what is gone, so far that an error can be told, and says what was gone or is set otherwise.

        All builtins are put back, first and without the help of one: not even `isinstance` is there for certain.
        """
        found = {**self._live_builtins}
        self._live_builtins.update(self._builtins)
        if sys.getrecursionlimit() < self._recursion_limit:
            low = sys.getrecursionlimit()
            sys.setrecursionlimit(self._recursion_limit)
            return (f"the recursion limit is {low}, it was {self._recursion_limit}", *self._gone(found))
        return tuple(self._gone(found))

    def _gone(self, found: Mapping[str, Any]) -> Iterator[str]:
        """What is gone beside the recursion limit, `found` being the builtins as they were found."""
        gone = [name for name, module in self._modules.items() if sys.modules.get(name) is None and module is not None]
        again = [name for name in NEEDED if sys.modules.get(name) not in (None, self._modules[name])]
        if gone or again:
            # with those that were imported anew since: two modules of one name do not know each other's classes
            sys.modules.update(self._modules)
        if gone:
            yield f"{_counted(gone, 'module')} not in sys.modules any more"
        if again:
            yield f"{_counted(again, 'module')} imported a second time"
        for name, before in self._callable.items():
            now = found if name == "builtins" else vars(self._modules[name])
            lost = [key for key in before if not callable(now.get(key))]
            if lost:
                yield f"{_counted([f'{name}.{key}' for key in lost], 'function')} gone"
            vars(self._modules[name]).update({key: before[key] for key in lost})
        if len(sys.meta_path) < len(self._finders):
            yield f"sys.meta_path has {len(sys.meta_path)} of {len(self._finders)} finders"
            sys.meta_path[:] = self._finders


def set_otherwise(error: Exception) -> tuple[str, ...]:
    """Settings of the process that made lrdoctor's own code raise the error, which is no fault of that code then."""
    if isinstance(error, Warning):
        return ("warnings are raised as errors",)
    if isinstance(error, FloatingPointError):
        return (f"numpy raises floating-point errors ({np.geterr()})",)
    if isinstance(error, FileNotFoundError) and not _has_current_folder():
        return ("the current folder is gone",)
    return ()


def _has_current_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _counted(names: Sequence[str], what: str) -> str:
    """
    >>> _counted(["os.fsync"], "function"), _counted(["a", "b", "c", "d"], "module")
    ('1 function (os.fsync) is', '4 modules (a, b, c, ...) are')
    """
    listed = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
    many = len(names) > 1
    return f"{len(names)} {what}{'s' if many else ''} ({listed}) {'are' if many else 'is'}"
