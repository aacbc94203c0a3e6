"""Other seeds than the script's: an offset on whatever it sets."""

from __future__ import annotations

import functools
import random
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

APART = 1000
"""Between two seeds of a trial, so that scripts which count up from their own seed (by rank, by worker) do not meet."""
LARGEST = 2**32
"""NumPy takes seeds below it."""

_offset = 0
"""What is added in this process."""


def shift(torch: ModuleType, seed: int) -> None:
    """Adds 1000 times the seed to those that the script gives to torch, random and numpy.random from now on; seed 0
    leaves them as they are, and `choose` may still follow."""
    depth = [0]

    def shifted(real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def call(*args: Any, **kwargs: Any) -> Any:
            if _offset and depth[0] == 0 and args and isinstance(args[0], int):
                args = ((args[0] + _offset) % LARGEST, *args[1:])
            depth[0] += 1  # torch.manual_seed calls those of the devices
            try:
                return real(*args, **kwargs)
            finally:
                depth[0] -= 1

        return call

    choose(torch, seed)
    patched = shifted(torch.manual_seed)
    for name in ("torch", "torch.random"):
        setattr(sys.modules[name], "manual_seed", patched)  # noqa: B010  # types know no such thing of a module
    for name in ("manual_seed", "manual_seed_all"):
        setattr(torch.cuda, name, shifted(getattr(torch.cuda, name)))
    random.seed = shifted(random.seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed = shifted(numpy.random.seed)


def choose(torch: ModuleType, seed: int) -> None:
    """Sets the offset.

    torch starts with the same seed in every process, so it is set anew for a script that sets none.
    """
    global _offset
    if seed == 0:
        return
    start = torch.initial_seed()
    _offset = 0
    torch.manual_seed(start + APART * seed)
    _offset = APART * seed
